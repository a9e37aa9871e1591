public import TensorCore

/// A copy of the data with elements replaced or joined along an axis, one index an element. ONNX `ScatterElements`.
public struct ScatterElements: DataMovement {
  public let axis: Int
  public let reduction: ScatterReduction

  public init(axis: Int, reduction: ScatterReduction = .none) {
    self.axis = axis
    self.reduction = reduction
  }

  public var name: String { "ScatterElements" }
  public var attributes: [(name: String, value: String)] {
    [("axis", "\(axis)"), ("reduction", reduction.rawValue)]
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let data = try Scatter.fact(inputs, reduction)
    if let rank = data.rank {
      _ = try ShapeFacts.axis(axis, rank: rank)
      if let other = inputs.optional(1)?.rank, other != rank {
        throw GraphError(.invalidModel, "indices must have the rank of the data, \(rank), not \(other)")
      }
    }
    return [Fact(type: data.type, shape: data.shape)]
  }

  public func move(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let data = try Operand.tensor(inputs, 0, "data")
    let places = try Operand.tensor(inputs, 1, "indices")
    let updates = try Operand.tensor(inputs, 2, "updates")
    let lines = try ElementLines(data.shape, places, axis: axis)
    guard updates.dtype == data.dtype, updates.shape == places.shape else {
      throw GraphError(
        .invalidInput,
        "updates must be \(data.dtype) of the shape of the indices, \(places.shape): a \(updates.dtype) of shape "
          + "\(updates.shape) came")
    }
    let dtype = data.dtype
    let out = try Scatter.copy(&inputs, context)
    try Loop(updates: updates, out: out, lines: lines, how: reduction).run(dtype, reduction)
    return [.tensor(out)]
  }

  private struct Loop: JoinGeneric {
    let updates: Tensor
    let out: Tensor
    let lines: ElementLines
    let how: ScatterReduction

    func run<T: ScatterElement>(_ type: T.Type) {
      let from = updates.unsafeElements(of: type)
      let to = out.unsafeMutableElements(of: type)
      for line in 0..<lines.count {
        lines.forEach(in: line) { to[$1] = T.join(to[$1], from[$0], how) }
      }
    }
  }
}

/// A copy of the data with the boxes that index tuples name replaced or joined. ONNX `ScatterND`.
public struct ScatterND: DataMovement {
  public let reduction: ScatterReduction

  public init(reduction: ScatterReduction = .none) { self.reduction = reduction }

  public var name: String { "ScatterND" }
  public var attributes: [(name: String, value: String)] { [("reduction", reduction.rawValue)] }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let data = try Scatter.fact(inputs, reduction)
    if let rank = data.rank, let depth = inputs.optional(1)?.shape?.last?.value, depth < 1 || depth > rank {
      throw GraphError(.invalidModel, "index tuples of \(depth) for \(data)")
    }
    return [Fact(type: data.type, shape: data.shape)]
  }

  public func move(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let data = try Operand.tensor(inputs, 0, "data")
    let places = try Operand.tensor(inputs, 1, "indices")
    let updates = try Operand.tensor(inputs, 2, "updates")
    let tuples = try IndexTuples(places, into: data.shape, batchDims: 0)
    let expected = Shape(Array(places.shape.dims.dropLast()) + Array(data.shape.dims[tuples.depth...]))
    guard updates.dtype == data.dtype, updates.shape == expected else {
      throw GraphError(
        .invalidInput,
        "updates must be \(data.dtype) of shape \(expected), a \(updates.dtype) of shape \(updates.shape) came")
    }
    let dtype = data.dtype
    let out = try Scatter.copy(&inputs, context)
    try Loop(updates: updates, out: out, tuples: tuples, how: reduction).run(dtype, reduction)
    return [.tensor(out)]
  }

  private struct Loop: JoinGeneric {
    let updates: Tensor
    let out: Tensor
    let tuples: IndexTuples
    let how: ScatterReduction

    func run<T: ScatterElement>(_ type: T.Type) {
      let from = updates.unsafeElements(of: type)
      let to = out.unsafeMutableElements(of: type)
      for (i, offset) in tuples.offsets.enumerated() {
        for j in 0..<tuples.box {
          to[offset &+ j] = T.join(to[offset &+ j], from[i &* tuples.box &+ j], how)
        }
      }
    }
  }
}

/// What the scattering operators share.
enum Scatter {
  static func fact(_ inputs: [Fact?], _ reduction: ScatterReduction) throws -> Fact {
    let data = try inputs.required(0, "data")
    let updates = try inputs.required(2, "updates")
    if let a = data.dtype, let b = updates.dtype, a != b {
      throw GraphError(.invalidModel, "updates must be \(a) as the data, not \(b)")
    }
    if data.dtype == .string, reduction != .none {
      throw GraphError(.invalidModel, "strings have no reduction \"\(reduction.rawValue)\"")
    }
    return data
  }

  /// A tensor with the elements of input 0 that may be written: the input itself where nobody else holds it. The caller
  /// reads the input no more.
  static func copy(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> Tensor {
    let (dtype, shape, bytes) = try layout(inputs)
    let out = try context.reuse(&inputs, at: 0, dtype: dtype, shape: shape)
    if out.unsafeBytes.baseAddress != bytes.baseAddress { out.unsafeMutableBytes.copyMemory(from: bytes) }
    return out
  }

  private static func layout(_ inputs: [Value?]) throws -> (DType, Shape, UnsafeRawBufferPointer) {
    let data = try Operand.tensor(inputs, 0, "data")
    return (data.dtype, data.shape, data.unsafeBytes)
  }
}
