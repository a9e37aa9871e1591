public import TensorCore

/// The upper or lower triangle of matrices, zeros elsewhere; input 1 moves the diagonal. ONNX `Trilu`.
public struct Trilu: DataMovement {
  public let isUpper: Bool

  public init(isUpper: Bool) { self.isUpper = isUpper }

  public var name: String { "Trilu" }
  public var attributes: [(name: String, value: String)] { [("upper", isUpper ? "1" : "0")] }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let data = try inputs.required(0, "input")
    if let rank = data.rank, rank < 2 { throw GraphError(.invalidModel, "\(data) holds no matrices") }
    return [Fact(type: data.type, shape: data.shape)]
  }

  public func move(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let data = try Operand.tensor(inputs, 0, "input")
    let k = try Operand.optionalTensor(inputs, 1, "k").map { try Operand.integer($0, "k") } ?? 0
    let rank = data.shape.rank
    guard rank >= 2 else { throw GraphError(.invalidInput, "a tensor of shape \(data.shape) holds no matrices") }
    let rows = data.shape[rank - 2]
    let columns = data.shape[rank - 1]
    let diagonal = Swift.min(Swift.max(k, -rows), columns)
    let out = try context.allocate(data.dtype, data.shape)
    let width = data.dtype.byteWidth
    let from = data.unsafeBytes
    let to = out.unsafeMutableBytes
    to.initializeMemory(as: UInt8.self, repeating: 0)
    for line in 0..<data.shape.product(0..<(rank - 1)) {
      let edge = Swift.min(Swift.max(line % rows + diagonal + (isUpper ? 0 : 1), 0), columns)
      let kept = isUpper ? edge..<columns : 0..<edge
      let range = ((line * columns + kept.lowerBound) * width)..<((line * columns + kept.upperBound) * width)
      UnsafeMutableRawBufferPointer(rebasing: to[range]).copyMemory(from: UnsafeRawBufferPointer(rebasing: from[range]))
    }
    return [.tensor(out)]
  }
}
