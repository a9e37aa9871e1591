/// JSON strings, for the few places that write JSON without a document.
package enum JSONText {
  /// `text` between quotes, escaped as RFC 8259 section 7 says.
  package static func quoted(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\r": out += "\\r"
      case "\t": out += "\\t"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out + "\""
  }

  /// The text that `quoted` wrote; nil for anything else.
  package static func unquoted(_ text: some StringProtocol) -> String? {
    var scalars = Substring(text).unicodeScalars
    guard scalars.count >= 2, scalars.popFirst() == "\"", scalars.popLast() == "\"" else { return nil }
    var out = ""
    while let scalar = scalars.popFirst() {
      guard scalar == "\\" else {
        out.unicodeScalars.append(scalar)
        continue
      }
      switch scalars.popFirst() {
      case "\""?: out += "\""
      case "\\"?: out += "\\"
      case "n"?: out += "\n"
      case "r"?: out += "\r"
      case "t"?: out += "\t"
      case "u"?:
        let digits = String(scalars.prefix(4))
        guard digits.unicodeScalars.count == 4, let value = UInt32(digits, radix: 16), let code = Unicode.Scalar(value)
        else { return nil }
        scalars = scalars.dropFirst(4)
        out.unicodeScalars.append(code)
      default: return nil
      }
    }
    return out
  }
}
