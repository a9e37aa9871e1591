import InferenceGraph

extension OperatorTable {
  static let concat = ONNXOperator("Concat", versions: [1, 4, 11, 13]) { n in
    guard let axis = try n.int("axis") ?? (n.version < 4 ? 1 : nil) else {
      throw GraphError(.invalidModel, "attribute \"axis\" is required and missing")
    }
    return try n.add(Concat(axis: axis), n.inputs)
  }
}
