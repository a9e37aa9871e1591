public import InferenceGraph
import Kernels
public import TensorCore

/// A support vector regressor (or one-class detector).
public struct SVMRegressor: Operator {
  public let name = "SVMRegressor"
  let kernel: SVMKernel
  let vectors: [Float]
  let coefficients: [Float]
  let rho: Float
  let isOneClass: Bool
  let columns: Int
  let vectorCount: Int

  /// - Parameters:
  ///   - vectors: support vectors, row-major; with `vectorCount` 0 the model is linear in `coefficients`.
  ///   - coefficients: one a support vector, or one a feature.
  ///   - isOneClass: answer 1 and -1 instead of the value.
  /// - Throws: `GraphError` naming the attribute whose length does not fit.
  public init(
    kernel: SVMKernel, vectors: [Float], vectorCount: Int, coefficients: [Float], rho: [Float], isOneClass: Bool
  ) throws {
    guard let first = rho.first else { throw GraphError(.invalidModel, "attribute \"rho\" is missing or empty") }
    guard !coefficients.isEmpty else { throw GraphError(.invalidModel, "attribute \"coefficients\" is empty") }
    guard vectorCount >= 0 else { throw GraphError(.invalidModel, "attribute \"n_supports\" is \(vectorCount)") }
    if vectorCount > 0 {
      guard vectors.count >= vectorCount, vectors.count % vectorCount == 0 else {
        throw GraphError(
          .invalidModel,
          "attribute \"support_vectors\" has \(vectors.count) values, which do not divide by \(vectorCount) vectors")
      }
      guard coefficients.count == vectorCount else {
        throw GraphError(
          .invalidModel, "attribute \"coefficients\" has \(coefficients.count) values, expected \(vectorCount)")
      }
      self.kernel = kernel
      columns = vectors.count / vectorCount
    } else {
      self.kernel = try SVMKernel(.linear, parameters: [])
      columns = coefficients.count
    }
    self.vectors = vectors
    self.vectorCount = vectorCount
    self.coefficients = coefficients
    self.rho = first
    self.isOneClass = isOneClass
  }

  public var attributes: [(name: String, value: String)] {
    [("features", "\(columns)"), ("vectors", "\(vectorCount)"), ("kernel", kernel.kind.rawValue)]
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let (rows, _) = try FeatureMatrix.extents(inputs.first ?? nil, columns: columns)
    return [Fact(.float32, [rows, 1])]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try FeatureMatrix(inputs[0], columns: columns, context)
    defer { x.recycle(context) }
    let result = try context.allocate(.float32, [x.rows, 1])
    let out = result.unsafeMutableElements(of: Float.self).baseAddress!
    let work = Swift.max(coefficients.count, vectors.count)
    context.pool.parallelFor(x.rows, grain: 1 + 100_000 / Swift.max(1, work)) { lower, upper in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: Swift.max(vectorCount, 1)) { kernels in
        for i in lower..<upper { out[i] = value(x.row(i), kernels.baseAddress!) }
      }
    }
    return [.tensor(result)]
  }

  private func value(_ row: UnsafePointer<Float>, _ kernels: UnsafeMutablePointer<Float>) -> Float {
    let sum = coefficients.withUnsafeBufferPointer { coefficients in
      if vectorCount == 0 { return DotProducts.dot(row, coefficients.baseAddress!, columns) }
      vectors.withUnsafeBufferPointer { kernel.evaluate(row, columns, $0.baseAddress!, vectorCount, kernels) }
      return DotProducts.dot(kernels, coefficients.baseAddress!, vectorCount)
    }
    return isOneClass ? (sum + rho > 0 ? 1 : -1) : sum + rho
  }

  public func addHeld(to memory: inout HeldMemory) {
    memory.add(privateBytes: (vectors.count + coefficients.count) * 4)
  }
}
