/// Why a graph could not be built, prepared or run.
public struct GraphError: Error, Sendable, CustomStringConvertible {
  /// The kinds.
  public enum Code: String, Sendable, Hashable {
    /// An operator that this engine does not have.
    case unsupported
    /// The model contradicts itself or the standard.
    case invalidModel
    /// An input of a run has a kind or shape that the model does not take.
    case invalidInput
    /// A limit was passed.
    case limit
    /// A run took longer than it may.
    case deadline
  }

  public let code: Code
  /// What is wrong and what was expected.
  public let message: String
  /// The node, with its operator, where one is at fault.
  public var node: String?

  public init(_ code: Code, _ message: String, node: String? = nil) {
    self.code = code
    self.message = message
    self.node = node
  }

  public var description: String { node.map { "\($0): \(message)" } ?? message }
}
