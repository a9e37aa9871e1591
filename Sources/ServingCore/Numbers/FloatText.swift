/// Shortest text of floats that reads back as the same value, as Swift's `description` prints it: `0.1`, `16777216.0`,
/// `1e-05`.
///
/// The digits come from Schubfach (Raffaello Giulietti, "The Schubfach way to render doubles", 2020) over the power table
/// that reading uses; doubles beyond the table's exponents go through `description`.
enum FloatText {
  /// Appends a finite float.
  @inline(__always)
  static func append(_ value: Float, _ sink: inout ByteSink) {
    let fraction = UInt64(value.significandBitPattern)
    let exponent = Int(value.exponentBitPattern)
    let decimal = shortest(
      fraction: fraction, exponent: exponent, fractionBits: 23, leastExponent: -149)
    append(decimal, isNegative: value.sign == .minus, isWide: value.magnitude > 0x1p24, &sink)
  }

  /// Appends a finite double.
  @inline(__always)
  static func append(_ value: Double, _ sink: inout ByteSink) {
    guard value == 0 || (value.magnitude > 1e-45 && value.magnitude < 1e60) else {
      return sink.append(utf8: value.description)
    }
    let decimal = shortest(
      fraction: value.significandBitPattern, exponent: Int(value.exponentBitPattern), fractionBits: 52,
      leastExponent: -1074)
    append(decimal, isNegative: value.sign == .minus, isWide: value.magnitude > 0x1p53, &sink)
  }

  /// `digits × 10^exponent`.
  private struct Decimal {
    var digits: UInt64
    var exponent: Int
  }

  /// The shortest decimal inside the rounding interval, the nearest of those.
  @inline(__always)
  private static func shortest(fraction: UInt64, exponent: Int, fractionBits: Int, leastExponent: Int) -> Decimal {
    if exponent == 0, fraction == 0 { return Decimal(digits: 0, exponent: 0) }
    let c = exponent == 0 ? fraction : fraction | 1 << UInt64(fractionBits)
    let q = exponent == 0 ? leastExponent : leastExponent &+ exponent &- 1
    if q <= 0, 0 &- q <= fractionBits, c & (1 << UInt64(0 &- q) &- 1) == 0 {
      return trimmed(Decimal(digits: c >> UInt64(0 &- q), exponent: 0))
    }
    let isCloserBelow = fraction == 0 && exponent > 1
    let isOdd = c & 1
    // 1262611 / 2^22 approximates log10(2); the offset is log10(4/3) in the same unit.
    let k = (q &* 1_262_611 &- (isCloserBelow ? 524_031 : 0)) >> 22
    let power = roundedUp(0 &- k)
    let h = UInt64(truncatingIfNeeded: q &+ PowersOfTen.binaryExponent(0 &- k) &+ 1)
    let lower = roundedToOdd(power, (4 &* c &- 2 &+ (isCloserBelow ? 1 : 0)) << h) &+ isOdd
    let middle = roundedToOdd(power, (4 &* c) << h)
    let upper = roundedToOdd(power, (4 &* c &+ 2) << h) &- isOdd
    let s = middle / 4
    if s >= 10 {
      let tens = s / 10
      let isLowInside = lower <= 40 &* tens
      let isHighInside = 40 &* tens &+ 40 <= upper
      if isLowInside != isHighInside {
        return trimmed(Decimal(digits: tens &+ (isHighInside ? 1 : 0), exponent: k &+ 1))
      }
    }
    let isLowInside = lower <= 4 &* s
    let isHighInside = 4 &* s &+ 4 <= upper
    if isLowInside != isHighInside { return trimmed(Decimal(digits: s &+ (isHighInside ? 1 : 0), exponent: k)) }
    let half = 4 &* s &+ 2
    let isUp = middle > half || (middle == half && s & 1 != 0)
    return trimmed(Decimal(digits: s &+ (isUp ? 1 : 0), exponent: k))
  }

