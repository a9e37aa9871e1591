/// One setting, declared once: from it come the flag, the environment variable, the key of the configuration file, the
/// line of help and the entry of `swiftlet settings`.
public struct Setting<Value: Sendable>: Sendable {
  /// The name in words joined by hyphens: `max-body-size`.
  public let name: String
  public let type: SettingType<Value>
  public let defaultValue: Value
  /// One line for help.
  public let summary: String
  /// Variables of other systems that mean this setting, the strongest first.
  public let aliases: [SettingAlias]
  /// False for what cannot stand in a configuration file.
  public let isFileKey: Bool

  public init(
    _ name: String, _ type: SettingType<Value>, default defaultValue: Value, _ summary: String,
    aliases: [SettingAlias] = [], isFileKey: Bool = true
  ) {
    self.name = name
    self.type = type
    self.defaultValue = defaultValue
    self.summary = summary
    self.aliases = aliases
    self.isFileKey = isFileKey
  }
}

/// An environment variable of another system that means a setting of ours.
public struct SettingAlias: Sendable {
  public let variable: String
  /// What its value must be.
  public let expectation: String
  /// True when it beats even the flag.
  public let overridesFlag: Bool
  /// The text for the setting; nil when the value is malformed; empty when the value means "leave the default".
  public let convert: @Sendable (String) -> String?

  public init(
    _ variable: String, expectation: String, overridesFlag: Bool = false,
    convert: @escaping @Sendable (String) -> String? = { $0 }
  ) {
    self.variable = variable
    self.expectation = expectation
    self.overridesFlag = overridesFlag
    self.convert = convert
  }
}

/// A setting whose value type is out of sight: what the resolver and the help need.
public protocol AnySetting: Sendable {
  var name: String { get }
  var summary: String { get }
  var aliases: [SettingAlias] { get }
  var isFileKey: Bool { get }
  var expectation: String { get }
  var placeholder: String { get }
  var isSwitch: Bool { get }
  var defaultText: String { get }
  /// The value as `ResolvedSettings` holds it, with its canonical text; nil when the text is malformed.
  func value(of text: String) -> (any Sendable, String)?
}

extension AnySetting {
  /// `--max-body-size`.
  public var flag: String { "--\(name)" }

  /// `SWIFTLET_MAX_BODY_SIZE`.
  public var variable: String {
    SettingsResolver.variablePrefix + name.uppercased().replacing("-", with: "_")
  }
}

extension Setting: AnySetting {
  public var expectation: String { type.expectation }
  public var placeholder: String { type.placeholder }
  public var isSwitch: Bool { type.isSwitch }
  public var defaultText: String { type.format(defaultValue) }

  public func value(of text: String) -> (any Sendable, String)? {
    type.parse(text).map { ($0, type.format($0)) }
  }
}

extension String {
  /// The text with every `old` character replaced.
  fileprivate func replacing(_ old: Character, with new: Character) -> String { String(map { $0 == old ? new : $0 }) }
}
