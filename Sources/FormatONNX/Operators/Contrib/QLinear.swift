import InferenceGraph
import TensorCore

extension OperatorTable {
  /// Operators on quantised numbers that have a scale and, optionally, a zero point each.
  static let qLinear: [ONNXOperator] = [
    contrib("QLinearAdd") { n in try n.qLinearPair(.add) },
    contrib("QLinearMul") { n in try n.qLinearPair(.multiply) },
    contrib("QLinearSigmoid") { n in try n.qLinear { try n.add(Unary(.sigmoid), $0) } },
    contrib("QLinearLeakyRelu") { n in
      try n.qLinear { try n.add(Unary(.leakyRelu, alpha: n.float("alpha", default: 0.01)), $0) }
    },
    contrib("QLinearSoftmax") { n in
      // ONNX Runtime multiplies by floor(1 / scale), 254 for a scale of 1/255, and is off by one in many elements; this is the
      // rounded softmax, as of the nodes that the operator is fused from.
      let op = Softmax(
        .softmax, axis: try n.int("axis", default: -1), coerces: try n.requiredInt("opset") < 13)
      return try n.qLinear { try n.add(op, $0) }
    },
    contrib("QLinearReduceMean") { n in
      let op = Reduce(.mean, axes: try n.ints("axes") ?? [], keepsAxes: try n.int("keepdims", default: 1) != 0)
      return try n.qLinear { try n.add(op, $0) }
    },
    contrib("QLinearAveragePool") { n in
      guard n.has("kernel_shape") else {
        throw GraphError(.invalidModel, "attribute \"kernel_shape\" is required and missing")
      }
      let kind = Pool.Kind.average(countsPadding: try n.int("count_include_pad", default: 0) != 0)
      return try n.qLinearPool(Pool(kind, window: n.window()))
    },
    contrib("QLinearGlobalAveragePool") { n in
      try n.qLinearPool(Pool(.average(countsPadding: false), window: nil))
    },
    contrib("QLinearConcat") { n in
      guard n.inputs.count >= 5, n.inputs.count % 3 == 2 else {
        throw GraphError(
          .invalidModel, "\(n.inputs.count) inputs are not a scale, a zero point and three for each tensor")
      }
      let parts = try stride(from: 2, to: n.inputs.count, by: 3).map {
        try n.dequantized(n.required($0), n.required($0 + 1), n.optional($0 + 2))
      }
      let joined = try n.add(Concat(axis: n.requiredInt("axis")), parts)[0]
      let dtype = try n.elementType(n.required(2), "the first tensor")
      return [try n.quantized(joined, to: dtype, n.required(0), n.optional(1))]
    },
    contrib("QLinearWhere") { n in
      let x = try n.dequantized(n.required(1), n.required(2), n.optional(3))
      let y = try n.dequantized(n.required(4), n.required(5), n.optional(6))
      let chosen = try n.add(Where(), n.required(0), x, y)
      return [try n.quantized(chosen, to: n.elementType(n.required(1), "X"), n.required(7), n.optional(8))]
    },
    contrib("QLinearConv") { n in
      let isLast = try n.int("channels_last", default: 0) != 0
      let op = QuantizedConv(window: try n.window(), group: try n.int("group", default: 1))
      let x = try n.required(0)
      let operands = try [isLast ? n.channels(last: false, x) : x] + (1..<8).map(n.required) + [n.optional(8)]
      let y = try n.add(op, operands)[0]
      return [isLast ? try n.channels(last: true, y) : y]
    },
    contrib("NhwcMaxPool") { n in
      let pool = Pool(.max(columnMajorIndices: false), window: try n.window())
      return [try n.channels(last: true, n.add(pool, [n.channels(last: false, n.required(0))])[0])]
    },
  ]
}

extension Lowering {
  /// The numbers that quantised elements stand for.
  func dequantized(_ x: ValueID, _ scale: ValueID, _ zero: ValueID?) throws -> ValueID {
    try add(DequantizeLinear(to: .float32), x, scale, zero)
  }

  /// Numbers as quantised elements.
  func quantized(_ x: ValueID, to dtype: DType, _ scale: ValueID, _ zero: ValueID?) throws -> ValueID {
    try add(QuantizeLinear(to: dtype), x, scale, zero)
  }

  /// A function of quantised X. Inputs: X, its scale and zero point, the output's scale and zero point.
  fileprivate func qLinear(_ function: (ValueID) throws -> ValueID) throws -> [ValueID] {
    let x = try required(0)
    let y = try function(dequantized(x, required(1), optional(2)))
    return [try quantized(y, to: elementType(x, "X"), required(3), optional(4))]
  }

  /// A function of quantised A and B. Inputs: each with its scale and zero point, then the output's.
  fileprivate func qLinearPair(_ kind: Arithmetic.Kind) throws -> [ValueID] {
    let a = try dequantized(required(0), required(1), optional(2))
    let b = try dequantized(required(3), required(4), optional(5))
    let c = try add(Arithmetic(kind), a, b)
    return [try quantized(c, to: elementType(required(0), "A"), required(6), optional(7))]
  }

  fileprivate func qLinearPool(_ pool: Pool) throws -> [ValueID] {
    let isLast = try int("channels_last", default: 0) != 0
    return try qLinear { x in
      let y = try add(pool, [isLast ? channels(last: false, x) : x])[0]
      return isLast ? try channels(last: true, y) : y
    }
  }
}
