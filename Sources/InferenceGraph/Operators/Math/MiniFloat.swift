import TensorCore

/// The floating-point formats of one byte or less: their values, and rounding into them.
///
/// Formats and special values: OCP 8-bit Floating Point Specification 1.0, OCP Microscaling Formats 1.0, and the
/// `FNUZ` variants of Noune et al. (arXiv:2206.02915), as the ONNX documentation of `Cast` tells them apart.
public enum MiniFloat {
  /// How a number is rounded into `float8e8m0`, which holds powers of two only.
  public enum PowerRounding: String, Sendable {
    case up, down, nearest
  }

  struct Format {
    let exponentBits: Int
    let mantissaBits: Int
    let bias: Int
    /// The encoding of the greatest number.
    let greatest: UInt8
    let nan: UInt8?
    let infinity: UInt8?
    let hasNegativeZero: Bool
    var signBit: UInt8 { UInt8(1) << UInt8(exponentBits + mantissaBits) }
  }

  static func format(_ dtype: DType) -> Format? {
    switch dtype {
    case .float8E4M3FN:
      Format(
        exponentBits: 4, mantissaBits: 3, bias: 7, greatest: 0x7E, nan: 0x7F, infinity: nil, hasNegativeZero: true)
    case .float8E4M3FNUZ:
      Format(
        exponentBits: 4, mantissaBits: 3, bias: 8, greatest: 0x7F, nan: 0x80, infinity: nil, hasNegativeZero: false)
    case .float8E5M2:
      Format(
        exponentBits: 5, mantissaBits: 2, bias: 15, greatest: 0x7B, nan: 0x7E, infinity: 0x7C, hasNegativeZero: true)
    case .float8E5M2FNUZ:
      Format(
        exponentBits: 5, mantissaBits: 2, bias: 16, greatest: 0x7F, nan: 0x80, infinity: nil, hasNegativeZero: false)
    case .float4E2M1:
      Format(exponentBits: 2, mantissaBits: 1, bias: 1, greatest: 0x07, nan: nil, infinity: nil, hasNegativeZero: true)
    default: nil
    }
  }

  /// The value of every encoding of `dtype`; encodings wider than the format repeat.
  static func values(of dtype: DType) -> [Float] {
    if dtype == .float8E8M0 {
      return (0..<256).map {
        $0 == 255 ? .nan : $0 == 0 ? Float(bitPattern: 0x0040_0000) : Float(bitPattern: UInt32($0) << 23)
      }
    }
    guard let f = format(dtype) else { return [Float](repeating: 0, count: 256) }
    return (0..<256).map { code in
      let code = UInt8(code) & (f.signBit | (f.signBit - 1))
      let magnitude = code & (f.signBit - 1)
      let negative = code & f.signBit != 0
      if let nan = f.nan, code == nan || (f.hasNegativeZero && magnitude == nan) { return .nan }
      if let infinity = f.infinity {
        if magnitude == infinity { return negative ? -.infinity : .infinity }
        if magnitude > infinity { return .nan }
      }
      let exponent = Int(magnitude >> UInt8(f.mantissaBits))
      let mantissa = Int(magnitude) & (1 << f.mantissaBits - 1)
      let scale = exponent == 0 ? 1 - f.bias : exponent - f.bias
      let significand = exponent == 0 ? mantissa : mantissa + 1 << f.mantissaBits
      let value = Float(sign: .plus, exponent: scale - f.mantissaBits, significand: Float(significand))
      return negative ? -value : value
    }
  }

  /// `x` rounded to nearest, ties to even. A format without NaN has -0 in its place.
  ///
  /// - Parameter saturates: numbers beyond the format become its greatest; otherwise infinity, or NaN without one.
  static func encode(_ x: Float, _ f: Format, saturates: Bool) -> UInt8 {
    let sign = x.sign == .minus ? f.signBit : 0
    guard !x.isNaN else {
      guard let nan = f.nan else { return f.signBit }
      return f.hasNegativeZero ? nan | sign : nan
    }
    let magnitude = x.magnitude
    let beyond: UInt8 =
      saturates || f.nan == nil
      ? f.greatest | sign : f.infinity.map { $0 | sign } ?? (f.hasNegativeZero ? f.nan! | sign : f.nan!)
    if magnitude == .infinity { return beyond }
    if magnitude == 0 { return f.hasNegativeZero ? sign : 0 }
    let scale = Swift.max(Int(magnitude.exponent), 1 - f.bias) - f.mantissaBits
    let steps = Int((magnitude * Float(sign: .plus, exponent: -scale, significand: 1)).rounded(.toNearestOrEven))
    // `steps` counts units of the last place at `scale`; a carry into the next binade keeps the encoding contiguous.
    let field = scale + f.mantissaBits + f.bias
    let code = (field - 1) << f.mantissaBits + steps
    if code > Int(f.greatest) { return beyond }
    if code == 0 { return f.hasNegativeZero ? sign : 0 }
    return UInt8(code) | sign
  }

  /// `x` as a power of two. What is below the least power, zero included, becomes the least when saturating.
  static func encodePower(_ x: Float, _ rounding: PowerRounding, saturates: Bool) -> UInt8 {
    guard !x.isNaN else { return 255 }
    let bits = x.magnitude.bitPattern
    if x.magnitude == .infinity { return saturates ? 254 : 255 }
    if bits == 0 { return saturates ? 0 : 255 }
    var exponent = Int(bits >> 23)
    let mantissa = bits & 0x7F_FFFF
    if exponent == 0 {
      // 2^-127 is subnormal: its encoding is 0, and what is above it rounds towards 1.
      let half: UInt32 = 0x40_0000
      if mantissa < half {
        if !saturates && rounding != .up {
          return mantissa == 0 ? 255 : (rounding == .nearest && mantissa > half / 2 ? 0 : 255)
        }
        return 0
      }
      let above = mantissa - half
      switch rounding {
      case .up: return above > 0 ? 1 : 0
      case .down: return 0
      case .nearest: return above >= half / 2 ? 1 : 0
      }
    }
    switch rounding {
    case .up: if mantissa > 0 { exponent += 1 }
    case .down: break
    case .nearest: if mantissa >= 0x40_0000 { exponent += 1 }
    }
    if exponent > 254 { return saturates ? 254 : 255 }
    return UInt8(exponent)
  }
}

extension DType {
  /// True for the floating-point kinds of a byte or less.
  var isMiniFloat: Bool {
    switch self {
    case .float8E4M3FN, .float8E4M3FNUZ, .float8E5M2, .float8E5M2FNUZ, .float8E8M0, .float4E2M1: true
    default: false
    }
  }
}
