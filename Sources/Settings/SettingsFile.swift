/// The configuration file: a flat YAML mapping, one `key: value` a line, with `#` comments and optional quotes.
///
/// Keys are names of settings. What a flat mapping of scalars does not need (nesting, lists, anchors, several documents) is
/// refused, so that a file means the same to this reader and to any YAML tool.
public enum SettingsFile {
  /// One line of the file.
  public struct Entry: Sendable, Equatable {
    public var line: Int
    public var key: String
    public var value: String
  }

  /// The longest file that is read, in bytes.
  public static let byteLimit = 1 << 20

  /// The entries of `text` in order.
  ///
  /// - Throws: `SettingsError` naming the file and the line.
  public static func parse(_ text: String, name: String) throws(SettingsError) -> [Entry] {
    var entries: [Entry] = []
    for (index, raw) in text.split(omittingEmptySubsequences: false, whereSeparator: { $0 == "\n" || $0 == "\r\n" })
      .enumerated()
    {
      let line = index + 1
      let content = Quantity.trimmed(raw.hasPrefix("\u{FEFF}") ? raw.dropFirst() : raw)
      if content.isEmpty || content.hasPrefix("#") || content == "---" { continue }
      guard !raw.hasPrefix(" "), !raw.hasPrefix("\t"), !content.hasPrefix("- ") else {
        throw SettingsError(
          .file, "\(name):\(line): expected `key: value` at the start of the line; nesting is not used")
      }
      guard let colon = content.firstIndex(of: ":") else {
        throw SettingsError(.file, "\(name):\(line): expected `key: value`, got \"\(content.prefix(60))\"")
      }
      let key = Quantity.trimmed(content[..<colon])
      let rest = content[content.index(after: colon)...]
      guard rest.isEmpty || rest.hasPrefix(" ") || rest.hasPrefix("\t") else {
        throw SettingsError(.file, "\(name):\(line): expected a space after `\(key.prefix(60)):`")
      }
      guard let value = scalar(Quantity.trimmed(rest)) else {
        throw SettingsError(
          .file, "\(name):\(line): the value of \(key.prefix(60)) must be one plain or quoted scalar on the same line")
      }
      if let earlier = entries.first(where: { $0.key == key }) {
        throw SettingsError(.file, "\(name):\(line): \(key) is already set in line \(earlier.line)")
      }
      entries.append(Entry(line: line, key: key, value: value))
    }
    return entries
  }

  private static func scalar(_ text: String) -> String? {
    guard let first = text.first else { return nil }
    if first == "\"" || first == "'" {
      guard let end = text.dropFirst().firstIndex(of: first) else { return nil }
      let inner = text[text.index(after: text.startIndex)..<end]
      let tail = Quantity.trimmed(text[text.index(after: end)...])
      guard tail.isEmpty || tail.hasPrefix("#"), !inner.contains("\\") else { return nil }
      return String(inner)
    }
    guard !"[]{}&*!|>%@`#,?".contains(first) else { return nil }
    guard let comment = text.firstRange(ofSpaceHash: ()) else { return text }
    return Quantity.trimmed(text[..<comment])
  }
}

extension String {
  /// Where ` #` begins a comment.
  fileprivate func firstRange(ofSpaceHash: Void) -> Index? {
    var previous: Character = "x"
    for index in indices {
      if self[index] == "#", previous == " " || previous == "\t" { return index }
      previous = self[index]
    }
    return nil
  }
}
