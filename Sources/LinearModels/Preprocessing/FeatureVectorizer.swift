public import InferenceGraph
public import TensorCore

/// Joins inputs along their columns as `float32`; each is cut, or filled with zeros, to its declared width.
public struct FeatureVectorizer: Operator {
  public let name = "FeatureVectorizer"
  let widths: [Int]

  /// - Throws: `GraphError` for a negative width or a sum that overflows.
  public init(widths: [Int]) throws {
    var total = 0
    for w in widths {
      let (sum, overflow) = total.addingReportingOverflow(w)
      guard w >= 0, !overflow else {
        throw GraphError(.invalidModel, "attribute \"inputdimensions\" has the value \(w)")
      }
      total = sum
    }
    self.widths = widths
  }

  public var attributes: [(name: String, value: String)] { [("inputdimensions", "\(widths)")] }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    try check(inputs.count)
    var rows = Dim.unknown
    for fact in inputs {
      if let shape = fact?.shape, let first = shape.first { rows = shape.count == 1 && inputs.count > 1 ? rows : first }
    }
    if inputs.count == 1, let shape = inputs[0]?.shape, shape.count == 1 { rows = 1 }
    return [Fact(.float32, [rows, Dim(widths.reduce(0, +))])]
  }

  private func check(_ count: Int) throws {
    guard count > 0, count == widths.count else {
      throw GraphError(.invalidModel, "attribute \"inputdimensions\" has \(widths.count) values for \(count) inputs")
    }
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    try check(inputs.count)
    var rows: Int?
    for value in inputs {
      let (n, _) = try FeatureMatrix.extents(Inputs.tensor(value).shape)
      guard rows == nil || rows == n else {
        throw GraphError(.invalidInput, "the inputs have \(rows ?? 0) and \(n) rows")
      }
      rows = n
    }
    let total = widths.reduce(0, +)
    let out = try context.allocate(.float32, [rows ?? 0, total])
    let to = out.unsafeMutableElements(of: Float.self)
    to.update(repeating: 0)
    var start = 0
    for (value, width) in zip(inputs, widths) {
      let x = try FeatureMatrix(value, context)
      let n = Swift.min(width, x.columns)
      for i in 0..<x.rows {
        for c in 0..<n { to[i &* total &+ start &+ c] = x.row(i)[c] }
      }
      x.recycle(context)
      start += width
    }
    return [.tensor(out)]
  }
}
