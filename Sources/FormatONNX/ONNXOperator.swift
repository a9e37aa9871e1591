public import InferenceGraph

/// How one ONNX operator becomes graph primitives: the entry of an operator in `OperatorTable`.
public struct ONNXOperator: Sendable {
  /// `op_type`, such as `Conv`.
  public let name: String
  /// The domain; empty for `ai.onnx`.
  public let domain: String
  /// The opset versions at which the operator's definition changed, ascending, as in the ONNX changelog.
  public let versions: [Int]
  /// Adds nodes for one use of the operator and returns its outputs in order. Outputs that the node does not name may be
  /// left off the end.
  public let lower: @Sendable (Lowering) throws -> [ValueID]
  /// The file that declares the entry, as `module/file`.
  public let file: StaticString

  public init(
    _ name: String, domain: String = "", versions: [Int], file: StaticString = #fileID,
    lower: @escaping @Sendable (Lowering) throws -> [ValueID]
  ) {
    self.file = file
    self.name = name
    self.domain = domain
    self.versions = versions
    self.lower = lower
  }
}
