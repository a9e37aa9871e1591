/// How log lines are written.
public enum LogFormat: String, CaseIterable, Sendable {
  case text, json
}

/// The least severe level that is logged.
public enum LogThreshold: String, CaseIterable, Sendable {
  case trace, debug, info, notice, warning, error, critical

  /// The level for a number of Python's `logging` module (10 is DEBUG, 20 INFO, ...).
  static func python(_ number: Int) -> LogThreshold {
    switch number {
    case ..<10: .trace
    case ..<20: .debug
    case ..<30: .info
    case ..<40: .warning
    case ..<50: .error
    default: .critical
    }
  }
}

extension Setting where Value == LogFormat {
  public static let logFormat = Setting(
    "log-format", .choice, default: .text, "lines for people, or one JSON object a line, on standard error")
}

extension Setting where Value == LogThreshold {
  public static let logLevel = Setting(
    "log-level", .choice, default: .info, "the least severe level that is logged",
    aliases: [
      SettingAlias(
        "SAGEMAKER_CONTAINER_LOG_LEVEL", expectation: "a level of Python's logging, such as 20",
        convert: { text in Quantity.integer(text).map { LogThreshold.python($0).rawValue } })
    ])
}

extension Setting where Value == Bool {
  public static let accessLog = Setting(
    "access-log", .boolean, default: false, "log a line for each request; nginx writes it, so only with nginx in front")
}
