import Kernels
public import TensorCore

/// Converts every element to another kind, by value.
///
/// Between floating-point kinds numbers are rounded once, to nearest, ties to even. Floating point becomes an integer
/// by dropping the fraction, clamped to the integer's range (NaN gives 0); integers become narrower ones by dropping
/// high bits. Text is read and written as ONNX Runtime does.
public struct Cast: Operator {
  public let dtype: DType
  /// For the one-byte floating-point kinds: what is out of range becomes the greatest number.
  public let saturates: Bool
  /// For `float8e8m0`.
  public let rounding: MiniFloat.PowerRounding

  public var name: String { "Cast" }
  public var attributes: [(name: String, value: String)] { [("to", dtype.name)] }

  public init(to dtype: DType, saturates: Bool = true, rounding: MiniFloat.PowerRounding = .up) {
    self.dtype = dtype
    self.saturates = saturates
    self.rounding = rounding
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0)
    if let from = x.dtype { try Cast.check(from, dtype) }
    let follows = dtype == .int64 || dtype == .int32
    return [Fact(dtype, x.shape, elements: follows && x.rank ?? 2 <= 1 ? x.elements : nil)]
  }

  private static func check(_ from: DType, _ to: DType) throws {
    for dtype in [from, to] where dtype == .complex64 || dtype == .complex128 {
      throw Operand.unsupported(dtype, "real numbers, booleans or strings")
    }
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0)
    try Cast.check(x.dtype, dtype)
    return [.tensor(try convert(x, context))]
  }

  /// `x` with its elements converted.
  func convert(_ x: Tensor, _ context: EvaluationContext) throws -> Tensor {
    if x.dtype == dtype { return x }
    if x.dtype == .string { return try fromStrings(x, context) }
    if dtype == .string { return try CastText.format(x, context) }
    if x.dtype.isMiniFloat {
      let wide = try context.allocate(.float32, x.shape)
      let table = MiniFloat.values(of: x.dtype)
      let from = x.unsafeElements(of: UInt8.self)
      let to = wide.unsafeMutableElements(of: Float.self)
      for i in 0..<x.count { to[i] = table[Int(from[i])] }
      return try convert(wide, context)
    }
    if dtype.isMiniFloat { return try encode(x, context) }
    let out = try context.allocate(dtype, x.shape)
    if convertHalf(x, out, context.pool) { return out }
    let body = Source(from: x, to: out, pool: context.pool)
    if x.dtype == .bool {
      try body.run(UInt8.self)
    } else if x.dtype.isReal {
      _ = try x.dtype.withReal(RealSource(from: x, to: out, pool: context.pool))
    } else {
      _ = try x.dtype.withInteger(body)
    }
    if dtype.isSubByte { narrow(out) }
    return out
  }

  /// Between float32 and a kind of 16 bits by the kernels; false where they have no such conversion.
  private func convertHalf(_ x: Tensor, _ out: Tensor, _ pool: ComputePool) -> Bool {
    let half = KernelTable.current.half
    let narrow: HalfKernels.Narrow?
    let widen: HalfKernels.Widen?
    switch (x.dtype, dtype) {
    case (.float32, .float16): (narrow, widen) = (half.toFloat16, nil)
    case (.float16, .float32): (narrow, widen) = (nil, half.fromFloat16)
    case (.float32, .bfloat16): (narrow, widen) = (half.toBFloat16, nil)
    case (.bfloat16, .float32): (narrow, widen) = (nil, half.fromBFloat16)
    default: return false
    }
    guard narrow != nil || widen != nil, x.count > 0, let from = x.unsafeBytes.baseAddress,
      let to = out.unsafeMutableBytes.baseAddress
    else { return false }
    pool.parallelFor(x.count, grain: 1 << 16) { lower, upper in
      if let narrow {
        narrow(
          from.assumingMemoryBound(to: Float.self) + lower, to.assumingMemoryBound(to: UInt16.self) + lower,
          upper - lower)
      }
      if let widen {
        widen(
          from.assumingMemoryBound(to: UInt16.self) + lower, to.assumingMemoryBound(to: Float.self) + lower,
          upper - lower)
      }
    }
    return true
  }

  /// Reduces bytes to the bits that a narrow integer has, sign-extended.
  private func narrow(_ tensor: Tensor) {
    let bytes = tensor.unsafeMutableElements(of: UInt8.self)
    let shift: UInt8 = dtype == .int4 || dtype == .uint4 ? 4 : 6
    if dtype == .int4 || dtype == .int2 {
      for i in 0..<bytes.count {
        bytes[i] = UInt8(bitPattern: Int8(bitPattern: bytes[i] &<< shift) &>> Int8(bitPattern: shift))
      }
    } else {
      for i in 0..<bytes.count { bytes[i] = (bytes[i] &<< shift) &>> shift }
    }
  }

  private func encode(_ x: Tensor, _ context: EvaluationContext) throws -> Tensor {
    let wide: Tensor
    if x.dtype == .float64 {
      wide = try context.allocate(.float32, x.shape)
      let from = x.unsafeElements(of: Double.self)
      let to = wide.unsafeMutableElements(of: Float.self)
      for i in 0..<x.count { to[i] = Float(roundingToOdd: from[i]) }
    } else {
      wide = try Cast(to: .float32).convert(x, context)
    }
    let out = try context.allocate(dtype, x.shape)
    let from = wide.unsafeElements(of: Float.self)
    let to = out.unsafeMutableElements(of: UInt8.self)
    if let format = MiniFloat.format(dtype) {
      for i in 0..<x.count { to[i] = MiniFloat.encode(from[i], format, saturates: saturates) }
    } else {
      for i in 0..<x.count { to[i] = MiniFloat.encodePower(from[i], rounding, saturates: saturates) }
    }
    return out
  }

  private func fromStrings(_ x: Tensor, _ context: EvaluationContext) throws -> Tensor {
    if dtype.isInteger, dtype != .uint64 {
      let wide = try context.allocate(.int64, x.shape)
      let to = wide.unsafeMutableElements(of: Int64.self)
      for (i, text) in x.strings.enumerated() { to[i] = try CastText.integer(text) }
      return try convert(wide, context)
    }
    let wide = try context.allocate(.float64, x.shape)
    let to = wide.unsafeMutableElements(of: Double.self)
    for (i, text) in x.strings.enumerated() { to[i] = try CastText.number(text) }
    return try convert(wide, context)
  }
}

