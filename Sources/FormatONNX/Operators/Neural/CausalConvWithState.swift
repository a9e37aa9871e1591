import InferenceGraph

extension OperatorTable {
  /// A depthwise convolution over what came before and the input; the state is the last `k - 1` places of both.
  static let causalConvWithState = ONNXOperator("CausalConvWithState", versions: [27]) { n in
    let (x, weight) = (try n.required(0), try n.required(1))
    let activation = try n.string("activation", default: "none")
    guard ["none", "silu", "swish"].contains(activation) else {
      throw GraphError(
        .invalidModel, "attribute \"activation\" must be none, silu or swish and is \"\(activation)\"")
    }
    for (id, what) in [(x, "input"), (weight, "weight")] {
      if let shape = n.fact(id).shape, shape.count != 3 {
        throw GraphError(.invalidModel, "\(what) must have rank 3 and has rank \(shape.count)")
      }
    }
    guard let channels = n.fact(weight).extent(0)?.value ?? n.fact(x).extent(1)?.value else {
      throw GraphError(.unsupported, "the number of channels is not known when the model is loaded")
    }
    let dtype = try n.elementType(x, "input")
    let before = try n.difference(n.extents(weight, 2, 3), n.integers([1]))
    let past = try n.optional(3) ?? n.filled(0, as: dtype, shape: n.list([n.extents(x, 0, 2), before]))
    let padded = try n.add(Concat(axis: 2), past, x)
    var y = try n.add(Conv(window: Window(), group: channels), padded, weight, n.optional(2))
    if activation != "none" { y = try n.add(Unary(.swish, alpha: 1), y) }
    return [y, try n.slice(padded, axis: 2, from: n.extents(x, 2, 3))]
  }
}
