extension Arithmetic: DifferentiableOperator {
  func gradients(_ node: Node, _ upstream: [ValueID?], _ b: inout GraphBuilder) throws -> [ValueID?] {
    guard axis == nil, node.inputs.count == 2, let x = node.inputs[0], let y = node.inputs[1], let g = upstream[0],
      let out = node.outputs.first
    else { throw GraphError(.unsupported, "broadcasting from an axis on has no gradient") }
    let (left, right) = try partial(x, y, out, g, &b)
    return [try b.summed(left, like: x), try b.summed(right, like: y)]
  }

  /// The gradients before they are summed to the operands' shapes.
  private func partial(
    _ x: ValueID, _ y: ValueID, _ out: ValueID, _ g: ValueID, _ b: inout GraphBuilder
  ) throws -> (ValueID, ValueID) {
    switch kind {
    case .add: return (g, g)
    case .subtract: return (g, try b.negated(g))
    case .multiply: return (try b.product(g, y), try b.product(g, x))
    case .divide:
      let left = try b.quotient(g, y)
      return (left, try b.negated(b.product(left, out)))
    case .power:
      let zero = try b.number(0, like: x)
      let slope = try b.product(y, b.add1(Arithmetic(.power), x, b.difference(y, b.number(1, like: x))))
      let byExponent = try b.add1(
        Where(), b.add1(Comparison(.equal), x, zero), zero, b.product(out, b.apply(.log, x)))
      return (try b.product(g, slope), try b.product(g, byExponent))
    case .minimum, .maximum:
      // Equal operands share the gradient.
      let half = try b.product(b.number(0.5, like: x), b.indicator(.equal, x, y))
      let left = try b.sum(b.indicator(kind == .maximum ? .greater : .less, x, y), half)
      return (try b.product(g, left), try b.product(g, b.difference(b.number(1, like: x), left)))
    case .parametricRelu:
      let zero = try b.number(0, like: x)
      let isBelow = try b.add1(Comparison(.less), x, zero)
      return (
        try b.add1(Where(), isBelow, b.product(g, y), g), try b.add1(Where(), isBelow, b.product(g, x), zero)
      )
    case .modulo, .remainder: throw GraphError(.unsupported, "operator \(name) has no gradient")
    }
  }
}

extension Where: DifferentiableOperator {
  func gradients(_ node: Node, _ upstream: [ValueID?], _ b: inout GraphBuilder) throws -> [ValueID?] {
    guard node.inputs.count == 3, let condition = node.inputs[0], let x = node.inputs[1], let y = node.inputs[2],
      let g = upstream[0]
    else { return [] }
    let zero = try b.number(0, like: g)
    return [
      nil, try b.summed(b.add1(Where(), condition, g, zero), like: x),
      try b.summed(b.add1(Where(), condition, zero, g), like: y),
    ]
  }
}

extension Clip: DifferentiableOperator {
  func gradients(_ node: Node, _ upstream: [ValueID?], _ b: inout GraphBuilder) throws -> [ValueID?] {
    guard let x = node.inputs.first ?? nil, let y = node.outputs.first, let g = upstream[0] else { return [] }
    return [try b.product(g, b.indicator(.equal, x, y)), nil, nil]
  }
}
