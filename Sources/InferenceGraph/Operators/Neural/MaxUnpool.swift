public import TensorCore

/// Puts the elements of a pooled tensor back where they were greatest; all others are zero (`MaxUnpool` of the ONNX
/// standard).
///
/// Inputs: X `[n, c, spatial...]`, the place of each of its elements in the tensor that was pooled (flat and row-major,
/// that tensor's extents being those that the window implies), and optionally the output's shape, which may be larger:
/// then the unpooled tensor is its first corner. Of two elements with one place the later one stays.
public struct MaxUnpool: Operator {
  public var window: Window

  public var name: String { "MaxUnpool" }
  public var attributes: [(name: String, value: String)] {
    [("kernel", "\(window.extents)"), ("strides", "\(window.strides)"), ("padding", "\(window.padding)")]
  }

  public init(window: Window) { self.window = window }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0, "X")
    let places = try Operand.fact(inputs, 1, "I")
    let wanted = try Operand.optionalFact(inputs, 2, "output_shape")
    if let dtype = x.dtype, !dtype.isReal { throw Operand.unsupported(dtype, "floating-point numbers") }
    if let dtype = places.dtype, dtype != .int64 { throw Operand.unsupported(dtype, "int64 indices") }
    if let dtype = wanted?.dtype, dtype != .int64 { throw Operand.unsupported(dtype, "int64 extents") }
    guard let shape = x.shape else { return [Fact(type: x.type, shape: nil)] }
    if let other = places.shape {
      guard other.count == shape.count, !zip(shape, other).contains(where: { $0.isProvablyDifferent(from: $1) }) else {
        throw GraphError(.invalidModel, "indices of shape \(other.text) do not fit X of shape \(shape.text)")
      }
    }
    let implied = try MaxUnpool.implied(shape, window)
    guard let wanted else { return [Fact(type: x.type, shape: implied)] }
    guard let dims = wanted.constantIntegers?.map({ Dim($0) }) ?? wanted.elements else {
      return [Fact(type: x.type, shape: shape.map { _ in .unknown })]
    }
    guard dims.count == shape.count, !zip(dims, implied).contains(where: { MaxUnpool.isLess($0, $1) }) else {
      throw GraphError(.invalidModel, "output_shape \(dims.text) does not hold an unpooled \(implied.text)")
    }
    return [Fact(type: x.type, shape: dims)]
  }

  private static func isLess(_ a: Dim, _ b: Dim) -> Bool {
    if let a = a.value, let b = b.value { return a < b }
    return false
  }

  /// The shape of the tensor that was pooled.
  private static func implied(_ shape: [Dim], _ window: Window) throws -> [Dim] {
    guard shape.count >= 3 else {
      throw GraphError(.invalidModel, "X must have batch, channel and spatial axes and has shape \(shape.text)")
    }
    let rank = shape.count - 2
    let w = try window.completed(rank: rank)
    guard case .explicit(let pads) = w.padding else {
      throw GraphError(.invalidModel, "the padding must be given as numbers")
    }
    let spatial = try (0..<rank).map { axis in
      let fixed = w.extents[axis] - w.strides[axis] - pads[axis] - pads[axis + rank]
      let dim = shape[axis + 2] * Dim(w.strides[axis]) + Dim(fixed)
      if let value = dim.value, value < 0 {
        throw GraphError(.invalidModel, "pads \(pads) leave nothing of spatial axis \(axis)")
      }
      return dim
    }
    return Array(shape[..<2]) + spatial
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0, "X")
    let indices = try Operand.tensor(inputs, 1, "I")
    let given = try Operand.optional(inputs, 2, "output_shape").map { try Operand.integers($0, "output_shape") }
    guard indices.shape == x.shape else {
      throw GraphError(.invalidInput, "indices of shape \(indices.shape) do not fit X of shape \(x.shape)")
    }
    guard let inner = try MaxUnpool.implied(x.shape.dims.map { Dim($0) }, window).known else {
      throw GraphError(.limit, "an unpooled X of shape \(x.shape) is too large")
    }
    let shape = given.map { Shape($0) } ?? inner
    guard shape.rank == inner.rank, zip(shape.dims, inner.dims).allSatisfy({ $0 >= $1 }) else {
      throw GraphError(.invalidInput, "output_shape \(shape) does not hold an unpooled \(inner)")
    }
    let out = try context.allocate(x.dtype, shape)
    // The output is no smaller, so this count does not overflow.
    let count = inner.elementCount
    let places = try indices.array(of: Int64.self)?.map { raw in
      guard raw >= 0, raw < Int64(count) else {
        throw GraphError(.invalidInput, "index \(raw) lies outside the \(count) elements of an unpooled \(inner)")
      }
      return Int(raw)
    }
    guard let places else { throw Operand.unsupported(indices.dtype, "int64 indices") }
    guard try x.dtype.withReal(Body(x: x, out: out, places: places, inner: inner)) != nil else {
      throw Operand.unsupported(x.dtype, "floating-point numbers")
    }
    return [.tensor(out)]
  }

  private struct Body: RealBody {
    let x: Tensor, out: Tensor
    let places: [Int]
    let inner: Shape

    func run<E: RealElement>(_ type: E.Type) throws {
      let from = x.unsafeElements(of: E.self)
      let to = out.unsafeMutableElements(of: E.self)
      for i in 0..<to.count { to[i] = E(wide: .zero) }
      let isWhole = inner == out.shape
      let (strides, outer) = (inner.strides, out.shape.strides)
      for (i, place) in places.enumerated() {
        var target = place
        if !isWhole {
          var rest = place
          target = 0
          for axis in strides.indices {
            target &+= rest / strides[axis] &* outer[axis]
            rest %= strides[axis]
          }
        }
        to[target] = from[i]
      }
    }
  }
}
