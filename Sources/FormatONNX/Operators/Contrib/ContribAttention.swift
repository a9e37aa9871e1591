import InferenceGraph
import TensorCore

extension OperatorTable {
  /// Attention as ONNX Runtime's optimiser fuses it.
  static let contribAttention: [ONNXOperator] = [
    contrib("Attention") { n in
      try n.refuse(input: 6, "past_sequence_length")
      var projected = try n.add(MatMul(), n.required(0), n.required(1))
      if let bias = n.optional(2) { projected = try n.sum(projected, bias) }
      return try n.selfAttention(
        projected, sizes: n.ints("qkv_hidden_sizes"), mask: n.optional(3), past: n.optional(4), bias: n.optional(5))
    },
    contrib("QAttention") { n in
      let product = try n.integerProduct(n.required(0), n.optional(6), n.required(1), n.optional(7))
      let bias = try n.required(2)
      let scale = try n.product(n.cast(n.required(3), to: .float32), n.cast(n.required(4), to: .float32))
      let projected = try n.rescaled(product, scale, bias: n.cast(bias, to: .float32))
      return try n.selfAttention(
        n.cast(projected, to: n.elementType(bias, "bias")), sizes: nil, mask: n.optional(5), past: n.optional(8),
        bias: nil)
    },
    contrib("MultiHeadAttention") { n in
      try n.refuse(input: 8, "past_sequence_length")
      try n.refuse(input: 9, "cache_indirection")
      var o = try n.separateOperands(n.positiveInt("num_heads"))
      (o.pastKey, o.pastValue) = (n.optional(6), n.optional(7))
      o.bias = try n.scoreBias(n.optional(4).map { try n.maskBias($0, o) }, n.optional(5))
      let result = try n.attention(o, score: n.wantsOutput(3) ? .biased : nil)
      return [result.y, result.key, result.value] + (result.score.map { [$0] } ?? [])
    },
    contrib("RotaryEmbedding") { n in
      try n.refuse(flag: "is_packed_batching")
      if try n.float("scale", default: 1) != 1 { throw GraphError(.unsupported, "a scale is not supported") }
      let (x, cosines) = (try n.required(0), try n.required(2))
      var dimensions = try n.int("rotary_embedding_dim", default: 0)
      if dimensions == 0 { dimensions = (n.fact(cosines).shape?.last?.value).map { $0 &* 2 } ?? 0 }
      var heads = try n.int("num_heads", default: 0)
      if n.fact(x).rank == 3, heads <= 0 {
        guard dimensions > 0, let width = n.fact(x).extent(2)?.value, width % dimensions == 0 else {
          throw GraphError(.unsupported, "the number of heads is not known when the model is loaded")
        }
        heads = width / dimensions
      }
      let op = RotaryEmbedding(
        heads: heads, dimensions: dimensions, isInterleaved: try n.int("interleaved", default: 0) != 0)
      return [try n.add(op, x, cosines, n.required(3), n.rotaryPlaces(x, n.required(1)))]
    },
    groupQueryAttention,
  ]
}

extension Lowering {
  /// Q, K and V of `MultiHeadAttention`, with their part of the projection's bias added.
  fileprivate func separateOperands(_ heads: Int) throws -> AttentionOperands {
    var query = try required(0)
    if fact(query).rank == 5 {
      let packed = try parts(query, axis: 3, count: 3).map { try reshaped($0, [0, 0, -1]) }
      return try biased(AttentionOperands(query: packed[0], key: packed[1], value: packed[2], heads: heads))
    }
    let key = try required(1)
    switch try rank(key, "key") {
    case 5:
      let packed = try parts(key, axis: 3, count: 2).map { try reshaped($0, [0, 0, -1]) }
      return try biased(AttentionOperands(query: query, key: packed[0], value: packed[1], heads: heads))
    case 4:
      // Keys and values of another sequence, projected before: the bias is the queries' only.
      if let bias = optional(3) {
        query = try sum(query, slice(bias, axis: 0, from: integers([0]), to: extents(query, 2, 3)))
      }
      return AttentionOperands(
        query: try headsApart(query, heads), key: key, value: try required(2), heads: heads)
    default:
      return try biased(AttentionOperands(query: query, key: key, value: required(2), heads: heads))
    }
  }

  private func biased(_ operands: AttentionOperands) throws -> AttentionOperands {
    guard let bias = optional(3) else { return operands }
    var o = operands
    let width = try extents(o.query, 2, 3)
    let twice = try sum(width, width)
    o.query = try sum(o.query, slice(bias, axis: 0, from: integers([0]), to: width))
    o.key = try sum(o.key, slice(bias, axis: 0, from: width, to: twice))
    o.value = try sum(o.value, slice(bias, axis: 0, from: twice))
    return o
  }

  /// Position numbers `[batch, length]`, which may be given as the first one only.
  fileprivate func rotaryPlaces(_ x: ValueID, _ given: ValueID) throws -> ValueID {
    guard try rank(given, "position_ids") < 2 else { return given }
    let axis = fact(x).rank == 4 ? 2 : 1
    let first = try reshaped(cast(given, to: .int64), [1])
    let length = try extents(x, axis, axis + 1)
    let places = try add(NumberRange(), first, sum(first, length), integers([1]))
    return try add(Expand(), places, list([extents(x, 0, 1), length]))
  }
}
