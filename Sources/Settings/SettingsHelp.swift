/// Texts made from the table of settings.
public enum SettingsHelp {
  /// The flags, one paragraph each, for `--help`.
  public static func flags(_ table: [any AnySetting]) -> String {
    table.map { setting in
      let value = setting.isSwitch ? "" : " \(setting.placeholder)"
      let standard = setting.defaultText.isEmpty ? "" : " (default: \(setting.defaultText))"
      return "  \(setting.flag)\(value)\n      \(setting.summary)\(standard)\n"
    }.joined()
  }

  /// The listing of `swiftlet settings`.
  public static func listing(_ settings: ResolvedSettings, _ table: [any AnySetting]) -> String {
    table.map { setting in
      let names = [setting.flag, setting.variable] + setting.aliases.map(\.variable)
      return """
        \(setting.name) = \(shown(settings.text(of: setting)))  [\(settings.origin(of: setting))]
            \(setting.summary)
            \(names.joined(separator: ", ")); default \(shown(setting.defaultText)); \(setting.expectation)

        """
    }.joined()
  }

  /// The listing as a JSON array of objects with the keys `name`, `value`, `origin`, `default`, `flag`, `environment`, `key`,
  /// `aliases`, `expected`, `doc`; the values are texts, null where nothing is set.
  public static func json(_ settings: ResolvedSettings, _ table: [any AnySetting]) -> String {
    let objects = table.map { setting in
      let fields: [(String, String)] = [
        ("name", JSONText.quoted(setting.name)),
        ("value", nullable(settings.text(of: setting))),
        ("origin", JSONText.quoted(settings.origin(of: setting).description)),
        ("default", nullable(setting.defaultText)),
        ("flag", JSONText.quoted(setting.flag)),
        ("environment", JSONText.quoted(setting.variable)),
        ("key", setting.isFileKey ? JSONText.quoted(setting.name) : "null"),
        ("aliases", "[" + setting.aliases.map { JSONText.quoted($0.variable) }.joined(separator: ", ") + "]"),
        ("expected", JSONText.quoted(setting.expectation)),
        ("doc", JSONText.quoted(setting.summary)),
      ]
      return "  {" + fields.map { "\"\($0.0)\": \($0.1)" }.joined(separator: ", ") + "}"
    }
    return "[\n" + objects.joined(separator: ",\n") + "\n]\n"
  }

  private static func shown(_ text: String) -> String { text.isEmpty ? "(none)" : text }
  private static func nullable(_ text: String) -> String { text.isEmpty ? "null" : JSONText.quoted(text) }
}
