public import InferenceGraph
public import TensorCore

/// Targets linear in the features.
public struct LinearRegressor: Operator {
  public let name = "LinearRegressor"
  private let weights: AffineMap
  let transform: PostTransform
  let targets: Int
  let columns: Int

  /// - Parameters:
  ///   - coefficients: one row of weights a target, row-major.
  ///   - intercepts: one a target, or none.
  /// - Throws: `GraphError` naming the attribute whose length does not fit.
  public init(coefficients: [Float], intercepts: [Float], targets: Int, transform: PostTransform) throws {
    guard targets > 0 else { throw GraphError(.invalidModel, "attribute \"targets\" is \(targets)") }
    guard !coefficients.isEmpty, coefficients.count % targets == 0 else {
      throw GraphError(
        .invalidModel,
        "attribute \"coefficients\" has \(coefficients.count) values, which do not divide by \(targets) targets")
    }
    guard intercepts.isEmpty || intercepts.count == targets else {
      throw GraphError(
        .invalidModel, "attribute \"intercepts\" has \(intercepts.count) values, expected none or \(targets)")
    }
    weights = AffineMap(coefficients, intercepts, outputs: targets)
    self.transform = transform
    self.targets = targets
    columns = coefficients.count / targets
  }

  public var attributes: [(name: String, value: String)] {
    [("features", "\(columns)"), ("targets", "\(targets)"), ("post_transform", transform.rawValue)]
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let (rows, _) = try FeatureMatrix.extents(inputs.first ?? nil, columns: columns)
    return [Fact(.float32, [rows, Dim(targets)])]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try FeatureMatrix(inputs[0], columns: columns, context)
    defer { x.recycle(context) }
    let result = try context.allocate(.float32, [x.rows, targets])
    let out = result.unsafeMutableElements(of: Float.self).baseAddress!
    weights.apply(x, out, rowStride: targets, context.pool)
    if transform != .none && (targets > 1 || transform == .probit) {
      for i in 0..<x.rows {
        let row = UnsafeMutableBufferPointer(start: out + i &* targets, count: targets)
        if targets > 1 { transform.apply(row) } else { row[0] = PostTransform.probit(row[0]) }
      }
    }
    return [.tensor(result)]
  }

  public func addHeld(to memory: inout HeldMemory) { weights.addHeld(to: &memory) }
}
