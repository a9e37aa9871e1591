import InferenceGraph

extension OperatorTable {
  /// `sorted` is not asked: sorted output is also a right answer where any order is allowed.
  static let topK = ONNXOperator("TopK", versions: [1, 10, 11, 24]) { n in
    let count: ValueID
    if n.version < 10 {
      guard let k = try n.int("k") else { throw GraphError(.invalidModel, "attribute \"k\" is required and missing") }
      count = n.integers([k])
    } else {
      count = try n.required(1)
    }
    let op = TopK(axis: try n.int("axis", default: -1), largest: try n.int("largest", default: 1) != 0)
    return try n.add(op, [n.required(0), count])
  }
}
