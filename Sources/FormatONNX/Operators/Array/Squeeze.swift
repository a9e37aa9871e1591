import InferenceGraph

extension OperatorTable {
  static let squeeze = ONNXOperator("Squeeze", versions: [1, 11, 13, 21, 23, 24, 25]) { n in
    let axes = try n.integers("axes", orInput: 1)
    return [try n.add(Squeeze(), [n.required(0)] + (axes.map { [$0] } ?? []))[0]]
  }

  static let unsqueeze = ONNXOperator("Unsqueeze", versions: [1, 11, 13, 21, 23, 24, 25]) { n in
    guard let axes = try n.integers("axes", orInput: 1) else {
      throw GraphError(.invalidModel, "the axes are required and missing")
    }
    return [try n.add(Unsqueeze(), n.required(0), axes)]
  }
}
