import InferenceGraph

extension OperatorTable {
  static let slice = ONNXOperator("Slice", versions: [1, 10, 11, 13]) { n in
    if n.version < 10 {
      guard let starts = try n.ints("starts"), let ends = try n.ints("ends") else {
        throw GraphError(.invalidModel, "attributes \"starts\" and \"ends\" are required")
      }
      let axes = try n.ints("axes").map { n.integers($0) }
      return try n.add(Slice(), [n.required(0), n.integers(starts), n.integers(ends), axes])
    }
    return try n.add(Slice(), [n.required(0), n.required(1), n.required(2), n.optional(3), n.optional(4)])
  }
}
