/// A media type or range as a header names it: `type/subtype`, lower case, and its parameters.
struct MediaType: Sendable, Equatable {
  /// Without parameters.
  var name: String
  var parameters: [(name: String, value: String)]

  static func == (a: MediaType, b: MediaType) -> Bool { a.name == b.name }

  /// Parses one header element; nil when there is no `type/subtype` in it. A bare `*` is `*/*`.
  init?(_ text: some StringProtocol) {
    var parts = MediaType.split(text, at: ";").makeIterator()
    guard let first = parts.next() else { return nil }
    name = MediaType.trimmed(first).lowercased()
    if name == "*" { name = "*/*" }
    let halves = name.split(separator: "/", omittingEmptySubsequences: false)
    guard halves.count == 2, !halves[0].isEmpty, !halves[1].isEmpty, !name.contains(where: { $0 == " " || $0 == "," })
    else {
      return nil
    }
    parameters = []
    while let part = parts.next() {
      guard let equals = part.firstIndex(of: "=") else { continue }
      var value = MediaType.trimmed(part[part.index(after: equals)...])
      if value.count >= 2, value.hasPrefix("\""), value.hasSuffix("\"") { value = String(value.dropFirst().dropLast()) }
      parameters.append((MediaType.trimmed(part[..<equals]).lowercased(), value))
    }
  }

  func parameter(_ wanted: String) -> String? { parameters.first { $0.name == wanted }?.value }

  /// True when `type` (no wildcards) falls under this range.
  func covers(_ type: String) -> Bool {
    if name == type || name == "*/*" { return true }
    return name.hasSuffix("/*") && type.hasPrefix(name.dropLast())
  }

  /// 2 for a full type, 1 for `type/*`, 0 for `*/*`.
  var specificity: Int { name == "*/*" ? 0 : name.hasSuffix("/*") ? 1 : 2 }

  /// The elements of a list, separators inside quoted strings left alone.
  static func split(_ text: some StringProtocol, at separator: Character) -> [String] {
    var parts: [String] = []
    var part = ""
    var isQuoted = false
    for character in text {
      if character == "\"" { isQuoted.toggle() }
      if character == separator, !isQuoted {
        parts.append(part)
        part = ""
      } else {
        part.append(character)
      }
    }
    parts.append(part)
    return parts
  }

  static func trimmed(_ text: some StringProtocol) -> String {
    var text = text[...]
    while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
    while let last = text.last, last == " " || last == "\t" { text.removeLast() }
    return String(text)
  }
}
