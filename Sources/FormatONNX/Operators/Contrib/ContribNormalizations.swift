import InferenceGraph
import TensorCore

extension OperatorTable {
  /// Normalisations of rows with what stands before them.
  static let contribNormalizations: [ONNXOperator] = [
    contrib("SkipLayerNormalization") { n in
      try n.skipNormalization(beta: n.optional(3), bias: n.optional(4), isCentered: true)
    },
    contrib("SkipSimplifiedLayerNormalization") { n in
      try n.skipNormalization(beta: nil, bias: n.optional(3), isCentered: false)
    },
    // ONNX Runtime's optimiser puts this one into the standard domain.
    ONNXOperator("SimplifiedLayerNormalization", versions: [1]) { n in try n.simplifiedNormalization() },
    contrib("SimplifiedLayerNormalization") { n in try n.simplifiedNormalization() },
    contrib("EmbedLayerNormalization") { n in
      let words = try n.required(0)
      var total = try n.add(Gather(axis: 0), n.required(2), words)
      if let segments = n.optional(4), let numbers = n.optional(1) {
        total = try n.sum(total, n.add(Gather(axis: 0), segments, numbers))
      }
      let places = try n.required(3)
      let own =
        try n.optional(8).map { try n.add(Gather(axis: 0), places, $0) }
        ?? n.slice(places, axis: 0, from: n.integers([0]), to: n.extents(words, 1, 2))
      total = try n.sum(total, own)
      let op = RowNormalization(axis: -1, epsilon: try n.float("epsilon", default: 1e-12), isCentered: true)
      let y = try n.add(op, total, n.required(5), n.required(6))
      return try [y, n.wordCounts(words, mask: n.optional(7)), total]
    },
    contrib("GroupNorm") { n in [try n.groupNorm(n.required(0))] },
    contrib("SkipGroupNorm") { n in
      var skip = try n.required(3)
      let isLast = try n.int("channels_last", default: 1) != 0
      if try n.rank(skip, "skip") == 2 { skip = try n.unsqueezed(skip, isLast ? [1, 2] : [2, 3]) }
      var total = try n.sum(n.required(0), skip)
      if let bias = n.optional(4) { total = try n.sum(total, isLast ? bias : n.unsqueezed(bias, [1, 2])) }
      return [try n.groupNorm(total), total]
    },
    contrib("QEmbedLayerNormalization") { n in
      // Of tables 2 to 6 (words, places, segments, scale, bias) the scales stand 6 inputs on and the zero points 11.
      func table(_ index: Int, _ part: ValueID) throws -> ValueID {
        try n.dequantized(part, n.required(index + 6), n.required(index + 11))
      }
      let words = try n.required(0)
      var total = try table(2, n.add(Gather(axis: 0), n.required(2), words))
      if let segments = n.optional(4), let numbers = n.optional(1) {
        total = try n.sum(total, table(4, n.add(Gather(axis: 0), segments, numbers)))
      }
      let places = try n.slice(n.required(3), axis: 0, from: n.integers([0]), to: n.extents(words, 1, 2))
      total = try n.sum(total, table(3, places))
      let op = RowNormalization(axis: -1, epsilon: try n.float("epsilon", default: 1e-12), isCentered: true)
      let y = try n.add(op, total, table(5, n.required(5)), table(6, n.required(6)))
      return try [y, n.wordCounts(words, mask: n.optional(7))]
    },
  ]
}

extension Lowering {
  /// The norm of groups of channels, which are the last axis unless `channels_last` is 0, and what `activation` makes of it.
  fileprivate func groupNorm(_ x: ValueID) throws -> ValueID {
    let isLast = try int("channels_last", default: 1) != 0
    let op = GroupNormalization(groups: try positiveInt("groups"), epsilon: try float("epsilon", default: 1e-5))
    var y = try add(op, isLast ? channels(last: false, x) : x, required(1), required(2))
    switch try int("activation", default: 0) {
    case 0: break
    case 1: y = try add(Unary(.swish, alpha: 1), y)
    case let other: throw GraphError(.invalidModel, "activation is \(other) and must be 0 or 1 (SiLU)")
    }
    return isLast ? try channels(last: true, y) : y
  }

  /// The norm of `input + skip + bias`, its statistics, and the sum.
  fileprivate func skipNormalization(beta: ValueID?, bias: ValueID?, isCentered: Bool) throws -> [ValueID] {
    var total = try sum(required(0), required(1))
    if let bias { total = try sum(total, bias) }
    let op = RowNormalization(
      axis: -1, epsilon: try float("epsilon", default: 1e-12), isCentered: isCentered,
      wantsStatistics: wantsOutput(1) || wantsOutput(2))
    let outputs = try add(op, [total, required(2), beta])
    // Where nobody reads the statistics their places are taken by what is there.
    return outputs.count == 3 ? outputs + [total] : [outputs[0], total, total, total]
  }

  /// How many words of each sample are no padding; 0 where there is no mask.
  fileprivate func wordCounts(_ words: ValueID, mask: ValueID?) throws -> ValueID {
    try mask.map { try add(Reduce(.sum, axes: [1], keepsAxes: false), $0) }
      ?? filled(0, as: .int32, shape: extents(words, 0, 1))
  }

  /// The norm by the root mean square, in the scale's type, and the reciprocal root.
  fileprivate func simplifiedNormalization() throws -> [ValueID] {
    let (x, scale) = (try required(0), try required(1))
    let dtype = try elementType(x, "X")
    let op = RowNormalization(
      axis: try int("axis", default: -1), epsilon: try float("epsilon", default: 1e-5), isCentered: false,
      wantsStatistics: wantsOutput(1))
    let outputs = try add(op, [x, cast(scale, to: dtype)])
    let y = try cast(outputs[0], to: elementType(scale, "scale"))
    return outputs.count == 3 ? [y, outputs[2]] : [y]
  }
}
