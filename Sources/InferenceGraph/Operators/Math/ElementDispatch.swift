import TensorCore

/// A tensor element with the number that operators compute it as: half-width floats widen to `Float` and round once.
protocol NumericElement: BitwiseCopyable, Sendable {
  associatedtype Wide: MathScalar
  var wide: Wide { get }
  init(wide: Wide)
}

/// A floating-point tensor element.
protocol RealElement: NumericElement where Wide: RealScalar {}

/// An integer tensor element.
protocol IntegerElement: NumericElement, MathScalar, FixedWidthInteger where Wide == Self {}

extension Float: RealElement {
  @inline(__always) var wide: Float { self }
  @inline(__always) init(wide: Float) { self = wide }
}
extension Double: RealElement {
  @inline(__always) var wide: Double { self }
  @inline(__always) init(wide: Double) { self = wide }
}
extension BFloat16: RealElement {
  @inline(__always) var wide: Float { float }
  @inline(__always) init(wide: Float) { self.init(wide) }
}
#if !(os(macOS) && arch(x86_64))
extension Float16: RealElement {
  @inline(__always) var wide: Float { Float(self) }
  @inline(__always) init(wide: Float) { self = Float16(wide) }
}
#endif

extension IntegerElement {
  @inline(__always) var wide: Self { self }
  @inline(__always) init(wide: Self) { self = wide }
}
extension Int8: IntegerElement {}
extension Int16: IntegerElement {}
extension Int32: IntegerElement {}
extension Int64: IntegerElement {}
extension UInt8: IntegerElement {}
extension UInt16: IntegerElement {}
extension UInt32: IntegerElement {}
extension UInt64: IntegerElement {}

/// Work that is done for one floating-point element type, chosen at run time.
protocol RealBody {
  associatedtype Result
  func run<E: RealElement>(_ type: E.Type) throws -> Result
}

/// Work that is done for one integer element type, chosen at run time.
protocol IntegerBody {
  associatedtype Result
  func run<E: IntegerElement>(_ type: E.Type) throws -> Result
}

/// Work that is done for one numeric element type, chosen at run time.
protocol NumericBody {
  associatedtype Result
  func run<E: NumericElement>(_ type: E.Type) throws -> Result
}

extension DType {
  /// Runs `body` for this floating-point kind; nil for other kinds.
  @inline(__always) func withReal<B: RealBody>(_ body: B) throws -> B.Result? {
    switch self {
    case .float32: return try body.run(Float.self)
    case .float64: return try body.run(Double.self)
    case .bfloat16: return try body.run(BFloat16.self)
    case .float16:
      #if !(os(macOS) && arch(x86_64))
      return try body.run(Float16.self)
      #else
      return nil
      #endif
    default: return nil
    }
  }

  /// Runs `body` for this integer kind (the sub-byte ones as bytes); nil for other kinds.
  @inline(__always) func withInteger<B: IntegerBody>(_ body: B) throws -> B.Result? {
    switch self {
    case .int8, .int4, .int2: return try body.run(Int8.self)
    case .int16: return try body.run(Int16.self)
    case .int32: return try body.run(Int32.self)
    case .int64: return try body.run(Int64.self)
    case .uint8, .uint4, .uint2: return try body.run(UInt8.self)
    case .uint16: return try body.run(UInt16.self)
    case .uint32: return try body.run(UInt32.self)
    case .uint64: return try body.run(UInt64.self)
    default: return nil
    }
  }

  /// Runs `body` for this floating-point or whole-byte integer kind; nil for other kinds.
  @inline(__always) func withNumeric<B: NumericBody>(_ body: B) throws -> B.Result? {
    switch self {
    case .float32: return try body.run(Float.self)
    case .float64: return try body.run(Double.self)
    case .bfloat16: return try body.run(BFloat16.self)
    case .float16:
      #if !(os(macOS) && arch(x86_64))
      return try body.run(Float16.self)
      #else
      return nil
      #endif
    case .int8: return try body.run(Int8.self)
    case .int16: return try body.run(Int16.self)
    case .int32: return try body.run(Int32.self)
    case .int64: return try body.run(Int64.self)
    case .uint8: return try body.run(UInt8.self)
    case .uint16: return try body.run(UInt16.self)
    case .uint32: return try body.run(UInt32.self)
    case .uint64: return try body.run(UInt64.self)
    default: return nil
    }
  }

  /// True for the kinds that `withNumeric` knows.
  var isArithmetic: Bool {
    switch self {
    case .float32, .float64, .bfloat16, .float16, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64:
      true
    default: false
    }
  }

  /// True for the kinds that `withReal` knows.
  var isReal: Bool { self == .float32 || self == .float64 || self == .float16 || self == .bfloat16 }
}
