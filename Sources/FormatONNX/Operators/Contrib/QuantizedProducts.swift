import InferenceGraph
import TensorCore

extension OperatorTable {
  /// Products of quantised matrices with what follows them. Sums are exact; scales are applied once, in `float32`.
  static let quantizedProducts: [ONNXOperator] = [
    contrib("DynamicQuantizeMatMul") { n in
      let a = try n.add(DynamicQuantizeLinear(), [n.required(0)])
      let product = try n.integerProduct(a[0], a[2], n.required(1), n.optional(3))
      return [try n.rescaled(product, n.product(a[1], n.required(2)), bias: n.optional(4))]
    },
    contrib("MatMulIntegerToFloat") { n in
      let product = try n.integerProduct(n.required(0), n.optional(4), n.required(1), n.optional(5))
      let dtype = try n.elementType(n.required(2), "a_scale")
      let scale = try n.product(n.cast(n.required(2), to: .float32), n.cast(n.required(3), to: .float32))
      let bias = try n.optional(6).map { try n.cast($0, to: .float32) }
      return [try n.cast(n.rescaled(product, scale, bias: bias), to: dtype)]
    },
    contrib("QGemm") { n in
      func operand(_ index: Int, _ transposes: String) throws -> ValueID {
        let x = try n.required(index)
        return try n.int(transposes, default: 0) != 0 ? n.transposed(x, [1, 0]) : x
      }
      var total = try n.integerProduct(operand(0, "transA"), n.optional(2), operand(3, "transB"), n.optional(5))
      if let c = n.optional(6) { total = try n.sum(total, c) }
      let scale = try n.product(
        n.scalar(n.float("alpha", default: 1)), n.product(n.required(1), n.required(4)))
      let y = try n.rescaled(total, scale, bias: nil)
      guard let yScale = n.optional(7) else { return [y] }
      let dtype = try n.optional(8).map { try n.elementType($0, "y_zero_point") } ?? .uint8
      return [try n.quantized(y, to: dtype, yScale, n.optional(8))]
    },
    contrib("MatMulNBits") { n in
      try n.refuse(input: 4, "g_idx")
      try n.refuse(flag: "weight_prepacked")
      let op = try BlockQuantizedMatMul(
        rows: n.positiveInt("K"), columns: n.positiveInt("N"), blockSize: n.positiveInt("block_size"),
        bits: n.int("bits", default: 4))
      let a = try n.required(0)
      let dtype = try n.elementType(a, "A")
      let zero = try n.optional(3).map { n.fact($0).dtype == .uint8 ? $0 : try n.cast($0, to: .float32) }
      let bias = try n.optional(5).map { try n.cast($0, to: .float32) }
      let scales = try n.cast(n.required(2), to: .float32)
      let y = try n.add(op, n.cast(a, to: .float32), n.required(1), scales, zero, bias)
      return [try n.cast(y, to: dtype)]
    },
    contrib("MatMulBnb4") { n in
      guard try n.int("transB", default: 1) == 1 else {
        throw GraphError(.unsupported, "attribute \"transB\" of 0 is not supported")
      }
      let kind = try n.requiredInt("quant_type")
      guard let codebook = kind == 0 ? fp4 : kind == 1 ? nf4 : nil else {
        throw GraphError(.invalidModel, "quant_type is \(kind) and must be 0 (FP4) or 1 (NF4)")
      }
      let op = try BlockQuantizedMatMul(
        rows: n.positiveInt("K"), columns: n.positiveInt("N"), blockSize: n.positiveInt("block_size"), bits: 4,
        codebook: codebook)
      let a = try n.required(0)
      let scales = try n.cast(n.required(2), to: .float32)
      let y = try n.add(op, n.cast(a, to: .float32), n.required(1), scales)
      return [try n.cast(y, to: n.elementType(a, "A"))]
    },
  ]
}

/// The numbers of 4-bit floats as bitsandbytes has them: a sign and seven magnitudes.
private let fp4: [Float] = [1, -1].flatMap { sign in
  [0, 0.005208333333, 0.66666667, 1, 0.33333333, 0.5, 0.16666667, 0.25].map { sign * $0 }
}

/// Quantiles of the normal distribution (Dettmers et al., "QLoRA", 2023, appendix E).
private let nf4: [Float] = [
  -1, -0.696_192_8, -0.525_073_05, -0.394_917_5, -0.284_441_38, -0.184_773_43, -0.091_050_036, 0, 0.079_580_3,
  0.160_930_2, 0.246_112_3, 0.337_915_24, 0.440_709_83, 0.562_617, 0.722_956_84, 1,
]

extension Lowering {
  /// `x * scale + bias` in `float32`.
  func rescaled(_ x: ValueID, _ scale: ValueID, bias: ValueID?) throws -> ValueID {
    let y = try product(cast(x, to: .float32), scale)
    return try bias.map { try sum(y, $0) } ?? y
  }
}
