/// A decimal number as scanned from text: `±mantissa × 10^exponent`, and where it stands.
struct DecimalToken {
  /// The first 19 significant digits.
  var mantissa: UInt64 = 0
  /// The power of ten that goes with `mantissa`.
  var exponent = 0
  var isNegative = false
  /// True when a digit other than zero was dropped beyond the nineteenth.
  var isTruncated = false
  /// Offsets of the first byte and of the byte after the last.
  var start = 0
  var end = 0

  /// What a grammar lets pass.
  enum Grammar {
    /// RFC 8259: no plus sign, no leading zero, digits on both sides of the point.
    case json
    /// What spreadsheets and NumPy write: also `+1`, `007`, `.5`, `5.`.
    case relaxed
  }

  /// Why bytes are not a number.
  enum Problem: Error {
    case noDigits, leadingZero, noFractionDigits, noExponentDigits, tooLong
  }

  /// Bytes that one number may take: more would only feed the exact fallback.
  static let maximumLength = 1024
}

@inline(__always) func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

extension DecimalToken {
  /// Scans the number that begins at `start`. Returns nil on success, and then `end` is behind its last byte; on failure
  /// `end` is where the problem was met.
  @inline(__always)
  mutating func scan(
    _ bytes: UnsafePointer<UInt8>, from start: Int, to limit: Int, grammar: Grammar
  ) -> Problem? {
    self.start = start
    var i = start
    isNegative = false
    isTruncated = false
    if i < limit {
      if bytes[i] == UInt8(ascii: "-") {
        isNegative = true
        i &+= 1
      } else if grammar == .relaxed, bytes[i] == UInt8(ascii: "+") {
        i &+= 1
      }
    }
    let integerStart = i
    var m: UInt64 = 0
    while i < limit, isDigit(bytes[i]) {
      m = m &* 10 &+ UInt64(bytes[i] &- 0x30)
      i &+= 1
    }
    let integerDigits = i &- integerStart
    if grammar == .json {
      if integerDigits == 0 { return failed(.noDigits, i) }
      if integerDigits > 1, bytes[integerStart] == 0x30 { return failed(.leadingZero, integerStart) }
    }
    var fractionDigits = 0
    if i < limit, bytes[i] == UInt8(ascii: ".") {
      i &+= 1
      let fractionStart = i
      while limit &- i >= 8 {
        let word = UnsafeRawPointer(bytes + i).loadUnaligned(as: UInt64.self)
        guard EightDigits.areDigits(word) else { break }
        m = m &* 100_000_000 &+ EightDigits.value(word)
        i &+= 8
      }
      while i < limit, isDigit(bytes[i]) {
        m = m &* 10 &+ UInt64(bytes[i] &- 0x30)
        i &+= 1
      }
      fractionDigits = i &- fractionStart
      if fractionDigits == 0, grammar == .json { return failed(.noFractionDigits, i) }
    }
    if integerDigits &+ fractionDigits == 0 { return failed(.noDigits, i) }
    mantissa = m
    exponent = 0 &- fractionDigits
    let digitsEnd = i
    if i < limit, bytes[i] | 0x20 == UInt8(ascii: "e") {
      i &+= 1
      var isNegativeExponent = false
      if i < limit, bytes[i] == UInt8(ascii: "-") || bytes[i] == UInt8(ascii: "+") {
        isNegativeExponent = bytes[i] == UInt8(ascii: "-")
        i &+= 1
      }
      let exponentStart = i
      var e = 0
      while i < limit, isDigit(bytes[i]) {
        if e < 1_000_000 { e = e &* 10 &+ Int(bytes[i] &- 0x30) }
        i &+= 1
      }
      if i == exponentStart { return failed(.noExponentDigits, i) }
      exponent = exponent &+ (isNegativeExponent ? 0 &- e : e)
    }
    end = i
    if integerDigits &+ fractionDigits > 19 {
      if i &- start > DecimalToken.maximumLength { return failed(.tooLong, start) }
      rescan(bytes, from: integerStart, to: digitsEnd, fractionDigits: fractionDigits)
    }
    return nil
  }

  @inline(never)
  private mutating func failed(_ problem: Problem, _ at: Int) -> Problem {
    end = at
    return problem
  }

  /// Takes the first 19 significant digits of a longer number.
  @inline(never)
  private mutating func rescan(
    _ bytes: UnsafePointer<UInt8>, from first: Int, to last: Int, fractionDigits: Int
  ) {
    var m: UInt64 = 0
    var taken = 0
    var dropped = 0
    for i in first..<last where bytes[i] != UInt8(ascii: ".") {
      let digit = UInt64(bytes[i] &- 0x30)
      if taken < 19 {
        m = m &* 10 &+ digit
        if m != 0 { taken &+= 1 }
      } else {
        dropped &+= 1
        if digit != 0 { isTruncated = true }
      }
    }
    mantissa = m
    exponent = exponent &+ dropped
  }
}

/// Eight ASCII digits read as one little-endian word.
enum EightDigits {
  @inline(__always) static func areDigits(_ word: UInt64) -> Bool {
    let word = UInt64(littleEndian: word)
    return (word & 0xF0F0_F0F0_F0F0_F0F0)
      | (((word &+ 0x0606_0606_0606_0606) & 0xF0F0_F0F0_F0F0_F0F0) >> 4) == 0x3333_3333_3333_3333
  }

  /// The number they spell: pairs, then fours, then all eight, a multiplication each.
  @inline(__always) static func value(_ word: UInt64) -> UInt64 {
    var v = UInt64(littleEndian: word) &- 0x3030_3030_3030_3030
    v = (v &* 10) &+ (v >> 8)
    let pairs: UInt64 = 0x0000_00FF_0000_00FF
    let low = (v & pairs) &* (100 &+ (1_000_000 << 32))
    let high = ((v >> 16) & pairs) &* (1 &+ (10_000 << 32))
    return (low &+ high) >> 32
  }
}
