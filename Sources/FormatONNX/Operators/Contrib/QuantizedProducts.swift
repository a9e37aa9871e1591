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
  ]
}

extension Lowering {
  /// `x * scale + bias` in `float32`.
  func rescaled(_ x: ValueID, _ scale: ValueID, bias: ValueID?) throws -> ValueID {
    let y = try product(cast(x, to: .float32), scale)
    return try bias.map { try sum(y, $0) } ?? y
  }
}
