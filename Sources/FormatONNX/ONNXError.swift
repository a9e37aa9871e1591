/// Why an ONNX file could not be read or imported.
public struct ONNXError: Error, Sendable, CustomStringConvertible {
  /// The kinds.
  public enum Code: String, Sendable, Hashable {
    /// The bytes are not the message they should be.
    case malformed
    /// The model uses what this engine does not have.
    case unsupported
    /// The model contradicts itself or the standard.
    case invalidModel
    /// A limit was passed.
    case limit
  }

  public let code: Code
  public let description: String

  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}
