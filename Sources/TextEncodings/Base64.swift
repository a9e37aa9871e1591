/// Base64 with padding (RFC 4648, section 4).
public enum Base64 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  public static func encoded(_ bytes: [UInt8]) -> String {
    var out: [UInt8] = []
    var at = 0
    while at < bytes.count {
      let group = bytes[at..<min(at + 3, bytes.count)]
      var word = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      word <<= UInt32(8 * (3 - group.count))
      for i in 0..<4 {
        out.append(i <= group.count ? alphabet[Int(word >> UInt32(18 - 6 * i) & 63)] : UInt8(ascii: "="))
      }
      at += 3
    }
    return String(decoding: out, as: UTF8.self)
  }

  /// nil for a text that is not base64.
  public static func decoded(_ text: String) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count % 4 == 0 else { return nil }
    let padding = digits.reversed().prefix { $0 == UInt8(ascii: "=") }.count
    guard padding <= 2 else { return nil }
    var out: [UInt8] = []
    var (word, bits): (UInt32, UInt32) = (0, 0)
    for digit in digits.dropLast(padding) {
      guard let value = alphabet.firstIndex(of: digit) else { return nil }
      word = (word << 6 | UInt32(value)) & 0xFFFF
      bits += 6
      if bits >= 8 {
        bits -= 8
        out.append(UInt8(truncatingIfNeeded: word >> bits))
      }
    }
    return out
  }
}
