import InferenceGraph

extension OperatorTable {
  static let nonMaxSuppression = ONNXOperator("NonMaxSuppression", versions: [10, 11]) { n in
    let op = NonMaxSuppression(isCentered: try n.int("center_point_box", default: 0) != 0)
    return try n.add(op, [n.required(0), n.required(1), n.optional(2), n.optional(3), n.optional(4)])
  }
}
