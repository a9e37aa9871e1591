import InferenceGraph

extension OperatorTable {
  /// The name of `ScatterElements` before opset 11.
  static let scatter = ONNXOperator("Scatter", versions: [9, 11]) { n in
    try n.add(ScatterElements(axis: n.int("axis", default: 0)), [n.required(0), n.required(1), n.required(2)])
  }

  static let scatterElements = ONNXOperator("ScatterElements", versions: [11, 13, 16, 18]) { n in
    try n.add(
      ScatterElements(axis: n.int("axis", default: 0), reduction: n.scatterReduction()),
      [n.required(0), n.required(1), n.required(2)])
  }

  static let scatterND = ONNXOperator("ScatterND", versions: [11, 13, 16, 18]) { n in
    try n.add(ScatterND(reduction: n.scatterReduction()), [n.required(0), n.required(1), n.required(2)])
  }

  static let tensorScatter = ONNXOperator("TensorScatter", versions: [24]) { n in
    let mode = try n.string("mode", default: "linear")
    guard mode == "linear" || mode == "circular" else {
      throw GraphError(.invalidModel, "mode \"\(mode)\" is neither linear nor circular")
    }
    let op = TensorScatter(axis: try n.int("axis", default: -2), isCircular: mode == "circular")
    return try n.add(op, [n.required(0), n.required(1), n.optional(2)])
  }
}

extension Lowering {
  fileprivate func scatterReduction() throws -> ScatterReduction {
    let name = try string("reduction", default: "none")
    guard let reduction = ScatterReduction(rawValue: name) else {
      throw GraphError(.invalidModel, "reduction \"\(name)\" is none of none, add, mul, min, max")
    }
    return reduction
  }
}
