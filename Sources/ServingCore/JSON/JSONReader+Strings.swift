#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A string token: the bytes between its quotes, and whether they need decoding.
struct JSONKey {
  var range: Range<Int>
  var hasEscapes: Bool

  /// True when the token is `name`; a token with escapes is decoded first.
  @inline(__always)
  func matches(_ name: [UInt8], _ reader: JSONReader) -> Bool {
    guard !hasEscapes, range.count == name.count else { return false }
    return name.withUnsafeBytes {
      memcmp($0.baseAddress ?? UnsafeRawPointer(reader.bytes), reader.bytes + range.lowerBound, $0.count) == 0
    }
  }

  /// The string, escapes resolved. The token has been validated.
  func text(_ reader: JSONReader) -> String {
    let raw = UnsafeBufferPointer(start: reader.bytes + range.lowerBound, count: range.count)
    if !hasEscapes { return String(decoding: raw, as: UTF8.self) }
    var out: [UInt8] = []
    out.reserveCapacity(raw.count)
    var i = 0
    while i < raw.count {
      guard raw[i] == UInt8(ascii: "\\") else {
        out.append(raw[i])
        i += 1
        continue
      }
      switch raw[i + 1] {
      case UInt8(ascii: "b"): out.append(0x08)
      case UInt8(ascii: "f"): out.append(0x0C)
      case UInt8(ascii: "n"): out.append(0x0A)
      case UInt8(ascii: "r"): out.append(0x0D)
      case UInt8(ascii: "t"): out.append(0x09)
      case UInt8(ascii: "u"):
        var unit = JSONKey.codeUnit(raw, i + 2) ?? 0xFFFD
        i += 4
        if unit & 0xFC00 == 0xD800 {
          unit = 0x10000 + (unit & 0x3FF) << 10 + ((JSONKey.codeUnit(raw, i + 4) ?? 0) & 0x3FF)
          i += 6
        }
        out.append(contentsOf: Character(UnicodeScalar(unit) ?? "\u{FFFD}").utf8)
      default: out.append(raw[i + 1])
      }
      i += 2
    }
    return String(decoding: out, as: UTF8.self)
  }

  /// The four hexadecimal digits at `at`, or nil.
  static func codeUnit(_ bytes: UnsafeBufferPointer<UInt8>, _ at: Int) -> UInt32? {
    guard at >= 0, bytes.count - at >= 4 else { return nil }
    var value: UInt32 = 0
    for i in at..<(at + 4) {
      switch bytes[i] {
      case 0x30...0x39: value = value << 4 | UInt32(bytes[i] - 0x30)
      case 0x41...0x46: value = value << 4 | UInt32(bytes[i] - 0x37)
      case 0x61...0x66: value = value << 4 | UInt32(bytes[i] - 0x57)
      default: return nil
      }
    }
    return value
  }
}

extension JSONReader {
  /// Validates the string at the cursor (on its opening quote) and passes over it.
  mutating func stringToken() throws(ServingError) -> JSONKey {
    let opening = at
    var i = at + 1
    var hasEscapes = false
    var isASCII = true
    while i < end {
      let byte = bytes[i]
      if byte == UInt8(ascii: "\"") {
        let range = (opening + 1)..<i
        if !isASCII {
          let raw = UnsafeBufferPointer(start: bytes + range.lowerBound, count: range.count)
          if String(validating: raw, as: UTF8.self) == nil {
            throw malformed("a string is not valid UTF-8", at: opening)
          }
        }
        at = i + 1
        return JSONKey(range: range, hasEscapes: hasEscapes)
      }
      if byte < 0x20 { throw malformed("a control character in a string must be escaped", at: i) }
      if byte >= 0x80 { isASCII = false }
      if byte == UInt8(ascii: "\\") {
        hasEscapes = true
        i = try escapeEnd(i)
      } else {
        i += 1
      }
    }
    throw malformed("a string is not closed", at: end)
  }

  /// The offset behind the escape at `start`.
  private func escapeEnd(_ start: Int) throws(ServingError) -> Int {
    guard start + 1 < end else { throw malformed("a string is not closed", at: end) }
    let buffer = UnsafeBufferPointer(start: bytes, count: end)
    switch bytes[start + 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
      UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      return start + 2
    case UInt8(ascii: "u"):
      guard let unit = JSONKey.codeUnit(buffer, start + 2) else {
        throw malformed("four hexadecimal digits must follow \\u", at: start)
      }
      if unit & 0xF800 != 0xD800 { return start + 6 }
      guard unit < 0xDC00, start + 7 < end, bytes[start + 6] == UInt8(ascii: "\\"),
        bytes[start + 7] == UInt8(ascii: "u"),
        let low = JSONKey.codeUnit(buffer, start + 8), low & 0xFC00 == 0xDC00
      else { throw malformed("a surrogate stands alone", at: start) }
      return start + 12
    default: throw malformed("unknown escape", at: start)
    }
  }
}
