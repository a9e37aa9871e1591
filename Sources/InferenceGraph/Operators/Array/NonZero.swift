public import TensorCore

/// The coordinates of the elements that are not zero, one row an axis. ONNX `NonZero`.
public struct NonZero: Operator {
  public init() {}

  public var name: String { "NonZero" }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let data = try inputs.required(0, "X")
    return [Fact(.int64, [data.rank.map { Dim($0) } ?? .unknown, .unknown])]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let data = try Operand.tensor(inputs, 0, "X")
    let found = try NonZero.positions(data)
    let rank = data.shape.rank
    let out = try context.allocate(.int64, [rank, found.count])
    let to = out.unsafeMutableElements(of: Int64.self)
    let strides = data.shape.strides
    for axis in 0..<rank {
      let extent = data.shape[axis]
      for (i, at) in found.enumerated() { to[axis &* found.count &+ i] = Int64(at / strides[axis] % extent) }
    }
    return [.tensor(out)]
  }

  private static func positions(_ data: Tensor) throws -> [Int] {
    func find<T: BitwiseCopyable>(_ type: T.Type, _ isSet: (T) -> Bool) -> [Int] {
      let elements = data.unsafeElements(of: type)
      return elements.indices.filter { isSet(elements[$0]) }
    }
    switch data.dtype {
    case .float32: return find(Float.self) { $0 != 0 }
    case .float64: return find(Double.self) { $0 != 0 }
    case .float16, .bfloat16: return find(UInt16.self) { $0 << 1 != 0 }
    case .complex64: return find(SIMD2<Float>.self) { $0.x != 0 || $0.y != 0 }
    case .complex128:
      return find(Word128.self) { Double(bitPattern: $0.low) != 0 || Double(bitPattern: $0.high) != 0 }
    case .string:
      let texts = Array(data.strings)
      return texts.indices.filter { !texts[$0].isEmpty }
    case .float8E4M3FN, .float8E4M3FNUZ, .float8E5M2, .float8E5M2FNUZ, .float8E8M0, .float4E2M1:
      throw GraphError(.unsupported, "the elements of \(data.dtype) that are not zero")
    default:
      switch data.dtype.byteWidth {
      case 1: return find(UInt8.self) { $0 != 0 }
      case 2: return find(UInt16.self) { $0 != 0 }
      case 4: return find(UInt32.self) { $0 != 0 }
      default: return find(UInt64.self) { $0 != 0 }
      }
    }
  }
}
