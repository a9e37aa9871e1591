import InferenceGraph

extension OperatorTable {
  /// Before opset 13 the axes from `axis` (then 1 by default) on are normalised as one.
  static let softmax: [ONNXOperator] = [
    softmax("Softmax", .softmax), softmax("LogSoftmax", .logSoftmax), softmax("Hardmax", .hardmax),
  ]

  private static func softmax(_ name: String, _ kind: Softmax.Kind) -> ONNXOperator {
    ONNXOperator(name, versions: [1, 11, 13]) { n in
      let coerces = n.version < 13
      let axis = try n.int("axis", default: coerces ? 1 : -1)
      return try [n.add(Softmax(kind, axis: axis, coerces: coerces), n.required(0))]
    }
  }
}
