public import InferenceGraph
public import TensorCore

/// Scores linear in the features, and the label with the greatest one.
///
/// With one score and two labels the score decides by its sign, and two columns come out.
public struct LinearClassifier: Operator {
  public let name = "LinearClassifier"
  private let weights: AffineMap
  let labels: ClassLabels
  let transform: PostTransform
  let columns: Int
  /// Rows of weights.
  let scoreCount: Int

  /// - Parameters:
  ///   - coefficients: one row of weights a score, row-major.
  ///   - intercepts: one a score, or none.
  ///   - columns: the number of features where it is known and `intercepts` does not tell it.
  /// - Throws: `GraphError` naming the attribute whose length does not fit.
  public init(
    coefficients: [Float], intercepts: [Float], labels: ClassLabels, transform: PostTransform, columns: Int? = nil
  ) throws {
    guard !coefficients.isEmpty else { throw GraphError(.invalidModel, "attribute \"coefficients\" is empty") }
    var count = intercepts.count
    if count == 0 {
      count = columns.flatMap { $0 > 0 && coefficients.count % $0 == 0 ? coefficients.count / $0 : nil } ?? labels.count
    }
    guard count > 0, coefficients.count % count == 0 else {
      throw GraphError(
        .invalidModel,
        "attribute \"coefficients\" has \(coefficients.count) values, which do not divide by \(count) scores")
    }
    guard count == 1 || labels.count == count else {
      throw GraphError(.invalidModel, "\(count) scores, but \(labels.count) class labels")
    }
    weights = AffineMap(coefficients, intercepts, outputs: count)
    self.labels = labels
    self.transform = transform
    scoreCount = count
    self.columns = coefficients.count / count
  }

  public var attributes: [(name: String, value: String)] {
    [("features", "\(columns)"), ("classes", "\(labels.count)"), ("post_transform", transform.rawValue)]
  }

  private var addsSecond: Bool { scoreCount == 1 && labels.count == 2 }
  private var outputColumns: Int { addsSecond ? 2 : scoreCount }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let (rows, _) = try FeatureMatrix.extents(inputs.first ?? nil, columns: columns)
    return [Fact(labels.dtype, [rows]), Fact(.float32, [rows, Dim(outputColumns)])]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try FeatureMatrix(inputs[0], columns: columns, context)
    defer { x.recycle(context) }
    let width = outputColumns
    let scores = try context.allocate(.float32, [x.rows, width])
    let out = scores.unsafeMutableElements(of: Float.self).baseAddress!
    weights.apply(x, out, rowStride: width, context.pool)
    let label: Tensor
    if scoreCount == 1 {
      let choices: ClassLabels = labels.count == 2 ? labels : .negativeAndPositive(like: labels)
      label = try choices.gather(x.rows, context) { out[$0 &* width] > 0 ? 1 : 0 }
    } else {
      label = try labels.gather(x.rows, context) { argMax(out + $0 &* width, scoreCount) }
    }
    for i in 0..<x.rows { finish(out + i &* width) }
    return [.tensor(label), .tensor(scores)]
  }

  private func finish(_ row: UnsafeMutablePointer<Float>) {
    if addsSecond {
      SecondScore.complement.write(row[0], transform, to: row)
    } else if scoreCount > 1 {
      transform.apply(UnsafeMutableBufferPointer(start: row, count: scoreCount))
    } else if transform == .probit {
      row[0] = PostTransform.probit(row[0])
    }
  }

  public func addHeld(to memory: inout HeldMemory) { weights.addHeld(to: &memory) }
}

/// The index of the greatest element, the first of equals.
@inline(__always)
func argMax(_ values: UnsafePointer<Float>, _ count: Int) -> Int {
  var best = 0
  var top = values[0]
  for i in 1..<Swift.max(count, 1) where values[i] > top {
    top = values[i]
    best = i
  }
  return best
}
