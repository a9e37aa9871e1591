/// The character classes of HTTP (RFC 9110, section 5.6) and comparisons on bytes.
enum HTTPCharacters {
  static let carriageReturn: UInt8 = 0x0D
  static let lineFeed: UInt8 = 0x0A
  static let space: UInt8 = 0x20
  static let tab: UInt8 = 0x09

  /// True for `tchar`, what methods and field names are made of.
  @inline(__always)
  static func isToken(_ byte: UInt8) -> Bool {
    let low: UInt64 = 0x03FF_6CFA_0000_0000
    let high: UInt64 = 0x57FF_FFFF_C7FF_FFFE
    if byte < 64 { return (low &>> UInt64(byte)) & 1 == 1 }
    return byte < 128 && (high &>> UInt64(byte &- 64)) & 1 == 1
  }

  /// True for what a field value may hold: visible characters, blanks and bytes above ASCII.
  @inline(__always)
  static func isFieldValue(_ byte: UInt8) -> Bool { (byte >= 0x20 && byte != 0x7F) || byte == tab }

  static func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  /// Whether the bytes in `range` are `text` in any case. `text` is lower-case ASCII.
  @inline(__always)
  static func equals(_ span: RawSpan, _ range: Range<UInt32>, _ text: StaticString) -> Bool {
    let length = text.utf8CodeUnitCount
    guard range.count == length else { return false }
    let wanted = text.utf8Start
    let start = Int(range.lowerBound)
    for index in 0..<length {
      var byte = span.byte(start &+ index)
      if byte &- UInt8(ascii: "A") < 26 { byte |= 0x20 }
      if byte != wanted[index] { return false }
    }
    return true
  }

  /// Whether a comma-separated list holds `token` in any case.
  static func list(_ span: RawSpan, _ range: Range<UInt32>, contains token: StaticString) -> Bool {
    var start = range.lowerBound
    while start <= range.upperBound {
      var end = start
      while end < range.upperBound, span.byte(Int(end)) != UInt8(ascii: ",") { end += 1 }
      if equals(span, trimmed(span, start..<end), token) { return true }
      start = end + 1
    }
    return false
  }

  /// `range` without blanks at its ends.
  static func trimmed(_ span: RawSpan, _ range: Range<UInt32>) -> Range<UInt32> {
    var start = range.lowerBound
    var end = range.upperBound
    while start < end, isBlank(span.byte(Int(start))) { start += 1 }
    while end > start, isBlank(span.byte(Int(end - 1))) { end -= 1 }
    return start..<end
  }

  @inline(__always)
  static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }
}

extension RawSpan {
  /// The byte at `offset`; the bounds are checked.
  @inline(__always)
  func byte(_ offset: Int) -> UInt8 { unsafeLoad(fromByteOffset: offset, as: UInt8.self) }
}
