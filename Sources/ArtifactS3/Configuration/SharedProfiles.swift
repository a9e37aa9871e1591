package import ArtifactStores
package import S3Documents

/// The AWS tools' two files of profiles, and which profile is meant (AWS SDKs and Tools reference, "Shared config and
/// credentials files").
package struct SharedProfiles: Sendable, Hashable {
  /// `AWS_CONFIG_FILE`, or `~/.aws/config`.
  package var configPath: String
  /// `AWS_SHARED_CREDENTIALS_FILE`, or `~/.aws/credentials`.
  package var credentialsPath: String
  /// `AWS_PROFILE`, or `AWS_DEFAULT_PROFILE`, or `default`.
  package var name: String
  /// Profiles of the config file by their names.
  package var config: [String: INIFile.Section] = [:]
  /// Profiles of the credentials file by their names.
  package var credentials: [String: INIFile.Section] = [:]
  /// `[sso-session name]` and `[services name]`.
  package var sessions: [String: INIFile.Section] = [:]
  package var services: [String: INIFile.Section] = [:]

  /// Reads both files where they are.
  ///
  /// - Throws: `StoreError` with the code `noCredentials` where a file cannot be read, or a profile that is named is not
  ///   there.
  package init(environment: [String: String], home: String?) throws(StoreError) {
    func path(_ variable: String, _ file: String) -> String {
      if let path = environment.value(variable) { return SharedProfiles.expanded(path, home: home) }
      return "\(home ?? "~")/.aws/\(file)"
    }
    configPath = path("AWS_CONFIG_FILE", "config")
    credentialsPath = path("AWS_SHARED_CREDENTIALS_FILE", "credentials")
    let named = environment.value("AWS_PROFILE") ?? environment.value("AWS_DEFAULT_PROFILE")
    name = named ?? "default"
    for (heading, section) in try SharedProfiles.read(configPath).sections {
      let words = heading.split(maxSplits: 1) { $0 == " " || $0 == "\t" }
      let name = words.count == 2 ? SharedProfiles.unquoted(words[1]) : ""
      switch words.first {
      case "default" where words.count == 1:
        config["default"] = config["default"].map { section.merged(with: $0) } ?? section
      // "[profile default]" wins over "[default]".
      case "profile" where name == "default": config[name] = config[name].map { $0.merged(with: section) } ?? section
      case "profile" where !name.isEmpty: config[name] = section
      case "sso-session" where !name.isEmpty: sessions[name] = section
      case "services" where !name.isEmpty: services[name] = section
      default: break
      }
    }
    credentials = try SharedProfiles.read(credentialsPath).sections
    if let named, profile(named) == nil {
      throw StoreError(
        .noCredentials,
        "the profile \"\(named)\" that AWS_PROFILE names is neither in \(configPath) nor in \(credentialsPath)")
    }
  }

  /// The settings of a profile: those of the credentials file win over the config file's. nil for one that is in neither.
  package func profile(_ name: String) -> INIFile.Section? {
    switch (config[name], credentials[name]) {
    case (let config?, let credentials?): config.merged(with: credentials)
    case (let section?, nil), (nil, let section?): section
    case (nil, nil): nil
    }
  }

  /// The profile that is meant; nil where it is in neither file.
  package var current: INIFile.Section? { profile(name) }

  /// What `endpoint_url` says for a service, such as `s3` or `sts`: in the profile's `services` section, or in the profile.
  package func endpoint(service: String) -> String? {
    guard let current else { return nil }
    if let name = current["services"], let url = services[name]?.nested[service]?["endpoint_url"], !url.isEmpty {
      return url
    }
    return current["endpoint_url"]
  }

  static func read(_ path: String) throws(StoreError) -> INIFile {
    let bytes: [UInt8]?
    do throws(FileFault) { bytes = try SmallFile.read(path) } catch { throw StoreError(.noCredentials, error.reason) }
    do throws(INIError) { return try INIFile(bytes ?? []) } catch {
      throw StoreError(.noCredentials, "\(path), \(error)")
    }
  }

  static func expanded(_ path: String, home: String?) -> String {
    guard path == "~" || path.hasPrefix("~/"), let home else { return path }
    return home + path.dropFirst()
  }

  private static func unquoted(_ text: Substring) -> String {
    let name = text.drop { $0 == " " || $0 == "\t" }
    for quote in ["\"", "'"] where name.count >= 2 && name.hasPrefix(quote) && name.hasSuffix(quote) {
      return String(name.dropFirst().dropLast())
    }
    return String(name)
  }
}

extension [String: String] {
  /// The variable's value; nil where it is missing or empty.
  package func value(_ name: String) -> String? {
    if let value = self[name], !value.isEmpty { value } else { nil }
  }

  /// Whether a variable says `true`.
  package func isTrue(_ name: String) -> Bool { value(name)?.lowercased() == "true" }
}
