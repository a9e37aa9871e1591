public import TensorCore

/// The axes in another order: axis `i` of the output is axis `permutation[i]` of the input; reversed where it is nil.
/// ONNX `Transpose`.
public struct Transpose: DataMovement {
  public let permutation: [Int]?

  public init(_ permutation: [Int]? = nil) { self.permutation = permutation }

  public var name: String { "Transpose" }
  public var attributes: [(name: String, value: String)] { permutation.map { [("perm", "\($0)")] } ?? [] }

  private func order(_ rank: Int, _ code: GraphError.Code) throws -> [Int] {
    guard let permutation else { return (0..<rank).reversed() }
    guard permutation.count == rank, permutation.sorted() == Array(0..<rank) else {
      throw GraphError(code, "perm \(permutation) is no order of the axes of a tensor of rank \(rank)")
    }
    return permutation
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let data = try inputs.required(0, "data")
    guard let shape = data.shape else {
      return [Fact(type: data.type, shape: permutation.map { ShapeFacts.unknown($0.count) })]
    }
    let order = try order(shape.count, .invalidModel)
    return [data.reshaped(order.map { shape[$0] }, elements: data.integerElements)]
  }

  public func move(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let data = try Operand.tensor(inputs, 0, "data")
    let order = try order(data.shape.rank, .invalidInput)
    let shape = Shape(order.map { data.shape[$0] })
    let moved = order.filter { data.shape[$0] != 1 }
    if moved == moved.sorted() { return [.tensor(try data.viewed(shape))] }
    let strides = data.shape.strides
    let copy = StridedCopy(dense: shape.dims, from: order.map { strides[$0] })
    return [.tensor(try copy.filled(shape, from: data, context))]
  }
}
