public import InferenceGraph
import Kernels
public import TensorCore

/// Targets linear in the features.
public struct LinearRegressor: Operator {
  public let name = "LinearRegressor"
  let weights: [Float]
  let intercepts: [Float]
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
    weights = coefficients
    self.intercepts = intercepts
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
    weights.withUnsafeBufferPointer { weights in
      intercepts.withUnsafeBufferPointer { intercepts in
        let bias = intercepts.isEmpty ? nil : intercepts.baseAddress
        context.pool.parallelFor(x.rows, grain: 1 + 200_000 / Swift.max(1, weights.count)) { lower, upper in
          for i in lower..<upper {
            let row = out + i &* targets
            DotProducts.affine(x.row(i), columns, weights.baseAddress!, bias, targets, row)
            if targets > 1 {
              transform.apply(UnsafeMutableBufferPointer(start: row, count: targets))
            } else if transform == .probit {
              row[0] = PostTransform.probit(row[0])
            }
          }
        }
      }
    }
    return [.tensor(result)]
  }

  public var heldBytes: Int { (weights.count + intercepts.count) * 4 }
}
