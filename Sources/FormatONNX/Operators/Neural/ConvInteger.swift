import InferenceGraph

extension OperatorTable {
  static let convInteger = ONNXOperator("ConvInteger", versions: [10]) { n in
    let op = ConvInteger(window: try n.window(), group: try n.int("group", default: 1))
    return try [n.add(op, n.required(0), n.required(1), n.optional(2), n.optional(3))]
  }

  static let qLinearConv = ONNXOperator("QLinearConv", versions: [10]) { n in
    let op = QuantizedConv(window: try n.window(), group: try n.int("group", default: 1))
    return try n.add(op, (0..<8).map(n.required) + [n.optional(8)])
  }
}
