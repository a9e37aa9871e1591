import TensorCore

/// How a scattered element joins the one that is there. ONNX's `reduction` attribute.
public enum ScatterReduction: String, Sendable {
  case none, add, mul, min, max
}

/// An element that scattered elements can be joined with.
protocol ScatterElement: BitwiseCopyable {
  static func join(_ a: Self, _ b: Self, _ how: ScatterReduction) -> Self
}

extension ScatterElement where Self: FixedWidthInteger {
  @inline(__always)
  static func join(_ a: Self, _ b: Self, _ how: ScatterReduction) -> Self {
    switch how {
    case .none: b
    case .add: a &+ b
    case .mul: a &* b
    case .min: Swift.min(a, b)
    case .max: Swift.max(a, b)
    }
  }
}

extension ScatterElement where Self: BinaryFloatingPoint {
  /// A NaN stays one under `min` and `max`.
  @inline(__always)
  static func join(_ a: Self, _ b: Self, _ how: ScatterReduction) -> Self {
    switch how {
    case .none: b
    case .add: a + b
    case .mul: a * b
    case .min: a.isNaN || a < b ? a : b
    case .max: a.isNaN || a > b ? a : b
    }
  }
}

extension Int8: ScatterElement {}
extension Int16: ScatterElement {}
extension Int32: ScatterElement {}
extension Int64: ScatterElement {}
extension UInt8: ScatterElement {}
extension UInt16: ScatterElement {}
extension UInt32: ScatterElement {}
extension UInt64: ScatterElement {}
extension Float: ScatterElement {}
extension Double: ScatterElement {}
#if !(os(macOS) && arch(x86_64))
extension Float16: ScatterElement {}
#endif

extension BFloat16: ScatterElement {
  static func join(_ a: BFloat16, _ b: BFloat16, _ how: ScatterReduction) -> BFloat16 {
    BFloat16(Float.join(a.float, b.float, how))
  }
}

extension Bool: ScatterElement {
  static func join(_ a: Bool, _ b: Bool, _ how: ScatterReduction) -> Bool {
    switch how {
    case .none: b
    case .add, .max: a || b
    case .mul, .min: a && b
    }
  }
}

/// Work over elements that can be joined.
protocol JoinGeneric {
  func run<T: ScatterElement>(_ type: T.Type)
}

extension JoinGeneric {
  /// Does the work for elements of `dtype`; without a reduction only their width counts.
  func run(_ dtype: DType, _ how: ScatterReduction) throws {
    if how == .none {
      switch dtype.byteWidth {
      case 1: return run(UInt8.self)
      case 2: return run(UInt16.self)
      case 4: return run(UInt32.self)
      case 8: return run(UInt64.self)
      default: return run(Word128.self)
      }
    }
    switch dtype {
    case .float32: run(Float.self)
    case .float64: run(Double.self)
    #if !(os(macOS) && arch(x86_64))
    case .float16: run(Float16.self)
    #endif
    case .bfloat16: run(BFloat16.self)
    case .int8, .int4, .int2: run(Int8.self)
    case .int16: run(Int16.self)
    case .int32: run(Int32.self)
    case .int64: run(Int64.self)
    case .uint8, .uint4, .uint2: run(UInt8.self)
    case .uint16: run(UInt16.self)
    case .uint32: run(UInt32.self)
    case .uint64: run(UInt64.self)
    case .bool: run(Bool.self)
    default: throw GraphError(.unsupported, "reduction \"\(how.rawValue)\" of \(dtype)")
    }
  }
}

extension Word128: ScatterElement {
  static func join(_ a: Word128, _ b: Word128, _ how: ScatterReduction) -> Word128 { b }
}
