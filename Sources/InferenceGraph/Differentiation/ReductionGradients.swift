import TensorCore

extension Reduce: DifferentiableOperator {
  func gradients(_ node: Node, _ upstream: [ValueID?], _ b: inout GraphBuilder) throws -> [ValueID?] {
    guard let x = node.inputs.first ?? nil, let out = node.outputs.first, let upstream = upstream[0] else { return [] }
    let g = try kept(upstream, node, &b)
    let y = try kept(out, node, &b)
    let result: ValueID
    switch kind {
    case .sum: result = g
    case .mean:
      let dtype = b.fact(x).dtype ?? .float32
      let count = try b.quotient(
        b.add1(Cast(to: .float64), b.add1(SizeOf(), x)), b.add1(Cast(to: .float64), b.add1(SizeOf(), out)))
      result = try b.quotient(g, b.add1(Cast(to: dtype), count))
    case .sumSquare: result = try b.product(b.product(b.number(2, like: x), x), g)
    case .l1: result = try b.product(b.apply(.sign, x), g)
    case .l2: result = try b.product(x, b.quotient(g, y))
    case .logSum: result = try b.quotient(g, b.apply(.exp, y))
    case .logSumExp: result = try b.product(g, b.apply(.exp, b.difference(x, y)))
    case .maximum, .minimum:
      // Equal extremes share the gradient.
      let isExtreme = try b.indicator(.equal, x, y)
      var operands = node.inputs
      operands[0] = isExtreme
      let op = Reduce(.sum, axes: axes, keepsAxes: true, keepsWithoutAxes: keepsWithoutAxes)
      result = try b.product(g, b.quotient(isExtreme, b.add(op, operands)[0]))
    case .product: throw GraphError(.unsupported, "operator \(name) has no gradient")
    }
    return [try b.add1(Expand(), result, b.add1(ShapeOf(), x)), nil]
  }

  /// A value of the output's shape with an axis of one entry in the place of each that was reduced. One number
  /// broadcasts as it is.
  private func kept(_ value: ValueID, _ node: Node, _ b: inout GraphBuilder) throws -> ValueID {
    if keepsAxes { return value }
    if let axes = axes ?? node.inputs.dropFirst().first.flatMap({ $0 }).flatMap({ b.fact($0).constantIntegers }) {
      return axes.isEmpty ? value : try b.add1(Unsqueeze(), value, b.integers(axes))
    }
    guard node.inputs.count > 1, let given = node.inputs[1] else { return value }
    return try b.add1(Unsqueeze(), value, given)
  }
}
