/// Text that passes through URLs and logs as it is: two hexadecimal digits for each byte.
package enum HexText {
  package static func encode(_ text: String) -> String {
    text.utf8.map { byte in
      let digits = String(byte, radix: 16)
      return digits.utf8.count == 1 ? "0" + digits : digits
    }.joined()
  }

  /// The text that `encode` wrote; nil for anything else.
  package static func decode(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = text
    while !rest.isEmpty {
      let digits = rest.utf8.prefix(2)
      guard digits.count == 2,
        digits.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || UInt8(ascii: "a")...UInt8(ascii: "f") ~= $0 }
        ),
        let byte = UInt8(rest.prefix(2), radix: 16)
      else { return nil }
      bytes.append(byte)
      rest = rest.dropFirst(2)
    }
    return String(validating: bytes, as: UTF8.self)
  }
}
