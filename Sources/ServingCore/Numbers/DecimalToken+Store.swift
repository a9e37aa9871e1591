import TensorCore

/// Why a number does not go into an element of a dtype.
enum StoreProblem {
  case outOfRange, notIntegral, notBoolean, unsupported
}

extension DecimalToken {
  /// Writes the number as an element of `dtype` at `target`; nil on success.
  ///
  /// Floats are rounded to nearest from the decimal; what would become infinite is out of range. Integers must be exact:
  /// `5.0` and `5e0` are the integer 5, `5.5` is refused. Booleans are 0 and 1.
  @inline(__always)
  func store(_ bytes: UnsafePointer<UInt8>, as dtype: DType, at target: UnsafeMutableRawPointer) -> StoreProblem? {
    if dtype == .float32 {
      let value = float(bytes)
      if !value.isFinite { return .outOfRange }
      target.storeBytes(of: value, as: Float.self)
      return nil
    }
    return storeOther(bytes, as: dtype, at: target)
  }

  @inline(never)
  private func storeOther(
    _ bytes: UnsafePointer<UInt8>, as dtype: DType, at target: UnsafeMutableRawPointer
  ) -> StoreProblem? {
    switch dtype {
    case .float64:
      let value = double(bytes)
      if !value.isFinite { return .outOfRange }
      target.storeBytes(of: value, as: Double.self)
      return nil
    case .float16:
      let bits = NarrowFloat.float16Bits(double(bytes))
      if bits & 0x7C00 == 0x7C00 { return .outOfRange }
      target.storeBytes(of: bits, as: UInt16.self)
      return nil
    case .bfloat16:
      let value = BFloat16(NarrowFloat.roundedToOdd(double(bytes)))
      if !value.float.isFinite { return .outOfRange }
      target.storeBytes(of: value.bitPattern, as: UInt16.self)
      return nil
    case .int64: return storeInteger(bytes, Int64.min...Int64.max, at: target)
    case .int32: return storeInteger(bytes, Int32.min...Int32.max, at: target)
    case .int16: return storeInteger(bytes, Int16.min...Int16.max, at: target)
    case .int8: return storeInteger(bytes, Int8.min...Int8.max, at: target)
    case .uint64: return storeInteger(bytes, UInt64.min...UInt64.max, at: target)
    case .uint32: return storeInteger(bytes, UInt32.min...UInt32.max, at: target)
    case .uint16: return storeInteger(bytes, UInt16.min...UInt16.max, at: target)
    case .uint8: return storeInteger(bytes, UInt8.min...UInt8.max, at: target)
    case .int4: return storeInteger(bytes, Int8(-8)...Int8(7), at: target)
    case .uint4: return storeInteger(bytes, UInt8(0)...UInt8(15), at: target)
    case .int2: return storeInteger(bytes, Int8(-2)...Int8(1), at: target)
    case .uint2: return storeInteger(bytes, UInt8(0)...UInt8(3), at: target)
    case .bool:
      guard case .value(let magnitude) = integerMagnitude(bytes), magnitude <= 1, !(isNegative && magnitude == 1) else {
        return .notBoolean
      }
      target.storeBytes(of: magnitude == 1, as: Bool.self)
      return nil
    default: return .unsupported
    }
  }

  @inline(__always)
  private func storeInteger<T: FixedWidthInteger & BitwiseCopyable>(
    _ bytes: UnsafePointer<UInt8>, _ range: ClosedRange<T>, at target: UnsafeMutableRawPointer
  ) -> StoreProblem? {
    let value: T?
    switch integerMagnitude(bytes) {
    case .value(let magnitude):
      value = isNegative ? T(exactly: Int128(0) - Int128(magnitude)) : T(exactly: magnitude)
    case .tooGreat: return .outOfRange
    case .fractional: return .notIntegral
    }
    guard let value, range.contains(value) else { return .outOfRange }
    target.storeBytes(of: value, as: T.self)
    return nil
  }

  private enum Magnitude {
    case value(UInt64), tooGreat, fractional
  }

