import InferenceGraph

extension OperatorTable {
  static let einsum = ONNXOperator("Einsum", versions: [12, 28]) { n in
    guard let equation = try n.string("equation") else {
      throw GraphError(.invalidModel, "attribute \"equation\" is required and missing")
    }
    return try n.add(Einsum(equation), n.inputs.indices.map { try n.required($0) })
  }
}
