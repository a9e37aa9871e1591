/// Limits that a settings file is read under.
public struct INILimits: Sendable {
  /// Bytes of the whole file.
  public var bytes = 1 << 20
  /// Sections, and settings of all sections.
  public var settings = 10_000

  public init() {}
}

/// Where and why a text is no settings file. The text itself is not repeated: it may hold secrets.
public struct INIError: Error, Hashable, Sendable, CustomStringConvertible {
  /// From 1.
  public let line: Int
  public let reason: String
  public var description: String { "line \(line): \(reason)" }
}

/// A settings file as the AWS tools write and read it (AWS SDKs and Tools reference, "Shared config and credentials
/// files"; Python's `configparser` where that says nothing).
///
/// `[section]` begins a section, `name = value` (or `:`) is a setting, whose name is put into lower case. A line that begins
/// with `#` or `;` is a comment, and those characters within a value belong to it. A line that begins with a blank goes on
/// with the setting before it: where that has an empty value, such lines are settings inside it. What comes twice counts
/// as it comes last.
public struct INIFile: Sendable, Hashable {
  /// What stands under one heading.
  public struct Section: Sendable, Hashable {
    public var settings: [String: String] = [:]
    /// Settings inside a setting, such as `addressing_style` inside `s3`.
    public var nested: [String: [String: String]] = [:]

    public init() {}

    /// The setting called `name`; nil where it is missing or empty.
    public subscript(name: String) -> String? {
      if let value = settings[name], !value.isEmpty { value } else { nil }
    }

    /// Settings of both; those of `other` win.
    public func merged(with other: Section) -> Section {
      var out = self
      out.settings.merge(other.settings) { $1 }
      out.nested.merge(other.nested) { $0.merging($1) { $1 } }
      return out
    }
  }

  public var sections: [String: Section] = [:]

  public init() {}

  /// - Throws: `INIError`.
  public init(_ bytes: [UInt8], limits: INILimits = INILimits()) throws(INIError) {
    guard bytes.count <= limits.bytes else { throw INIError(line: 1, reason: "more than \(limits.bytes) bytes") }
    let content = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
    var section: String?
    var setting: String?
    var count = 0
    var number = 0
    for line in content.split(separator: 0x0A, omittingEmptySubsequences: false) {
      number += 1
      let text = INIFile.trimmed(line)
      guard let first = text.first, let start = line.first else { continue }
      if first == UInt8(ascii: "#") || first == UInt8(ascii: ";") { continue }
      count += 1
      guard count <= limits.settings else {
        throw INIError(line: number, reason: "more than \(limits.settings) settings")
      }
      if first == UInt8(ascii: "["), start == first {
        guard let end = text.firstIndex(of: UInt8(ascii: "]")) else { throw INIError(line: number, reason: "no ]") }
        let name = try INIFile.string(INIFile.trimmed(text[(text.startIndex + 1)..<end]), number)
        section = name
        setting = nil
        sections[name, default: Section()] = sections[name] ?? Section()
        continue
      }
      guard let section else { throw INIError(line: number, reason: "a setting before the first [section]") }
      let isContinuation = start == 0x20 || start == 0x09
      if isContinuation, let setting {
        let isEmpty = sections[section]?.settings[setting]?.isEmpty ?? true
        if isEmpty, let (name, value) = try INIFile.pair(text, number) {
          sections[section]?.nested[setting, default: [:]][name] = value
        } else {
          let line = try INIFile.string(text, number)
          sections[section]?.settings[setting]?.append("\n\(line)")
        }
        continue
      }
      guard let (name, value) = try INIFile.pair(text, number) else {
        throw INIError(line: number, reason: "neither [section] nor name = value")
      }
      sections[section]?.settings[name] = value
      setting = name
    }
  }

  private static func pair(
    _ text: ArraySlice<UInt8>, _ line: Int
  ) throws(INIError) -> (name: String, value: String)? {
    guard let mark = text.firstIndex(where: { $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: ":") }),
      mark > text.startIndex
    else { return nil }
    let name = try string(trimmed(text[..<mark]), line).lowercased()
    return (name, try string(trimmed(text[(mark + 1)...]), line))
  }

  private static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    func isBlank(_ c: UInt8) -> Bool { c == 0x20 || c == 0x09 || c == 0x0D }
    var text = text.drop(while: isBlank)
    while let last = text.last, isBlank(last) { text.removeLast() }
    return text
  }

  private static func string(_ bytes: ArraySlice<UInt8>, _ line: Int) throws(INIError) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw INIError(line: line, reason: "bytes that are not UTF-8")
    }
    return text
  }
}
