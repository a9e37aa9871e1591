public import InferenceGraph
public import LinearModels
public import TensorCore

/// An ensemble whose scores are the answer: one value a target.
public struct TreeEnsembleRegressor: Operator {
  public let name = "TreeEnsembleRegressor"
  private var body: ForestBody
  private let baseValues: [Double]
  private let transform: PostTransform
  private let output: DType

  /// - Parameters:
  ///   - baseValues: added to the scores: one a target, or none. Any other number is passed over, as by ONNX Runtime.
  ///   - input: the kind of the rows. For `float64` all is computed in doubles, otherwise in floats.
  ///   - output: `float32`, `float64` or `float16`.
  public init(
    _ ensemble: Ensemble, aggregate: Ensemble.Aggregate, baseValues: [Double], transform: PostTransform, input: DType,
    output: DType
  ) throws {
    guard output == .float32 || output == .float64 || output == .float16 else {
      throw GraphError(.invalidModel, "scores of \(output) are not supported")
    }
    body = ForestBody(ensemble, aggregate: aggregate, input: input)
    self.baseValues = baseValues.count == ensemble.targetCount ? baseValues : []
    self.transform = transform
    self.output = output
  }

  public var attributes: [(name: String, value: String)] {
    body.attributes + [("post_transform", transform.rawValue)]
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    [Fact(output, [try body.rows(inputs.first ?? nil), Dim(body.targetCount)])]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    var result: Tensor?
    var put: (Int, Float) -> Void = { _, _ in }
    var putDouble: (Int, Double) -> Void = { _, _ in }
    let count = body.targetCount
    try body.run(inputs[0], context) { rows in
      let tensor = try context.allocate(output, [rows, count])
      result = tensor
      switch output {
      case .float64:
        let to = tensor.unsafeMutableElements(of: Double.self).baseAddress!
        put = { to[$0] = Double($1) }
        putDouble = { to[$0] = $1 }
      #if !(os(macOS) && arch(x86_64))
      case .float16:
        let to = tensor.unsafeMutableElements(of: Float16.self).baseAddress!
        put = { to[$0] = Float16($1) }
        putDouble = { to[$0] = Float16($1) }
      #endif
      default:
        let to = tensor.unsafeMutableElements(of: Float.self).baseAddress!
        put = { to[$0] = $1 }
        putDouble = { to[$0] = Float($1) }
      }
    } float: { row, scores, _ in
      finish(scores) { put(row &* count &+ $0, $1) }
    } double: { row, scores, _ in
      finish(scores) { putDouble(row &* count &+ $0, $1) }
    }
    guard let result else { throw GraphError(.invalidInput, "the input has no rows to answer") }
    return [.tensor(result)]
  }

  @inline(__always)
  private func finish<T: TreeNumber>(_ scores: UnsafeMutablePointer<T>, _ put: (Int, T) -> Void) {
    let count = body.targetCount
    if !baseValues.isEmpty { for t in 0..<count { scores[t] += T(baseValues[t]) } }
    if transform != .none && (count > 1 || transform == .probit) {
      withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { floats in
        for t in 0..<count { floats[t] = Float(scores[t]) }
        transform.apply(floats)
        for t in 0..<count { scores[t] = T(floats[t]) }
      }
    }
    for t in 0..<count { put(t, scores[t]) }
  }

  public func addHeld(to memory: inout HeldMemory) { body.addHeld(to: &memory) }

  /// The same with the tables where `constants` keep them.
  public func specialized(
    _ inputs: [Fact?], _ constants: Constants
  ) throws -> (operator: any Operator, kept: [Int])? {
    guard constants.areKept else { return nil }
    var settled = self
    settled.body = body.settled(in: constants)
    return (settled, Array(inputs.indices))
  }
}
