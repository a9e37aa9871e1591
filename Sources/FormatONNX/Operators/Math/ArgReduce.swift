import InferenceGraph

extension OperatorTable {
  static let argReductions: [ONNXOperator] = [arg("ArgMax", true), arg("ArgMin", false)]

  private static func arg(_ name: String, _ findsMaximum: Bool) -> ONNXOperator {
    ONNXOperator(name, versions: [1, 11, 12, 13]) { n in
      let op = ArgReduce(
        findsMaximum: findsMaximum, axis: try n.int("axis", default: 0),
        keepsAxis: try n.int("keepdims", default: 1) != 0,
        selectsLast: try n.int("select_last_index", default: 0) != 0)
      return try [n.add(op, n.required(0))]
    }
  }
}
