import InferenceGraph

extension OperatorTable {
  static let causalConvWithState = ONNXOperator("CausalConvWithState", versions: [27]) { n in
    let activation = try n.string("activation", default: "none")
    guard ["none", "silu", "swish"].contains(activation) else {
      throw GraphError(.invalidModel, "activation \"\(activation)\" is none of none, silu, swish")
    }
    return try n.add(
      CausalConv(isSwish: activation != "none"), [n.required(0), n.required(1), n.optional(2), n.optional(3)])
  }
}
