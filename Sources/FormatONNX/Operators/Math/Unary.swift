import InferenceGraph

extension OperatorTable {
  /// Functions of one number that have no attributes, by their ONNX names.
  static let unary: [ONNXOperator] = [
    unary("Abs", .absolute, [1, 6, 13]),
    unary("Neg", .negate, [1, 6, 13]),
    unary("Ceil", .ceil, [1, 6, 13]),
    unary("Floor", .floor, [1, 6, 13]),
    unary("Round", .round, [11, 22]),
    unary("Sqrt", .squareRoot, [1, 6, 13]),
    unary("Exp", .exp, [1, 6, 13]),
    unary("Log", .log, [1, 6, 13]),
    unary("Sin", .sin, [7, 22]),
    unary("Cos", .cos, [7, 22]),
    unary("Tan", .tan, [7, 22]),
    unary("Asin", .asin, [7, 22]),
    unary("Acos", .acos, [7, 22]),
    unary("Atan", .atan, [7, 22]),
    unary("Sinh", .sinh, [9, 22]),
    unary("Cosh", .cosh, [9, 22]),
    unary("Tanh", .tanh, [1, 6, 13]),
    unary("Asinh", .asinh, [9, 22]),
    unary("Acosh", .acosh, [9, 22]),
    unary("Atanh", .atanh, [9, 22]),
    unary("Erf", .erf, [9, 13]),
    unary("Sign", .sign, [9, 13]),
    unary("Reciprocal", .reciprocal, [1, 6, 13]),
    unary("Relu", .relu, [1, 6, 13, 14]),
    unary("Sigmoid", .sigmoid, [1, 6, 13]),
    unary("HardSwish", .hardSwish, [14, 22]),
    unary("Softplus", .softplus, [1, 22]),
    unary("Softsign", .softsign, [1, 22]),
    unary("Mish", .mish, [18, 22]),
  ]

  private static func unary(_ name: String, _ kind: Unary.Kind, _ versions: [Int]) -> ONNXOperator {
    ONNXOperator(name, versions: versions) { n in try [n.add(Unary(kind), n.required(0))] }
  }
}
