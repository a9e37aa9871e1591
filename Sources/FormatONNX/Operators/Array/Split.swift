import InferenceGraph

extension OperatorTable {
  static let split = ONNXOperator("Split", versions: [1, 2, 11, 13, 18]) { n in
    let count = try n.int("num_outputs") ?? n.outputCount
    guard count == n.outputCount else {
      throw GraphError(.invalidModel, "num_outputs is \(count), the node has \(n.outputCount)")
    }
    let op = Split(
      axis: try n.int("axis", default: 0), sizes: n.version < 13 ? try n.ints("split") : nil, outputCount: count,
      mayBeUneven: n.version >= 18)
    return try n.add(op, [n.required(0)] + (n.optional(1).map { [$0] } ?? []))
  }
}
