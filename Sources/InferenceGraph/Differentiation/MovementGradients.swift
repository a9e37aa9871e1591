import TensorCore

extension Reshape: DifferentiableOperator {
  func gradients(_ node: Node, _ upstream: [ValueID?], _ b: inout GraphBuilder) throws -> [ValueID?] {
    try b.sameElements(node, upstream)
  }
}

extension Flatten: DifferentiableOperator {
  func gradients(_ node: Node, _ upstream: [ValueID?], _ b: inout GraphBuilder) throws -> [ValueID?] {
    try b.sameElements(node, upstream)
  }
}

extension Squeeze: DifferentiableOperator {
  func gradients(_ node: Node, _ upstream: [ValueID?], _ b: inout GraphBuilder) throws -> [ValueID?] {
    try b.sameElements(node, upstream)
  }
}

extension Unsqueeze: DifferentiableOperator {
  func gradients(_ node: Node, _ upstream: [ValueID?], _ b: inout GraphBuilder) throws -> [ValueID?] {
    try b.sameElements(node, upstream)
  }
}

extension GraphBuilder {
  /// The gradients of a node whose output has its first input's elements in their order.
  fileprivate mutating func sameElements(_ node: Node, _ upstream: [ValueID?]) throws -> [ValueID?] {
    guard let x = node.inputs.first ?? nil, let g = upstream[0] else { return [] }
    return [try reshaped(g, like: x)]
  }
}

extension Transpose: DifferentiableOperator {
  func gradients(_ node: Node, _ upstream: [ValueID?], _ b: inout GraphBuilder) throws -> [ValueID?] {
    guard let g = upstream[0] else { return [] }
    guard let permutation else { return [try b.add1(Transpose(), g)] }
    guard permutation.sorted() == Array(permutation.indices) else {
      throw GraphError(.invalidModel, "perm \(permutation) is no order of axes")
    }
    var inverse = permutation
    for (i, axis) in permutation.enumerated() { inverse[axis] = i }
    return [try b.add1(Transpose(inverse), g)]
  }
}

extension Expand: DifferentiableOperator {
  func gradients(_ node: Node, _ upstream: [ValueID?], _ b: inout GraphBuilder) throws -> [ValueID?] {
    guard let x = node.inputs.first ?? nil, let g = upstream[0] else { return [] }
    return [try b.summed(g, like: x)]
  }
}

extension Concat: DifferentiableOperator {
  func gradients(_ node: Node, _ upstream: [ValueID?], _ b: inout GraphBuilder) throws -> [ValueID?] {
    guard let g = upstream[0] else { return [] }
    var sizes: [ValueID] = []
    for case let x? in node.inputs {
      sizes.append(try b.add1(ShapeOf(start: axis, end: axis == -1 ? nil : axis + 1), x))
    }
    let split = Split(axis: axis, sizes: nil, outputCount: sizes.count, mayBeUneven: true)
    return try b.add(split, [g, b.add(Concat(axis: 0), sizes)[0]])
  }
}

extension Split: DifferentiableOperator {
  func gradients(_ node: Node, _ upstream: [ValueID?], _ b: inout GraphBuilder) throws -> [ValueID?] {
    var parts: [ValueID] = []
    for (output, gradient) in zip(node.outputs, upstream) {
      parts.append(try gradient ?? b.add1(Expand(), b.number(0, like: output), b.add1(ShapeOf(), output)))
    }
    return [try b.add(Concat(axis: axis), parts)[0], nil]
  }
}
