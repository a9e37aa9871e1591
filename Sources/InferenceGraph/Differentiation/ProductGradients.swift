import TensorCore

extension MatMul: DifferentiableOperator {
  func gradients(_ node: Node, _ upstream: [ValueID?], _ b: inout GraphBuilder) throws -> [ValueID?] {
    guard node.inputs.count == 2, let x = node.inputs[0], let y = node.inputs[1], var g = upstream[0] else { return [] }
    guard let m = b.fact(x).rank, let n = b.fact(y).rank else {
      throw GraphError(.unsupported, "the operands' ranks are not known when the model is loaded")
    }
    // A vector is a matrix of one row or one column.
    let left = m == 1 ? try b.add1(Unsqueeze(), x, b.integers([0])) : x
    let right = n == 1 ? try b.add1(Unsqueeze(), y, b.integers([1])) : y
    if n == 1 { g = try b.add1(Unsqueeze(), g, b.integers([-1])) }
    if m == 1 { g = try b.add1(Unsqueeze(), g, b.integers([-2])) }
    var a = try b.summed(b.add1(MatMul(), g, exchanged(right, max(n, 2), &b)), like: left)
    var c = try b.summed(b.add1(MatMul(), exchanged(left, max(m, 2), &b), g), like: right)
    if m == 1 { a = try b.reshaped(a, like: x) }
    if n == 1 { c = try b.reshaped(c, like: y) }
    return [a, c]
  }

  /// The last two axes exchanged.
  private func exchanged(_ x: ValueID, _ rank: Int, _ b: inout GraphBuilder) throws -> ValueID {
    var order = Array(0..<rank)
    order.swapAt(rank - 1, rank - 2)
    return try b.add1(Transpose(order), x)
  }
}

extension Gemm: DifferentiableOperator {
  func gradients(_ node: Node, _ upstream: [ValueID?], _ b: inout GraphBuilder) throws -> [ValueID?] {
    guard node.inputs.count >= 2, let x = node.inputs[0], let y = node.inputs[1], let g = upstream[0] else { return [] }
    let left =
      transposesA
      ? try b.add1(Gemm(alpha: alpha, transposesA: transposesB, transposesB: true), y, g)
      : try b.add1(Gemm(alpha: alpha, transposesB: !transposesB), g, y)
    let right =
      transposesB
      ? try b.add1(Gemm(alpha: alpha, transposesA: true, transposesB: transposesA), g, x)
      : try b.add1(Gemm(alpha: alpha, transposesA: !transposesA), x, g)
    guard node.inputs.count > 2, let c = node.inputs[2] else { return [left, right] }
    return [left, right, try b.summed(b.product(g, b.number(beta, like: g)), like: c)]
  }
}
