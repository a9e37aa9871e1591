import InferenceGraph

extension OperatorTable {
  static let linearAttention = ONNXOperator("LinearAttention", versions: [27]) { n in
    let rule = try n.string("update_rule", default: "gated_delta")
    guard ["linear", "gated", "delta", "gated_delta"].contains(rule) else {
      throw GraphError(.invalidModel, "update_rule \"\(rule)\" is none of linear, gated, delta, gated_delta")
    }
    guard let queryHeads = try n.int("q_num_heads"), let heads = try n.int("kv_num_heads") else {
      throw GraphError(.invalidModel, "attributes \"q_num_heads\" and \"kv_num_heads\" are required")
    }
    let scale = try n.float("scale", default: 0)
    let op = LinearAttention(
      queryHeads: queryHeads, heads: heads, scale: scale == 0 ? nil : scale,
      isGated: rule == "gated" || rule == "gated_delta", isDelta: rule == "delta" || rule == "gated_delta")
    return try n.add(op, [n.required(0), n.required(1), n.required(2)] + (3..<6).map(n.optional))
  }
}
