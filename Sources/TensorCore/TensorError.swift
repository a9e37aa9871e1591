/// Why a tensor could not be made, viewed or converted.
public struct TensorError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kinds, compared with `==` through the static members.
  public enum Code: String, Sendable, Hashable {
    case shapeOverflow, byteCountMismatch, elementCountMismatch, dtypeMismatch, outOfRange
  }

  public let code: Code
  /// What was expected, what came, and what to do.
  public let description: String

  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}
