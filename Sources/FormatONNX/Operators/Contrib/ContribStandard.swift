import InferenceGraph
import TensorCore

extension OperatorTable {
  /// Operators that the standard has under the same or another name.
  static let contribStandard: [ONNXOperator] = [
    contrib("QuantizeLinear") { n in try n.asStandard("QuantizeLinear", version: 21) },
    contrib("DequantizeLinear") { n in try n.asStandard("DequantizeLinear", version: 21) },
    contrib("Trilu") { n in try n.asStandard("Trilu", version: 14) },
    contrib("GatherND") { n in
      // A batch axis is counted only where indices have it, too: this definition knows none.
      try [n.add(GatherND(), n.required(0), n.cast(n.required(1), to: .int64))]
    },
    contrib("Unique") { n in
      let outputs = try n.add(Unique(axis: nil, isSorted: false), [n.required(0)])
      return [outputs[0], outputs[2], outputs[3]]
    },
    contrib("Pad") { n in
      guard let mode = PadMode(rawValue: try n.string("mode", default: "constant")), mode != .wrap else {
        throw GraphError(.invalidModel, "attribute \"mode\" is none of constant, reflect, edge")
      }
      let value = try n.optional(2).map { try n.reshaped($0, []) }
      return [try n.add(Pad(mode: mode), n.required(0), n.reshaped(n.required(1), [-1]), value)]
    },
    contrib("Range") { n in
      let start = try n.reshaped(n.required(0), [])
      let limit = try n.reshaped(n.required(1), [])
      let step = try n.optional(2).map { try n.reshaped($0, []) } ?? n.scalar(1, as: n.elementType(start, "start"))
      return [try n.add(NumberRange(), start, limit, step)]
    },
    contrib("ExpandDims") { n in
      [try n.add(Unsqueeze(), n.required(0), n.reshaped(n.cast(n.required(1), to: .int64), [1]))]
    },
    contrib("LinearAttention") { n in
      try n.refuse(flag: "state_window")
      return try n.asStandard("LinearAttention", version: 27)
    },
    contrib("CausalConvWithState") { n in
      try n.refuse(flag: "state_window")
      try n.refuse(flag: "channels_last")
      guard try n.int("ndim", default: 1) == 1, try n.int("dilation", default: 1) == 1 else {
        throw GraphError(.unsupported, "only ndim 1 and dilation 1 are supported")
      }
      return try n.asStandard("CausalConvWithState", version: 27)
    },
    contrib("MurmurHash3") { n in
      let seed = UInt32(truncatingIfNeeded: try n.int("seed", default: 0))
      return [try n.add(MurmurHash(seed: seed, isUnsigned: n.int("positive", default: 1) != 0), n.required(0))]
    },
    contrib("CropAndResize") { n in
      let mode = try n.string("mode", default: "bilinear")
      guard mode == "bilinear" || mode == "nearest" else {
        throw GraphError(.invalidModel, "attribute \"mode\" must be bilinear or nearest and is \"\(mode)\"")
      }
      let op = CropAndResize(takesNearest: mode == "nearest", outside: try n.float("extrapolation_value", default: 0))
      return try [n.add(op, n.required(0), n.required(1), n.required(2), n.required(3))]
    },
    contrib("Inverse") { n in [try n.add(MatrixInverse(), n.required(0))] },
  ]
}
