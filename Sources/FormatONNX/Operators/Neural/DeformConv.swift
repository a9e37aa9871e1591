import InferenceGraph

extension OperatorTable {
  static let deformConv = ONNXOperator("DeformConv", versions: [19, 22]) { n in
    let op = DeformConv(
      window: try n.window(), group: try n.int("group", default: 1),
      offsetGroup: try n.int("offset_group", default: 1))
    return try [n.add(op, n.required(0), n.required(1), n.required(2), n.optional(3), n.optional(4))]
  }
}