  @inline(__always)
  private func integerMagnitude(_ bytes: UnsafePointer<UInt8>) -> Magnitude {
    exponent == 0 && !isTruncated ? .value(mantissa) : scaledMagnitude(bytes)
  }

  /// The magnitude of a number written with a fraction, an exponent, or more than 19 digits.
  @inline(never)
  private func scaledMagnitude(_ bytes: UnsafePointer<UInt8>) -> Magnitude {
    if isTruncated { return exactMagnitude(bytes) }
    var m = mantissa
    if m == 0 { return .value(0) }
    var e = exponent
    while e < 0 {
      let (quotient, remainder) = m.quotientAndRemainder(dividingBy: 10)
      if remainder != 0 { return .fractional }
      m = quotient
      e += 1
    }
    while e > 0 {
      let (product, overflow) = m.multipliedReportingOverflow(by: 10)
      if overflow { return .tooGreat }
      m = product
      e -= 1
    }
    return .value(m)
  }

  /// 20 significant digits and more, the last of them not zero: only a plain 20-digit integer can still fit.
  private func exactMagnitude(_ bytes: UnsafePointer<UInt8>) -> Magnitude {
    var m: UInt64 = 0
    for i in start..<end {
      switch bytes[i] {
      case 0x30...0x39:
        let (product, overflow) = m.multipliedReportingOverflow(by: 10)
        let (sum, carry) = product.addingReportingOverflow(UInt64(bytes[i] - 0x30))
        if overflow || carry { return .tooGreat }
        m = sum
      case UInt8(ascii: "-"), UInt8(ascii: "+"): continue
      default: return exponent < 0 ? .fractional : .tooGreat
      }
    }
    return .value(m)
  }
}

/// Conversions of doubles to the 16-bit floats, rounded to nearest, ties to even.
enum NarrowFloat {
  /// The float that keeps, in its last bit, whether anything was cut off: rounding it again is rounding the double.
  static func roundedToOdd(_ value: Double) -> Float {
    let nearest = Float(value)
    if !nearest.isFinite || Double(nearest) == value { return nearest }
    let towardZero = Double(nearest).magnitude > value.magnitude ? nearest.bitPattern &- 1 : nearest.bitPattern
    return Float(bitPattern: towardZero | 1)
  }

  /// The IEEE 754 binary16 encoding.
  static func float16Bits(_ value: Double) -> UInt16 {
    #if os(macOS) && arch(x86_64)
    return portableFloat16Bits(value)
    #else
    return Float16(value).bitPattern
    #endif
  }

  /// `float16Bits` in integer arithmetic.
  static func portableFloat16Bits(_ value: Double) -> UInt16 {
    let sign = UInt16(truncatingIfNeeded: value.bitPattern >> 48) & 0x8000
    if value.isNaN { return sign | 0x7E00 }
    let magnitude = value.magnitude
    if magnitude >= 65520 { return sign | 0x7C00 }
    if magnitude < 0x1p-14 { return sign | UInt16((magnitude * 0x1p24).rounded(.toNearestOrEven)) }
    let step = 0x1p-10 * Double(sign: .plus, exponent: Int(magnitude.exponent), significand: 1)
    let units = UInt16((magnitude / step).rounded(.toNearestOrEven))
    let exponent = UInt16(Int(magnitude.exponent) + 14)
    return sign | (exponent << 10 &+ units)
  }

  /// The value of an IEEE 754 binary16 encoding.
  static func double(float16Bits bits: UInt16) -> Double {
    let fraction = Double(bits & 0x3FF)
    let exponent = Int(bits >> 10) & 0x1F
    let magnitude: Double
    switch exponent {
    case 0: magnitude = fraction * 0x1p-24
    case 31: magnitude = fraction == 0 ? .infinity : .nan
    default: magnitude = Double(sign: .plus, exponent: exponent - 15, significand: 1 + fraction * 0x1p-10)
    }
    return bits & 0x8000 == 0 ? magnitude : -magnitude
  }
}
