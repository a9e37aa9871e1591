/// A media type or range as a header names it: `type/subtype`, lower case, and its parameters.
struct MediaType: Sendable {
  /// Without parameters.
  var name: String
  var parameters: [(name: String, value: String)] = []

  /// Parses one header element; nil when there is no `type/subtype` in it. A bare `*` is `*/*`.
  init?(_ text: Substring) {
    let parts = HeaderText.split(text, at: UInt8(ascii: ";"))
    let type = HeaderText.trimmed(parts[0])
    if type == "*" {
      name = "*/*"
    } else {
      let slash = UInt8(ascii: "/")
      guard let first = type.utf8.firstIndex(of: slash), first != type.startIndex,
        first != type.utf8.index(before: type.endIndex),
        type.utf8[type.utf8.index(after: first)...].firstIndex(of: slash) == nil,
        type.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
      else { return nil }
      name = HeaderText.lowercased(type)
    }
    for part in parts.dropFirst() {
      guard let equals = part.utf8.firstIndex(of: UInt8(ascii: "=")) else { continue }
      let value = HeaderText.unquoted(HeaderText.trimmed(part[part.utf8.index(after: equals)...]))
      parameters.append((HeaderText.lowercased(HeaderText.trimmed(part[..<equals])), String(value)))
    }
  }

  func parameter(_ wanted: String) -> String? { parameters.first { $0.name == wanted }?.value }

  /// True when `type` (no wildcards) falls under this range.
  func covers(_ type: String) -> Bool {
    if name == type || name == "*/*" { return true }
    return name.utf8.last == UInt8(ascii: "*") && specificity == 1 && type.utf8.starts(with: name.utf8.dropLast())
  }

  /// 2 for a full type, 1 for `type/*`, 0 for `*/*`.
  var specificity: Int { name == "*/*" ? 0 : name.hasSuffix("/*") ? 1 : 2 }
}

/// Splitting and trimming of header values, by bytes.
enum HeaderText {
  /// The elements of a list, separators inside quoted strings left alone; never empty.
  static func split(_ text: Substring, at separator: UInt8) -> [Substring] {
    var parts: [Substring] = []
    var start = text.startIndex
    var isQuoted = false
    let bytes = text.utf8
    var i = bytes.startIndex
    while i != bytes.endIndex {
      let byte = bytes[i]
      if byte == UInt8(ascii: "\"") {
        isQuoted.toggle()
      } else if byte == separator, !isQuoted {
        parts.append(text[start..<i])
        start = bytes.index(after: i)
      }
      i = bytes.index(after: i)
    }
    parts.append(text[start...])
    return parts
  }

  /// Without blanks and tabs at both ends.
  static func trimmed(_ text: Substring) -> Substring {
    var bytes = text.utf8
    while let first = bytes.first, first == 0x20 || first == 0x09 { bytes.removeFirst() }
    while let last = bytes.last, last == 0x20 || last == 0x09 { bytes.removeLast() }
    return Substring(bytes)
  }

  /// The content of a quoted string, or the text itself.
  static func unquoted(_ text: Substring) -> Substring {
    let quote = UInt8(ascii: "\"")
    return text.utf8.count >= 2 && text.utf8.first == quote && text.utf8.last == quote
      ? Substring(text.utf8.dropFirst().dropLast()) : text
  }

  static func lowercased(_ text: Substring) -> String {
    text.utf8.contains { $0 >= 0x41 && $0 <= 0x5A } ? text.lowercased() : String(text)
  }
}
