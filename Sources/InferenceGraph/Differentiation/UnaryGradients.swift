import TensorCore

extension Unary: DifferentiableOperator {
  func gradients(_ node: Node, _ upstream: [ValueID?], _ b: inout GraphBuilder) throws -> [ValueID?] {
    guard let x = node.inputs.first ?? nil, let y = node.outputs.first, let g = upstream[0] else { return [] }
    if let dtype = b.fact(x).dtype, !dtype.isReal { return [nil] }
    return [try b.product(g, slope(x, y, &b))]
  }

  /// The derivative at `x`, where the function is `y`.
  private func slope(_ x: ValueID, _ y: ValueID, _ b: inout GraphBuilder) throws -> ValueID {
    let one = try b.number(1, like: x)
    let zero = try b.number(0, like: x)
    func square(_ v: ValueID, _ b: inout GraphBuilder) throws -> ValueID { try b.product(v, v) }
    switch kind {
    case .absolute: return try b.apply(.sign, x)
    case .negate: return try b.number(-1, like: x)
    case .sign, .ceil, .floor, .round: return zero
    case .relu: return try b.indicator(.greater, x, zero)
    case .squareRoot: return try b.quotient(b.number(0.5, like: x), y)
    case .reciprocal: return try b.negated(square(y, &b))
    case .exp: return y
    case .log: return try b.apply(.reciprocal, x)
    case .sin: return try b.apply(.cos, x)
    case .cos: return try b.negated(b.apply(.sin, x))
    case .tan: return try b.sum(one, square(y, &b))
    case .asin: return try b.apply(.reciprocal, b.apply(.squareRoot, b.difference(one, square(x, &b))))
    case .acos: return try b.negated(b.apply(.reciprocal, b.apply(.squareRoot, b.difference(one, square(x, &b)))))
    case .atan: return try b.apply(.reciprocal, b.sum(one, square(x, &b)))
    case .sinh: return try b.apply(.cosh, x)
    case .cosh: return try b.apply(.sinh, x)
    case .tanh: return try b.difference(one, square(y, &b))
    case .asinh: return try b.apply(.reciprocal, b.apply(.squareRoot, b.sum(square(x, &b), one)))
    case .acosh: return try b.apply(.reciprocal, b.apply(.squareRoot, b.difference(square(x, &b), one)))
    case .atanh: return try b.apply(.reciprocal, b.difference(one, square(x, &b)))
    case .sigmoid: return try b.product(y, b.difference(one, y))
    case .erf:
      let bell = try b.apply(.exp, b.negated(square(x, &b)))
      return try b.product(b.number(2 / Float.pi.squareRoot(), like: x), bell)
    case .softplus: return try b.apply(.sigmoid, x)
    case .softsign: return try b.apply(.reciprocal, square(b.sum(one, b.apply(.absolute, x)), &b))
    case .elu:
      let below = try b.sum(y, b.number(alpha, like: x))
      return try b.add1(Where(), b.add1(Comparison(.greater), x, zero), one, below)
    case .leakyRelu:
      return try b.add1(Where(), b.add1(Comparison(.less), x, zero), b.number(alpha, like: x), one)
    case .thresholdedRelu: return try b.indicator(.greater, x, b.number(alpha, like: x))
    case .gelu:
      let half = try b.number(0.5, like: x)
      let scaled = try b.product(x, b.number(Float(0.5).squareRoot(), like: x))
      let below = try b.product(half, b.sum(one, b.apply(.erf, scaled)))
      let bell = try b.apply(.exp, b.negated(square(scaled, &b)))
      let density = try b.product(bell, b.number(1 / (2 * Float.pi).squareRoot(), like: x))
      return try b.sum(below, b.product(x, density))
    case .swish:
      let gate = try b.apply(.sigmoid, b.product(x, b.number(alpha, like: x)))
      let rest = try b.product(b.product(y, b.number(alpha, like: x)), b.difference(one, gate))
      return try b.sum(gate, rest)
    case .shrink, .hardSigmoid, .hardSwish, .selu, .celu, .mish, .geluTanh:
      throw GraphError(.unsupported, "operator \(name) has no gradient")
    }
  }
}

extension Softmax: DifferentiableOperator {
  func gradients(_ node: Node, _ upstream: [ValueID?], _ b: inout GraphBuilder) throws -> [ValueID?] {
    guard let y = node.outputs.first, let g = upstream[0] else { return [] }
    var axes = [axis]
    if coerces {
      guard let rank = b.fact(y).rank, axis >= -rank, axis <= rank else {
        throw GraphError(.unsupported, "the rank of operator \(name) is not known when the model is loaded")
      }
      axes = Array((axis < 0 ? axis + rank : axis)..<rank)
    }
    switch kind {
    case .softmax:
      let mean = try b.add1(Reduce(.sum, axes: axes, keepsWithoutAxes: true), b.product(g, y))
      return [try b.product(y, b.difference(g, mean))]
    case .logSoftmax:
      let total = try b.add1(Reduce(.sum, axes: axes, keepsWithoutAxes: true), g)
      return [try b.difference(g, b.product(b.apply(.exp, y), total))]
    case .hardmax: throw GraphError(.unsupported, "operator \(name) has no gradient")
    }
  }
}

extension Cast: DifferentiableOperator {
  func gradients(_ node: Node, _ upstream: [ValueID?], _ b: inout GraphBuilder) throws -> [ValueID?] {
    guard let x = node.inputs.first ?? nil, let g = upstream[0], let from = b.fact(x).dtype, from.isReal, dtype.isReal
    else { return [nil] }
    return [try b.add1(Cast(to: from), g)]
  }
}
