public import InferenceGraph
public import TensorCore

/// The labels of a classifier, in the order of its score columns.
public enum ClassLabels: Sendable, Equatable {
  case integers([Int64])
  case strings([String])

  public var count: Int {
    switch self {
    case .integers(let labels): labels.count
    case .strings(let labels): labels.count
    }
  }

  public var dtype: DType {
    switch self {
    case .integers: .int64
    case .strings: .string
    }
  }

  func addHeld(to memory: inout HeldMemory) {
    switch self {
    case .integers(let labels): memory.add(privateBytes: labels.count * 8)
    case .strings(let labels): memory.add(strings: labels)
    }
  }

  /// The labels 0 and 1, of the kind of `labels`: what a two-way decision answers where the model names other than two.
  public static func negativeAndPositive(like labels: ClassLabels) -> ClassLabels {
    switch labels {
    case .integers: .integers([0, 1])
    case .strings: .strings(["0", "1"])
    }
  }

  /// The labels as a tensor of rank 1.
  public var tensor: Tensor {
    switch self {
    case .integers(let labels): return Tensor(labels)
    case .strings(let labels):
      let tensor = Tensor(uninitialized: .string, [labels.count])
      tensor.unsafeSetStrings(labels)
      return tensor
    }
  }

  /// A tensor of shape `[rows]` whose element `i` is label `choice(i)`.
  ///
  /// - Throws: `GraphError.Code.invalidModel` when a choice is no label's index.
  public func gather(_ rows: Int, _ context: EvaluationContext, _ choice: (Int) -> Int) throws -> Tensor {
    let out = try context.allocate(dtype, [rows])
    var outside: Int?
    switch self {
    case .integers(let labels):
      let to = out.unsafeMutableElements(of: Int64.self)
      labels.withUnsafeBufferPointer { labels in
        for i in 0..<rows {
          let c = choice(i)
          if c >= 0 && c < labels.count { to[i] = labels[c] } else { outside = c }
        }
      }
    case .strings(let labels):
      var to: [String] = []
      to.reserveCapacity(rows)
      for i in 0..<rows {
        let c = choice(i)
        if c >= 0 && c < labels.count { to.append(labels[c]) } else { outside = c }
      }
      if to.count < rows { break }
      out.unsafeSetStrings(to)
    }
    if let outside { throw GraphError(.invalidModel, "class \(outside) of a model with \(count) class labels") }
    return out
  }
}