extension DType {
  /// True for the integers of less than a byte.
  var isSubByte: Bool { self == .int4 || self == .uint4 || self == .int2 || self == .uint2 }
}

extension Float {
  /// The nearest `Float` whose last bit is set, unless `value` is exact: rounding it again rounds `value` once.
  init(roundingToOdd value: Double) {
    let near = Float(value)
    guard !value.isNaN, near.isFinite, Double(near) != value, near.bitPattern & 1 == 0 else {
      self = near
      return
    }
    let away = (Double(near) < value) == (value > 0)
    self = Float(bitPattern: away ? near.bitPattern &+ 1 : near.bitPattern &- 1)
  }
}

/// Converts from integers (and booleans, as bytes).
private struct Source: IntegerBody {
  let from: Tensor
  let to: Tensor
  let pool: ComputePool

  func run<S: IntegerElement>(_ type: S.Type) throws {
    let x = from.readable(S.self)
    if to.dtype == .bool {
      let z = to.writable(Bool.self)
      for i in 0..<from.count { z[i] = x[i] != 0 }
    } else if to.dtype.isReal {
      _ = try to.dtype.withReal(ToReal(x: x, to: to, pool: pool))
    } else {
      _ = try to.dtype.withInteger(ToInteger(x: x, to: to, pool: pool))
    }
  }

  struct ToReal<S: IntegerElement>: RealBody {
    let x: UnsafePointer<S>
    let to: Tensor
    let pool: ComputePool
    func run<D: RealElement>(_ type: D.Type) throws {
      let z = to.writable(D.self)
      pool.parallelFor(to.count, grain: 1 << 15) { lower, upper in
        for i in lower..<upper {
          z[i] = D.Wide.self == D.self ? D(wide: D.Wide(x[i])) : D(wide: D.Wide(Float(roundingToOdd: Double(x[i]))))
        }
      }
    }
  }

  struct ToInteger<S: IntegerElement>: IntegerBody {
    let x: UnsafePointer<S>
    let to: Tensor
    let pool: ComputePool
    func run<D: IntegerElement>(_ type: D.Type) throws {
      let z = to.writable(D.self)
      pool.parallelFor(to.count, grain: 1 << 15) { lower, upper in
        for i in lower..<upper { z[i] = D(truncatingIfNeeded: x[i]) }
      }
    }
  }
}

/// Converts from floating point.
private struct RealSource: RealBody {
  let from: Tensor
  let to: Tensor
  let pool: ComputePool

  func run<S: RealElement>(_ type: S.Type) throws {
    let x = from.readable(S.self)
    if to.dtype == .bool {
      let z = to.writable(Bool.self)
      for i in 0..<from.count { z[i] = x[i].wide != 0 }
    } else if to.dtype.isReal {
      _ = try to.dtype.withReal(ToReal(x: x, to: to, pool: pool))
    } else if to.dtype.isSubByte {
      let z = to.writable(UInt8.self)
      for i in 0..<from.count { z[i] = UInt8(truncatingIfNeeded: Int64(double: x[i].wide.double)) }
    } else {
      _ = try to.dtype.withInteger(ToInteger(x: x, to: to, pool: pool))
    }
  }

  struct ToReal<S: RealElement>: RealBody {
    let x: UnsafePointer<S>
    let to: Tensor
    let pool: ComputePool
    func run<D: RealElement>(_ type: D.Type) throws {
      let z = to.writable(D.self)
      pool.parallelFor(to.count, grain: 1 << 15) { lower, upper in
        if S.self == Double.self, D.Wide.self != D.self {
          for i in lower..<upper { z[i] = D(wide: D.Wide(Float(roundingToOdd: x[i].wide.double))) }
        } else {
          for i in lower..<upper { z[i] = D(wide: D.Wide(x[i].wide)) }
        }
      }
    }
  }

  struct ToInteger<S: RealElement>: IntegerBody {
    let x: UnsafePointer<S>
    let to: Tensor
    let pool: ComputePool
    func run<D: IntegerElement>(_ type: D.Type) throws {
      let z = to.writable(D.self)
      pool.parallelFor(to.count, grain: 1 << 15) { lower, upper in
        for i in lower..<upper { z[i] = D(double: x[i].wide.double) }
      }
    }
  }
}
