/// Why no model could be loaded from a path.
public struct LoadError: Error, Sendable, CustomStringConvertible {
  /// The kinds.
  public enum Code: String, Sendable, Hashable {
    case missing, unreadable, unknownFormat, ambiguous, malformed, unsupported
  }

  public let code: Code
  /// What was looked for, where, and the remedy.
  public let description: String

  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}
