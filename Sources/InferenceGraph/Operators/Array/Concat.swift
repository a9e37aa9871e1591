public import TensorCore

/// Tensors one after the other along an axis. ONNX `Concat`.
public struct Concat: DataMovement {
  public let axis: Int

  public init(axis: Int) { self.axis = axis }

  public var name: String { "Concat" }
  public var attributes: [(name: String, value: String)] { [("axis", "\(axis)")] }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    var facts: [Fact] = []
    for index in inputs.indices { facts.append(try inputs.required(index, "inputs")) }
    guard let first = facts.first else { throw GraphError(.invalidModel, "there is nothing to join") }
    if let dtype = first.dtype, let other = facts.first(where: { $0.dtype != nil && $0.dtype != dtype }) {
      throw GraphError(.invalidModel, "cannot join \(first) and \(other): the element types differ")
    }
    let type = facts.lazy.compactMap(\.type).first
    guard let rank = facts.lazy.compactMap(\.rank).first else { return [Fact(type: type, shape: nil)] }
    let axis = try ShapeFacts.axis(axis, rank: rank)
    var out = ShapeFacts.unknown(rank)
    out[axis] = 0
    for fact in facts {
      guard let shape = fact.shape else {
        out[axis] = .unknown
        continue
      }
      guard shape.count == rank else {
        throw GraphError(.invalidModel, "cannot join \(first) and \(fact): the ranks differ")
      }
      for i in 0..<rank {
        out[i] =
          i == axis
          ? out[i] + shape[i]
          : try ShapeFacts.unified(out[i], shape[i], "cannot join \(first) and \(fact) along axis \(axis)")
      }
    }
    var elements: [Dim]? = rank == 1 ? [] : nil
    for fact in facts where elements != nil {
      if let more = fact.integerElements {
        elements! += more
      } else if let count = fact.listCount, count <= Fact.maxElements {
        elements! += ShapeFacts.unknown(count)
      } else {
        elements = nil
      }
    }
    return [Fact(type: type, shape: out, elements: elements)]
  }

  public func move(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    var tensors: [Tensor] = []
    for index in inputs.indices { tensors.append(try Operand.tensor(inputs, index, "inputs")) }
    return [.tensor(try Concat.join(tensors, axis: axis, context))]
  }

  /// `tensors`, which must not hold strings, one after the other along `axis`.
  static func join(_ tensors: [Tensor], axis: Int, _ context: EvaluationContext) throws -> Tensor {
    guard let first = tensors.first else { throw GraphError(.invalidInput, "there is nothing to join") }
    let axis = try Operand.axis(axis, rank: first.shape.rank)
    var shape = first.shape
    shape[axis] = 0
    for tensor in tensors {
      var dims = tensor.shape
      guard tensor.dtype == first.dtype, dims.rank == shape.rank else {
        throw GraphError(
          .invalidInput,
          "cannot join a \(first.dtype) of shape \(first.shape) and a \(tensor.dtype) of shape \(tensor.shape)")
      }
      dims[axis] = first.shape[axis]
      guard dims == first.shape else {
        throw GraphError(.invalidInput, "cannot join shapes \(first.shape) and \(tensor.shape) along axis \(axis)")
      }
      let (sum, overflow) = shape[axis].addingReportingOverflow(tensor.shape[axis])
      guard !overflow else { throw GraphError(.limit, "the joined axis is too long") }
      shape[axis] = sum
    }
    if let whole = tensors.first(where: { $0.shape == shape }) { return whole }
    let out = try context.allocate(first.dtype, shape)
    let outer = shape.product(0..<axis)
    let inner = shape.product((axis + 1)..<shape.rank)
    let row = shape[axis] * inner
    var at = 0
    for tensor in tensors {
      let run = tensor.shape[axis] * inner
      StridedCopy(extents: [outer, run], from: [run, 1], to: [row, 1], toStart: at).run(
        from: tensor, to: out, context.pool)
      at += run
    }
    return out
  }
}
