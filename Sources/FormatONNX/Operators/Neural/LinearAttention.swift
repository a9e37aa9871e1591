import InferenceGraph

extension OperatorTable {
  /// `chunk_size` is a hint that no result depends on.
  static let linearAttention = ONNXOperator("LinearAttention", versions: [27]) { n in
    let scale = try n.float("scale", default: 0)
    let op = try LinearAttention(
      rule: n.choice("update_rule", default: .gatedDelta), queryHeads: n.positiveInt("q_num_heads"),
      keyHeads: n.positiveInt("kv_num_heads"), scale: scale == 0 ? nil : scale)
    return try n.add(op, [n.required(0), n.required(1), n.required(2)] + (3..<6).map(n.optional))
  }
}
