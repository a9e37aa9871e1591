public import TensorCore

/// One element set among `depth` along a new axis, at the place that each index names; none for an index outside
/// `-depth..<depth`. Inputs: indices, depth, values (off, on). ONNX `OneHot`.
public struct OneHot: DataMovement {
  public let axis: Int

  public init(axis: Int) { self.axis = axis }

  public var name: String { "OneHot" }
  public var attributes: [(name: String, value: String)] { [("axis", "\(axis)")] }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let indices = try inputs.required(0, "indices")
    let depth = try inputs.required(1, "depth")
    let values = try inputs.required(2, "values")
    guard var shape = indices.shape else { return [Fact(type: values.type, shape: nil)] }
    let at = try ShapeFacts.axis(axis, rank: shape.count + 1)
    let known = try depth.tensor.map { Dim(try OneHot.depth($0)) }
    shape.insert(known ?? depth.elements?.first ?? .unknown, at: at)
    return [Fact(type: values.type, shape: shape)]
  }

  private static func depth(_ tensor: Tensor) throws -> Int {
    guard tensor.count == 1, let depth = Truncation.integers(tensor)?.first, depth >= 0 else {
      throw GraphError(.invalidInput, "the depth must be one number above 0")
    }
    return depth
  }

  public func move(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let places = try Operand.tensor(inputs, 0, "indices")
    let depth = try OneHot.depth(Operand.tensor(inputs, 1, "depth"))
    let values = try Operand.tensor(inputs, 2, "values")
    guard values.count == 2 else { throw GraphError(.invalidInput, "values must be two, off and on") }
    guard let indices = Truncation.integers(places) else {
      throw GraphError(.invalidInput, "indices must be numbers, \(places.dtype) came")
    }
    let axis = try Operand.axis(axis, rank: places.shape.rank + 1)
    var shape = places.shape
    shape.dims.insert(depth, at: axis)
    let out = try context.allocate(values.dtype, shape)
    let pair = try values.viewed([2])
    out.fill(with: try pair.rows(0..<1))
    Loop(
      out: out, on: try pair.rows(1..<2), indices: indices, depth: depth, inner: shape.product((axis + 1)..<shape.rank)
    )
    .run(width: values.dtype.byteWidth)
    return [.tensor(out)]
  }

  private struct Loop: WidthGeneric {
    let out: Tensor
    let on: Tensor
    let indices: [Int]
    let depth: Int
    let inner: Int

    func run<T: BitwiseCopyable>(_ type: T.Type) {
      let to = out.unsafeMutableElements(of: type)
      let value = on.unsafeElements(of: type)[0]
      for (position, raw) in indices.enumerated() {
        let index = raw < 0 ? raw &+ depth : raw
        guard index >= 0, index < depth else { continue }
        to[(position / inner &* depth &+ index) &* inner &+ position % inner] = value
      }
    }
  }
}

/// Numbers of any kind as integers.
enum Truncation {
  /// The elements without their fractions; what no `Int` holds becomes `Int.min`. nil where elements are no numbers.
  static func integers(_ tensor: Tensor) -> [Int]? {
    if let integers = tensor.integers { return integers }
    func cut(_ value: Double) -> Int { Int(exactly: value.rounded(.towardZero)) ?? .min }
    switch tensor.dtype {
    case .float32: return tensor.unsafeElements(of: Float.self).map { cut(Double($0)) }
    case .float64: return tensor.unsafeElements(of: Double.self).map(cut)
    #if !(os(macOS) && arch(x86_64))
    case .float16: return tensor.unsafeElements(of: Float16.self).map { cut(Double($0)) }
    #endif
    case .bfloat16: return tensor.unsafeElements(of: BFloat16.self).map { cut(Double($0.float)) }
    case .int4, .int2: return tensor.unsafeElements(of: Int8.self).map { Int($0) }
    case .uint4, .uint2: return tensor.unsafeElements(of: UInt8.self).map { Int($0) }
    default: return nil
    }
  }
}
