import InferenceGraph
import TensorCore

extension OperatorTable {
  /// Products and convolutions with what follows them.
  static let fusedProducts: [ONNXOperator] = [
    contrib("FusedMatMul") { n in [try n.fusedMatMul()] },
    contrib("TransposeMatMul") { n in [try n.fusedMatMul()] },
    contrib("FusedGemm") { n in
      let y = try n.asStandard("Gemm", version: 13)[0]
      let names = ["activation_alpha", "activation_beta", "activation_gamma"]
      return [try n.activated(y, n.string("activation", default: ""), names.compactMap { try n.float($0) })]
    },
    contrib("FusedConv") { n in
      let conv = Conv(window: try n.window(), group: try n.int("group", default: 1))
      var y = try n.add(conv, n.required(0), n.required(1), n.optional(2))
      if let residual = n.optional(3) { y = try n.sum(y, residual) }
      return [try n.activated(y, n.string("activation", default: ""), n.floats("activation_params") ?? [])]
    },
    contrib("NhwcConv") { n in
      // The weights have their channels last, too: `[m, kernel..., c/group]` (fusion_nhwc_conv.py, which makes these nodes).
      let conv = Conv(window: try n.window(), group: try n.int("group", default: 1))
      let x = try n.channels(last: false, n.required(0))
      let y = try n.add(conv, x, n.channels(last: false, n.required(1)), n.optional(2))
      return [try n.channels(last: true, y)]
    },
  ]
}

extension Lowering {
  /// `alpha * A' * B'`, where the operands' axes may come in another order: `transBatch` says that the first axis stands
  /// behind the batch axes, `trans` that the last two are exchanged.
  fileprivate func fusedMatMul() throws -> ValueID {
    func operand(_ index: Int, _ name: String) throws -> ValueID {
      let x = try required(index)
      let exchanges = try int("trans\(name)", default: 0) != 0
      let rotates = try int("transBatch\(name)", default: 0) != 0
      guard exchanges || rotates else { return x }
      let rank = try rank(x, name)
      guard rank >= 2 else { return x }
      var order = Array(0..<rank)
      if rotates { order = Array(1..<(rank - 1)) + [0, rank - 1] }
      if exchanges { order.swapAt(rank - 1, rank - 2) }
      return try transposed(x, order)
    }
    let y = try add(MatMul(), operand(0, "A"), operand(1, "B"))
    let alpha = try float("alpha", default: 1)
    return alpha == 1 ? y : try product(y, scalar(alpha, as: elementType(y, "the product")))
  }
}