  @inline(__always)
  private static func trimmed(_ decimal: Decimal) -> Decimal {
    var decimal = decimal
    while decimal.digits != 0 {
      let quotient = decimal.digits / 10
      let remainder = decimal.digits &- quotient &* 10
      if remainder != 0 { break }
      decimal.digits = quotient
      decimal.exponent &+= 1
    }
    return decimal
  }

  /// The 128-bit significand of `10^q`, rounded up where it is not exact.
  @inline(__always)
  private static func roundedUp(_ q: Int) -> (high: UInt64, low: UInt64) {
    let power = PowersOfTen.significands[q &- PowersOfTen.range.lowerBound]
    if q >= 0, q <= 55 { return power }
    return power.low == .max ? (power.high &+ 1, 0) : (power.high, power.low &+ 1)
  }

  /// The upper 64 bits of the 192-bit product, its last bit set when anything but noise was cut off.
  @inline(__always)
  private static func roundedToOdd(_ power: (high: UInt64, low: UInt64), _ factor: UInt64) -> UInt64 {
    let lower = power.low.multipliedFullWidth(by: factor).high
    let upper = power.high.multipliedFullWidth(by: factor)
    let (middle, carry) = upper.low.addingReportingOverflow(lower)
    return (upper.high &+ (carry ? 1 : 0)) | (middle > 1 ? 1 : 0)
  }

  @inline(__always)
  private static func append(_ decimal: Decimal, isNegative: Bool, isWide: Bool, _ sink: inout ByteSink) {
    let out = sink.room(48)
    var at = 0
    if isNegative {
      out[0] = UInt8(ascii: "-")
      at = 1
    }
    var count = 1
    var bound: UInt64 = 10
    while decimal.digits >= bound {
      count &+= 1
      bound = bound &* 10
    }
    /// The power of ten of the first digit.
    let scale = decimal.exponent &+ count &- 1
    if decimal.digits != 0, scale < -4 || isWide {
      at = writeScientific(decimal.digits, count, scale, out, at)
    } else if decimal.exponent >= 0 {
      writeDigits(decimal.digits, count, out + at)
      at &+= count
      for _ in 0..<decimal.exponent {
        out[at] = 0x30
        at &+= 1
      }
      out[at] = UInt8(ascii: ".")
      out[at &+ 1] = 0x30
      at &+= 2
    } else if scale >= 0 {
      writeDigits(decimal.digits, count, out + (at &+ 1))
      for i in 0...scale { out[at &+ i] = out[at &+ i &+ 1] }
      out[at &+ scale &+ 1] = UInt8(ascii: ".")
      at &+= count &+ 1
    } else {
      out[at] = 0x30
      out[at &+ 1] = UInt8(ascii: ".")
      at &+= 2
      for _ in 0..<(0 &- scale &- 1) {
        out[at] = 0x30
        at &+= 1
      }
      writeDigits(decimal.digits, count, out + at)
      at &+= count
    }
    sink.advance(at)
  }

  @inline(never)
  private static func writeScientific(
    _ digits: UInt64, _ count: Int, _ scale: Int, _ out: UnsafeMutablePointer<UInt8>, _ start: Int
  ) -> Int {
    var at = start
    writeDigits(digits, count, out + at + 1)
    out[at] = out[at + 1]
    if count == 1 {
      at += 1
    } else {
      out[at + 1] = UInt8(ascii: ".")
      at += count + 1
    }
    out[at] = UInt8(ascii: "e")
    out[at + 1] = scale < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+")
    let magnitude = UInt64(scale.magnitude)
    writeDigits(magnitude, 2, out + at + 2)
    return at + 4
  }

  /// Writes the last `count` digits of `value`.
  @inline(__always)
  private static func writeDigits(_ value: UInt64, _ count: Int, _ out: UnsafeMutablePointer<UInt8>) {
    var rest = value
    var i = count
    while i > 0 {
      i &-= 1
      let quotient = rest / 10
      let remainder = rest &- quotient &* 10
      out[i] = 0x30 &+ UInt8(truncatingIfNeeded: remainder)
      rest = quotient
    }
  }
}
