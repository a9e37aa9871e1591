/// Percent-encoding as Signature Version 4 has it (RFC 3986, section 2.3, and AWS's `UriEncode`).
public enum PercentEncoding {
  /// `A-Z`, `a-z`, `0-9`, `-`, `.`, `_`, `~` stay; every other byte becomes `%XX` in upper case.
  ///
  /// - Parameter keepsSlash: true for a path, whose slashes stay.
  public static func encoded(_ text: some StringProtocol, keepsSlash: Bool = false) -> String {
    var out: [UInt8] = []
    out.reserveCapacity(text.utf8.count + 16)
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        out.append(byte)
      case UInt8(ascii: "/") where keepsSlash: out.append(byte)
      default:
        out.append(UInt8(ascii: "%"))
        out.append(digit(byte >> 4))
        out.append(digit(byte & 15))
      }
    }
    return String(decoding: out, as: UTF8.self)
  }

  /// The text that was encoded; nil where a `%` has no two digits after it or the bytes are not UTF-8.
  public static func decoded(_ text: some StringProtocol, plusIsBlank: Bool = false) -> String? {
    let bytes = Array(text.utf8)
    var out: [UInt8] = []
    out.reserveCapacity(bytes.count)
    var at = 0
    while at < bytes.count {
      switch bytes[at] {
      case UInt8(ascii: "%"):
        guard bytes.count - at > 2, let high = value(bytes[at + 1]), let low = value(bytes[at + 2]) else { return nil }
        out.append(high << 4 | low)
        at += 3
      case UInt8(ascii: "+") where plusIsBlank:
        out.append(0x20)
        at += 1
      default:
        out.append(bytes[at])
        at += 1
      }
    }
    return String(validating: out, as: UTF8.self)
  }

  private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x37 + value }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 0x30...0x39: digit - 0x30
    case 0x41...0x46: digit - 0x37
    case 0x61...0x66: digit - 0x57
    default: nil
    }
  }
}
