import InferenceGraph

extension OperatorTable {
  static let attention = ONNXOperator("Attention", versions: [23, 24, 25]) { n in
    let mode = try n.int("qk_matmul_output_mode", default: 0)
    guard let score = Attention.Score(rawValue: mode) else {
      throw GraphError(.invalidModel, "qk_matmul_output_mode \(mode) lies outside 0...3")
    }
    func bound(_ name: String) throws -> Int? {
      let value = try n.int(name, default: -1)
      guard value >= -1, value < 1 << 40 else { throw GraphError(.invalidModel, "\(name) is \(value)") }
      return value < 0 ? nil : value
    }
    let op = Attention(
      scale: try n.float("scale"), softcap: try n.float("softcap", default: 0),
      isCausal: try n.int("is_causal", default: 0) != 0,
      window: (try bound("left_window_size"), try bound("right_window_size")), queryHeads: try n.int("q_num_heads"),
      keyHeads: try n.int("kv_num_heads"), score: n.wantsOutput(3) ? score : nil)
    return try n.add(op, [n.required(0), n.required(1), n.required(2)] + (3..<7).map(n.optional))
  }

  static let rotaryEmbedding = ONNXOperator("RotaryEmbedding", versions: [23]) { n in
    let op = RotaryEmbedding(
      heads: try n.int("num_heads", default: 0), dimensions: try n.int("rotary_embedding_dim", default: 0),
      isInterleaved: try n.int("interleaved", default: 0) != 0)
    return try [n.add(op, n.required(0), n.required(1), n.required(2), n.optional(3))]
  }
}
