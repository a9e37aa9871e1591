public import TensorCore

/// The entries along an axis (or the elements) for which a list of bools is true. ONNX `Compress`.
public struct Compress: DataMovement {
  public let axis: Int?

  public init(axis: Int?) { self.axis = axis }

  public var name: String { "Compress" }
  public var attributes: [(name: String, value: String)] { axis.map { [("axis", "\($0)")] } ?? [] }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let data = try inputs.required(0, "input")
    guard let axis else { return [Fact(type: data.type, shape: [.unknown])] }
    guard var shape = data.shape else { return [Fact(type: data.type, shape: nil)] }
    shape[try ShapeFacts.axis(axis, rank: shape.count)] = .unknown
    return [Fact(type: data.type, shape: shape)]
  }

  public func move(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    var data = try Operand.tensor(inputs, 0, "input")
    let condition = try Operand.tensor(inputs, 1, "condition")
    guard condition.shape.rank == 1, let flags = condition.array(of: Bool.self) else {
      throw GraphError(
        .invalidInput, "the condition must be a list of bools, a \(condition.dtype) of shape \(condition.shape) came")
    }
    if axis == nil { data = try data.viewed([data.count]) }
    let axis = try Operand.axis(axis ?? 0, rank: data.shape.rank)
    let extent = data.shape[axis]
    let kept = flags.indices.filter { flags[$0] }
    if let last = kept.last, last >= extent {
      throw GraphError(.invalidInput, "the condition selects entry \(last) of an axis of extent \(extent)")
    }
    var picked: [Value?] = [.tensor(data), .tensor(Tensor(kept.map { Int64($0) }))]
    return try Gather(axis: axis).move(&picked, context)
  }
}
