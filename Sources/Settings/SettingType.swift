/// How a setting's value is written: the words for a person, and the way from text and back.
public struct SettingType<Value: Sendable>: Sendable {
  /// What is expected, as in `a whole number from 1 to 65535`.
  public let expectation: String
  /// A short placeholder for help, such as `N` or `SIZE`.
  public let placeholder: String
  /// True when the flag alone means `true`.
  public let isSwitch: Bool
  /// The value, or nil when the text is not one.
  public let parse: @Sendable (String) -> Value?
  /// The text that `parse` takes back.
  public let format: @Sendable (Value) -> String

  public init(
    _ expectation: String, placeholder: String, isSwitch: Bool = false, parse: @escaping @Sendable (String) -> Value?,
    format: @escaping @Sendable (Value) -> String
  ) {
    self.expectation = expectation
    self.placeholder = placeholder
    self.isSwitch = isSwitch
    self.parse = parse
    self.format = format
  }
}

extension SettingType where Value == Int {
  /// A whole number in `range`.
  public static func integer(_ range: ClosedRange<Int>) -> Self {
    SettingType(
      "a whole number from \(range.lowerBound) to \(range.upperBound)", placeholder: "N",
      parse: { Quantity.integer($0).flatMap { range.contains($0) ? $0 : nil } }, format: { "\($0)" })
  }

  /// A number of bytes in `range`: `6MiB`, `100MB` (powers of 1024 and of 1000), or plain bytes.
  public static func size(_ range: ClosedRange<Int>) -> Self {
    SettingType(
      "a size from \(Quantity.format(bytes: range.lowerBound)) to \(Quantity.format(bytes: range.upperBound)), such as "
        + "6MiB, 100MB or 1048576", placeholder: "SIZE",
      parse: { Quantity.bytes($0).flatMap { range.contains($0) ? $0 : nil } }, format: { Quantity.format(bytes: $0) })
  }
}

extension SettingType where Value == Int? {
  /// A whole number in `range`, or `auto` (nil).
  public static func automatic(_ range: ClosedRange<Int>) -> Self {
    SettingType(
      "auto or a whole number from \(range.lowerBound) to \(range.upperBound)", placeholder: "auto|N",
      parse: { text in
        if text == "auto" { return .some(nil) }
        return Quantity.integer(text).flatMap { range.contains($0) ? .some($0) : nil }
      }, format: { $0.map { "\($0)" } ?? "auto" })
  }
}

extension SettingType where Value == Duration {
  /// A time in `range` seconds: `60`, `60s`, `500ms`, `2m`.
  public static func seconds(_ range: ClosedRange<Int>) -> Self {
    let bounds = Duration.seconds(range.lowerBound)...Duration.seconds(range.upperBound)
    return SettingType(
      "a time from \(range.lowerBound) to \(range.upperBound) seconds, such as 60, 500ms or 2m", placeholder: "SECONDS",
      parse: { Quantity.duration($0).flatMap { bounds.contains($0) ? $0 : nil } },
      format: { Quantity.format(duration: $0) })
  }
}

extension SettingType where Value == String? {
  /// Any text but the empty one; nil where nothing is set.
  public static func text(_ what: String, placeholder: String) -> Self {
    SettingType(what, placeholder: placeholder, parse: { $0.isEmpty ? nil : .some($0) }, format: { $0 ?? "" })
  }
}

extension SettingType where Value == String {
  /// Any text but the empty one.
  public static func text(_ what: String, placeholder: String) -> Self {
    SettingType(what, placeholder: placeholder, parse: { $0.isEmpty ? nil : $0 }, format: { $0 })
  }
}

extension SettingType where Value == [String] {
  /// Names separated by commas.
  public static let names = SettingType(
    "names separated by commas", placeholder: "A,B",
    parse: { text in
      let names = text.split(separator: ",", omittingEmptySubsequences: false).map { Quantity.trimmed($0) }
      return names.contains("") ? nil : names
    }, format: { $0.joined(separator: ",") })
}

extension SettingType where Value == Bool {
  /// `true` or `false`; the flag alone means `true`.
  public static let boolean = SettingType(
    "true or false", placeholder: "true|false", isSwitch: true,
    parse: { ["true": true, "1": true, "false": false, "0": false][$0] }, format: { "\($0)" })
}

extension SettingType where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
  /// One of the cases of an enumeration.
  public static var choice: Self {
    let names = Value.allCases.map(\.rawValue)
    return SettingType(
      "one of " + names.joined(separator: ", "), placeholder: names.joined(separator: "|"),
      parse: { Value(rawValue: $0) }, format: { $0.rawValue })
  }
}

/// Numbers with units.
public enum Quantity {
  /// Digits with an optional minus sign, and nothing else.
  public static func integer(_ text: String) -> Int? {
    let digits = text.utf8.drop { $0 == UInt8(ascii: "-") }
    guard !digits.isEmpty, text.utf8.count - digits.count <= 1,
      digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
    else { return nil }
    return Int(text)
  }

  private static let byteUnits: [(String, Int)] = [
    ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30),
    ("KB", 1000), ("kB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("B", 1),
  ]

  /// `6MiB`, `100MB`, `17` in bytes.
  public static func bytes(_ text: String) -> Int? {
    let (suffix, unit) = byteUnits.first { text.hasSuffix($0.0) } ?? ("", 1)
    guard let number = integer(trimmed(text.dropLast(suffix.count))), number >= 0 else { return nil }
    let (bytes, overflow) = number.multipliedReportingOverflow(by: unit)
    return overflow ? nil : bytes
  }

  /// The shortest exact form: `100MiB`, `100MB`, `4095B`.
  public static func format(bytes: Int) -> String {
    let whole = byteUnits.filter { bytes >= $0.1 && bytes % $0.1 == 0 && $0.0 != "kB" }
    guard let (suffix, unit) = whole.max(by: { $0.1 < $1.1 }) else { return "\(bytes)B" }
    return "\(bytes / unit)\(suffix)"
  }

  private static let timeUnits: [(String, Int)] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("", 1000)]

  /// `60`, `60s`, `500ms`, `2m`, `1h`.
  public static func duration(_ text: String) -> Duration? {
    guard let (suffix, unit) = timeUnits.first(where: { text.hasSuffix($0.0) }),
      let number = integer(trimmed(text.dropLast(suffix.count))), number >= 0
    else { return nil }
    let (milliseconds, overflow) = number.multipliedReportingOverflow(by: unit)
    return overflow ? nil : .milliseconds(milliseconds)
  }

  public static func format(duration: Duration) -> String {
    let milliseconds = duration / .milliseconds(1)
    let whole = Int(milliseconds)
    return whole % 1000 == 0 ? "\(whole / 1000)s" : "\(whole)ms"
  }

  static func trimmed(_ text: some StringProtocol) -> String {
    var slice = Substring(text)
    while let first = slice.first, first == " " || first == "\t" { slice.removeFirst() }
    while let last = slice.last, last == " " || last == "\t" || last == "\r" { slice.removeLast() }
    return String(slice)
  }
}
