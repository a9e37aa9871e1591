extension DecimalToken {
  /// The double nearest to the decimal, ties to even; infinite when it lies beyond the greatest double.
  @inline(__always)
  func double(_ bytes: UnsafePointer<UInt8>) -> Double {
    if mantissa <= 1 << 53, exponent >= -22, exponent <= 22, !isTruncated {
      let m = Double(mantissa)
      let power = PowersOfTen.doubles.withUnsafeBufferPointer { $0[exponent < 0 ? 0 &- exponent : exponent] }
      let value = exponent < 0 ? m / power : m * power
      return isNegative ? -value : value
    }
    return longDouble(bytes)
  }

  /// The float nearest to the decimal itself (not to its double), ties to even.
  ///
  /// The double computed here is off by less than four units in its last place; when no midpoint between two floats lies
  /// that near, rounding it to float is rounding the decimal. Else, and outside the normal floats, the exact path decides.
  @inline(__always)
  func float(_ bytes: UnsafePointer<UInt8>) -> Float {
    if mantissa == 0 { return isNegative ? -0.0 : 0.0 }
    if exponent >= -60, exponent <= 40 {
      let m = Double(mantissa)
      let power = PowersOfTen.doubles.withUnsafeBufferPointer { $0[exponent < 0 ? 0 &- exponent : exponent] }
      let value = exponent < 0 ? m / power : m * power
      let tail = Int(truncatingIfNeeded: value.bitPattern & 0x1FFF_FFFF) &- 0x1000_0000
      let isClear = tail.magnitude > 4 && value >= 0x1p-126
      let isExact = exponent == 0 && mantissa <= 1 << 53 && !isTruncated
      if isClear || isExact { return isNegative ? -Float(value) : Float(value) }
    }
    return exactFloat(bytes)
  }

  /// Many digits or a wide exponent: the product of the mantissa with a 128-bit power of ten decides unless the truncated
  /// part may be exactly half a unit (after Eisel and Lemire, "Number Parsing at a Gigabyte per Second", 2021, with an
  /// interval test in place of their case analysis).
  @inline(never)
  private func longDouble(_ bytes: UnsafePointer<UInt8>) -> Double {
    if mantissa == 0 { return isNegative ? -0.0 : 0.0 }
    if PowersOfTen.range.contains(exponent),
      let value = DecimalToken.scaled(mantissa, exponent),
      !isTruncated || value == DecimalToken.scaled(mantissa &+ 1, exponent)
    {
      return isNegative ? -value : value
    }
    return Double(text(bytes)) ?? .nan
  }

  /// `w × 10^q` rounded to nearest, or nil when 128 bits of the power do not tell. `w` is not zero.
  private static func scaled(_ w: UInt64, _ q: Int) -> Double? {
    let lead = w.leadingZeroBitCount
    let m = w << UInt64(lead)
    let power = PowersOfTen.significands[q &- PowersOfTen.range.lowerBound]
    let upper = m.multipliedFullWidth(by: power.high)
    let lower = m.multipliedFullWidth(by: power.low)
    let (low, carry) = upper.low.addingReportingOverflow(lower.high)
    var product: (high: UInt64, low: UInt64) = (upper.high &+ (carry ? 1 : 0), low)
    var exponent = PowersOfTen.binaryExponent(q) &+ 64 &- lead
    if product.high >> 63 == 0 {
      product.high = product.high << 1 | product.low >> 63
      product.low <<= 1
      exponent &-= 1
    }
    // The true product is at most four units of `low` above the computed one.
    let tail = product.high & 0x7FF
    if tail == 0x400, product.low == 0 { return nil }
    if tail == 0x3FF, product.low >= UInt64.max &- 4 { return nil }
    var significand = product.high >> 11
    if tail >= 0x400 { significand &+= 1 }
    if significand == 1 << 53 {
      significand >>= 1
      exponent &+= 1
    }
    return Double(
      sign: .plus, exponentBitPattern: UInt(exponent &+ 1023), significandBitPattern: significand & (1 << 52 &- 1))
  }

  @inline(never)
  private func exactFloat(_ bytes: UnsafePointer<UInt8>) -> Float {
    Float(text(bytes)) ?? .nan
  }

  private func text(_ bytes: UnsafePointer<UInt8>) -> String {
    String(decoding: UnsafeBufferPointer(start: bytes + start, count: end - start), as: UTF8.self)
  }
}
