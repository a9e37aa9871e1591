/// Works out the settings from the command line, the environment and the configuration file.
///
/// Precedence: an alias that overrides flags, then flag, `SWIFTLET_` variable, alias, file, default. An unknown name or a
/// malformed value anywhere is an error, even where a stronger source hides it.
public struct SettingsResolver: Sendable {
  /// The beginning of every environment variable of ours.
  public static let variablePrefix = "SWIFTLET_"

  public let table: [any AnySetting]
  /// The setting that a bare argument gives.
  public let positional: (any AnySetting)?
  /// The setting that names the configuration file.
  public let fileSetting: (any AnySetting)?

  public init(
    table: [any AnySetting], positional: (any AnySetting)? = nil, fileSetting: (any AnySetting)? = nil
  ) {
    self.table = table
    self.positional = positional
    self.fileSetting = fileSetting
  }

  /// - Parameters:
  ///   - arguments: the words after the command's name.
  ///   - environment: all variables; the ones that are not ours are passed over.
  ///   - readFile: the text of the configuration file at a path.
  /// - Throws: `SettingsError`.
  public func resolve(
    arguments: [String], environment: [String: String],
    readFile: (String) throws(SettingsError) -> String
  ) throws(SettingsError) -> ResolvedSettings {
    let flags = try fromFlags(arguments)
    let variables = try fromVariables(environment)
    let (aliases, overriding) = try fromAliases(environment)
    var resolved = ResolvedSettings()
    if let fileSetting, let path = (flags[fileSetting.name] ?? variables[fileSetting.name])?.text {
      resolved.entries = try fromFile(try readFile(path), name: path)
    }
    for layer in [aliases, variables, flags, overriding] { resolved.entries.merge(layer) { $1 } }
    return resolved
  }

  private func fromFlags(_ arguments: [String]) throws(SettingsError) -> [String: ResolvedSettings.Entry] {
    var found: [String: ResolvedSettings.Entry] = [:]
    var rest = arguments[...]
    var isAfterDashes = false
    func add(_ setting: any AnySetting, _ text: String, _ origin: ResolvedSettings.Origin) throws(SettingsError) {
      guard found[setting.name] == nil else {
        throw SettingsError(.usage, "\(setting.flag) is given twice; give it once")
      }
      found[setting.name] = try entry(setting, text, origin, culprit: setting.flag, .usage)
    }
    while let word = rest.popFirst() {
      if word == "--", !isAfterDashes {
        isAfterDashes = true
      } else if word.hasPrefix("-"), word != "-", !isAfterDashes {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let flag = String(parts[0])
        guard let setting = table.first(where: { $0.flag == flag }) else {
          throw SettingsError(
            .usage, "\(flag.prefix(80)) is not a flag" + NearName.remedy(flag, among: table.map(\.flag)))
        }
        if parts.count == 2 {
          try add(setting, String(parts[1]), .flag(flag))
        } else if setting.isSwitch {
          try add(setting, "true", .flag(flag))
        } else if let value = rest.popFirst() {
          try add(setting, value, .flag(flag))
        } else {
          throw SettingsError(.usage, "\(flag) needs a value: expected \(setting.expectation)")
        }
      } else if let positional {
        guard found[positional.name] == nil else {
          throw SettingsError(
            .usage, "\"\(word.prefix(80))\" is one argument too many; one \(positional.placeholder) is served")
        }
        try add(positional, word, .argument)
      } else {
        throw SettingsError(.usage, "\"\(word.prefix(80))\" is one argument too many; only flags are taken here")
      }
    }
    return found
  }

  private func fromVariables(_ environment: [String: String]) throws(SettingsError) -> [String: ResolvedSettings.Entry]
  {
    var found: [String: ResolvedSettings.Entry] = [:]
    for name in environment.keys.sorted() where name.hasPrefix(Self.variablePrefix) {
      guard let setting = table.first(where: { $0.variable == name }) else {
        throw SettingsError(
          .environment,
          "the environment variable \(name.prefix(80)) is not a setting"
            + NearName.remedy(name, among: table.map(\.variable)))
      }
      found[setting.name] = try entry(
        setting, environment[name] ?? "", .variable(name), culprit: "the environment variable \(name)", .environment)
    }
    return found
  }

  private func fromAliases(
    _ environment: [String: String]
  ) throws(SettingsError) -> (ordinary: [String: ResolvedSettings.Entry], overriding: [String: ResolvedSettings.Entry])
  {
    var ordinary: [String: ResolvedSettings.Entry] = [:]
    var overriding: [String: ResolvedSettings.Entry] = [:]
    for setting in table {
      for alias in setting.aliases {
        guard let text = environment[alias.variable], !text.isEmpty else { continue }
        let culprit = "the environment variable \(alias.variable)"
        guard let converted = alias.convert(Quantity.trimmed(text)) else {
          throw SettingsError(.environment, "\(culprit)=\(text.prefix(80)): expected \(alias.expectation)")
        }
        if converted.isEmpty { continue }
        let value = try entry(setting, converted, .variable(alias.variable), culprit: culprit, .environment)
        if alias.overridesFlag {
          overriding[setting.name] = overriding[setting.name] ?? value
        } else {
          ordinary[setting.name] = ordinary[setting.name] ?? value
        }
      }
    }
    return (ordinary, overriding)
  }

  private func fromFile(_ text: String, name: String) throws(SettingsError) -> [String: ResolvedSettings.Entry] {
    var found: [String: ResolvedSettings.Entry] = [:]
    let known = table.filter(\.isFileKey)
    for line in try SettingsFile.parse(text, name: name) {
      guard let setting = known.first(where: { $0.name == line.key }) else {
        throw SettingsError(
          .file,
          "\(name):\(line.line): \(line.key.prefix(80)) is not a setting"
            + NearName.remedy(line.key, among: known.map(\.name)))
      }
      found[setting.name] = try entry(
        setting, line.value, .file(name, line: line.line), culprit: "\(name):\(line.line): \(line.key)", .file)
    }
    return found
  }

  private func entry(
    _ setting: any AnySetting, _ text: String, _ origin: ResolvedSettings.Origin, culprit: String,
    _ code: SettingsError.Code
  ) throws(SettingsError) -> ResolvedSettings.Entry {
    guard let (value, canonical) = setting.value(of: text) else {
      throw SettingsError(code, "\(culprit) = \"\(text.prefix(80))\": expected \(setting.expectation)")
    }
    return ResolvedSettings.Entry(value: value, text: canonical, origin: origin)
  }
}
