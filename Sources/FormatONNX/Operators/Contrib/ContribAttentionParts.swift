import InferenceGraph
import TensorCore

/// Q, K and V of one of ONNX Runtime's attention operators, with what is added to their scores.
struct AttentionOperands {
  /// `[batch, length, heads * size]`, or `[batch, heads, length, size]` where all three are.
  var query: ValueID
  var key: ValueID
  var value: ValueID
  var heads: Int
  var pastKey: ValueID?
  var pastValue: ValueID?
  /// Broadcasts to `[batch, heads, length, total]`.
  var bias: ValueID?
}

extension Lowering {
  /// Y as `[batch, length, heads * size]`, and the keys and values together with the past ones. Attributes `scale`,
  /// `unidirectional`.
  func attention(
    _ o: AttentionOperands, score: Attention.Score? = nil
  ) throws -> (y: ValueID, key: ValueID, value: ValueID, score: ValueID?) {
    let scale = try float("scale", default: 0)
    let isWide = fact(o.query).rank == 4
    let op = Attention(
      scale: scale == 0 ? nil : scale, isCausal: try int("unidirectional", default: 0) != 0,
      queryHeads: isWide ? nil : o.heads, keyHeads: isWide ? nil : o.heads, score: score)
    let outputs = try add(op, [o.query, o.key, o.value, o.bias, o.pastKey, o.pastValue])
    return (
      isWide ? try headsTogether(outputs[0]) : outputs[0], outputs[1], outputs[2], score == nil ? nil : outputs[3]
    )
  }

  /// How many keys there are, the past ones included: a list of one number.
  func keyCount(_ o: AttentionOperands) throws -> ValueID {
    let own = fact(o.key).rank == 4 ? try extents(o.key, 2, 3) : try extents(o.key, 1, 2)
    return try o.pastKey.map { try sum(own, extents($0, 2, 3)) } ?? own
  }

  /// What a mask of ONNX Runtime's adds to scores, as `[batch, 1, 1 or length, total]`: 0, or `mask_filter_value`.
  ///
  /// The mask is `[batch, total]` or `[batch, length, total]` with 0 where keys are hidden, or lists where the keys of
  /// each sample end and, in a list of twice the length, then where they begin.
  func maskBias(_ mask: ValueID, _ o: AttentionOperands) throws -> ValueID {
    let filter = try scalar(float("mask_filter_value", default: -10000))
    let zero = try scalar(0)
    let visible: ValueID
    switch try rank(mask, "the mask") {
    case 2, 3:
      let axes = fact(mask).rank == 2 ? [1, 2] : [1]
      let isSet = try add(Comparison(.greater), mask, scalar(0, as: elementType(mask, "the mask")))
      visible = try unsqueezed(isSet, axes)
    case 1:
      let batch = fact(o.query).extent(0) ?? .unknown
      let count = fact(mask).extent(0) ?? .unknown
      if count.isProvablyEqual(to: batch * 3 + 2) {
        throw GraphError(.unsupported, "a mask that lists the lengths of packed sequences is not supported")
      }
      let keys = try add(NumberRange(), integers([0]), keyCount(o), integers([1]))
      func listed(_ from: ValueID, _ to: ValueID?) throws -> ValueID {
        try reshaped(cast(slice(mask, axis: 0, from: from, to: to), to: .int64), [-1, 1, 1, 1])
      }
      let samples = try extents(o.query, 0, 1)
      let isBefore = try add(Comparison(.less), keys, listed(integers([0]), samples))
      if count.isProvablyEqual(to: batch * 2) && batch.value != 0 {
        visible = try add(
          Bitwise(.and), isBefore, add(Comparison(.greaterOrEqual), keys, listed(samples, nil)))
      } else {
        visible = isBefore
      }
    default:
      throw GraphError(.unsupported, "a mask of shape \(fact(mask)) is not supported: ranks 1 to 3 are")
    }
    return try add(Where(), visible, zero, filter)
  }

  /// Two biases of scores added, where there are two.
  func scoreBias(_ a: ValueID?, _ b: ValueID?) throws -> ValueID? {
    guard let a, let b else { return a ?? b }
    return try sum(cast(a, to: .float32), cast(b, to: .float32))
  }

  /// The members of `[2, batch, heads, length, size]`.
  func pastPair(_ past: ValueID) throws -> (key: ValueID, value: ValueID) {
    let halves = try parts(past, axis: 0, count: 2)
    return try (add(Squeeze(), halves[0], integers([0])), add(Squeeze(), halves[1], integers([0])))
  }

  /// `[2, batch, heads, length, size]` of keys and values.
  func presentPair(_ key: ValueID, _ value: ValueID) throws -> ValueID {
    try add(Concat(axis: 0), [unsqueezed(key, [0]), unsqueezed(value, [0])])[0]
  }

  /// Attention over projections that lie side by side in `[batch, length, hidden + hidden + hidden of V]`; outputs as of
  /// `Attention` and `QAttention`.
  func selfAttention(
    _ projected: ValueID, sizes: [Int]?, mask: ValueID?, past: ValueID?, bias: ValueID?
  ) throws -> [ValueID] {
    try refuse(flag: "do_rotary")
    try refuse(flag: "past_present_share_buffer")
    if let sizes, sizes.count != 3 || sizes.contains(where: { $0 <= 0 || $0 >= 1 << 30 }) {
      throw GraphError(.invalidModel, "qkv_hidden_sizes \(sizes) must be three positive numbers")
    }
    let split = Split(axis: 2, sizes: sizes, outputCount: 3, mayBeUneven: false)
    let operands = try add(split, [projected])
    var o = AttentionOperands(
      query: operands[0], key: operands[1], value: operands[2], heads: try positiveInt("num_heads"))
    if let past { (o.pastKey, o.pastValue) = try pastPair(past) }
    o.bias = try scoreBias(mask.map { try maskBias($0, o) }, bias)
    let result = try attention(o)
    return try [result.y] + (wantsOutput(1) ? [presentPair(result.key, result.value)] : [])
  }
}
