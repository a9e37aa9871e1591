/// Every ONNX operator that models may use. One operator is one file under `Operators/` and one name here.
public enum OperatorTable {
  public static let operators: [ONNXOperator] =
    math + array + neural + machineLearning + control

  /// Arithmetic, comparison, logic, reductions.
  static let math: [ONNXOperator] =
    unary + activations + arithmetic + logic + comparison + variadic + casting + softmax + reductions + argReductions
    + cumulative + quantization + signal + random
    + [clip, det, einsum, gemm, matMul, mod, pRelu, pow, `where`]

  /// Shapes, gathering, joining, casting.
  static let array: [ONNXOperator] = []

  /// Convolution, pooling, normalisation, recurrence, attention.
  static let neural: [ONNXOperator] = []

  /// The domain `ai.onnx.ml`.
  static let machineLearning: [ONNXOperator] = []

  /// Branches, loops, sequences, optionals.
  static let control: [ONNXOperator] = []

  private static let index: [String: ONNXOperator] = Dictionary(
    operators.map { ("\($0.domain)/\($0.name)", $0) }, uniquingKeysWith: { first, _ in first })

  /// The entry for an operator, or nil.
  public static func find(domain: String, name: String) -> ONNXOperator? {
    index["\(domain == "ai.onnx" ? "" : domain)/\(name)"]
  }
}
