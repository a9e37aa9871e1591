import InferenceGraph

extension OperatorTable {
  static let conv = ONNXOperator("Conv", versions: [1, 11, 22]) { n in
    let conv = Conv(window: try n.window(), group: try n.int("group", default: 1))
    return try [n.add(conv, n.required(0), n.required(1), n.optional(2))]
  }
}
