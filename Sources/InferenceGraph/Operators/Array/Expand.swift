public import TensorCore

/// A tensor broadcast with the shape that input 1 lists. ONNX `Expand`.
public struct Expand: DataMovement {
  public init() {}

  public var name: String { "Expand" }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let data = try inputs.required(0, "input")
    let target = try inputs.required(1, "shape")
    guard let shape = data.shape else { return [Fact(type: data.type, shape: nil)] }
    guard let count = target.listCount else { return [Fact(type: data.type, shape: nil)] }
    let extents = target.integerElements ?? ShapeFacts.unknown(count)
    let rank = Swift.max(shape.count, count)
    var out = ShapeFacts.unknown(rank)
    for axis in 0..<rank {
      let a: Dim = axis < rank - shape.count ? 1 : shape[axis - (rank - shape.count)]
      let b: Dim = axis < rank - count ? 1 : extents[axis - (rank - count)]
      guard let extent = a.broadcast(with: b) else {
        throw GraphError(.invalidModel, "\(data) cannot be broadcast with shape \(extents)")
      }
      out[axis] = extent
    }
    return [Fact(type: data.type, shape: out)]
  }

  public func move(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let data = try Operand.tensor(inputs, 0, "input")
    let target = Shape(try Operand.integers(inputs, 1, "shape"))
    guard target.checkedElementCount != nil, let shape = data.shape.broadcast(with: target) else {
      throw GraphError(.invalidInput, "shape \(data.shape) cannot be broadcast with shape \(target)")
    }
    if shape.checkedElementCount == data.count { return [.tensor(try data.viewed(shape))] }
    let copy = StridedCopy(dense: shape.dims, from: data.shape.broadcastStrides(to: shape))
    return [.tensor(try copy.filled(shape, from: data, context))]
  }
}

/// A tensor repeated along every axis as often as input 1 lists. ONNX `Tile` as of opset 6.
public struct Tile: DataMovement {
  public init() {}

  public var name: String { "Tile" }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let data = try inputs.required(0, "input")
    let repeats = try inputs.required(1, "repeats")
    guard let shape = data.shape else { return [Fact(type: data.type, shape: nil)] }
    if let count = repeats.listCount, count != shape.count {
      throw GraphError(.invalidModel, "\(count) repeats for a tensor of rank \(shape.count)")
    }
    let times = repeats.integerElements ?? ShapeFacts.unknown(shape.count)
    return [Fact(type: data.type, shape: zip(shape, times).map { $0 * $1 })]
  }

  public func move(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let data = try Operand.tensor(inputs, 0, "input")
    let repeats = try Operand.integers(inputs, 1, "repeats")
    guard repeats.count == data.shape.rank, repeats.allSatisfy({ $0 >= 0 }) else {
      throw GraphError(.invalidInput, "repeats \(repeats) for a tensor of shape \(data.shape)")
    }
    if repeats.allSatisfy({ $0 == 1 }) { return [.tensor(data)] }
    var shape = data.shape
    var extents: [Int] = []
    var from: [Int] = []
    let strides = data.shape.strides
    for axis in repeats.indices {
      let (extent, overflow) = shape[axis].multipliedReportingOverflow(by: repeats[axis])
      guard !overflow else { throw GraphError(.limit, "repeats \(repeats) are too many") }
      extents += [repeats[axis], shape[axis]]
      from += [0, strides[axis]]
      shape[axis] = extent
    }
    let out = try context.allocate(data.dtype, shape)
    StridedCopy(dense: extents, from: from).run(from: data, to: out, context.pool)
    return [.tensor(out)]
  }
}
