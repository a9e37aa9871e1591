import TensorCore

/// A primitive whose inputs' gradients follow from those of its outputs.
protocol DifferentiableOperator: Operator {
  /// Adds nodes that compute the gradients of a node's inputs, by position; nil where an input has none (indices,
  /// shapes).
  ///
  /// - Parameter upstream: the gradients of the node's outputs; nil where the result does not depend on one.
  /// - Throws: `GraphError` when the gradient is not known for these attributes or facts.
  func gradients(_ node: Node, _ upstream: [ValueID?], _ builder: inout GraphBuilder) throws -> [ValueID?]
}

extension GraphBuilder {
  /// Adds nodes that compute the gradient of the sum of `y`'s elements by reverse accumulation (Griewank and Walther,
  /// "Evaluating Derivatives", chapter 3).
  ///
  /// - Parameters:
  ///   - count: how many of `cuts`, from the first, the gradients are taken with respect to.
  ///   - cuts: values that count as independent, however they are computed.
  ///   - values: what the part of the graph between `cuts` and `y` is computed with in their place.
  ///   - maxNodes: how many nodes may be added.
  /// - Returns: gradients of the shapes of the first `count` values; zeros where `y` does not depend on one.
  /// - Throws: `GraphError` that names a node whose operator has no gradient.
  public mutating func gradients(
    of y: ValueID, withRespectTo count: Int, cuts: [ValueID], values: [ValueID], maxNodes: Int = .max
  ) throws -> [ValueID] {
    let before = graph.nodes.count
    guard cuts.count == values.count, count <= cuts.count else {
      throw GraphError(.invalidModel, "\(values.count) values came for \(cuts.count) tensors")
    }
    if let dtype = fact(y).dtype, !dtype.isReal { throw Operand.unsupported(dtype, "floating-point numbers") }
    let part = path(to: y, from: cuts)
    let (nodes, moved) = try substituted(part, [ValueID: ValueID](zip(cuts, values)) { $1 })
    var dependent = Set(values.prefix(count))
    var path: [Node] = []
    for node in nodes where node.inputs.contains(where: { $0.map(dependent.contains) ?? false }) {
      dependent.formUnion(node.outputs)
      path.append(node)
    }
    let target = moved[y] ?? y
    let one = try number(1, like: target)
    var gradients = [target: try add1(Expand(), one, add1(ShapeOf(), target))]
    for node in path.reversed() {
      guard graph.nodes.count - before <= maxNodes else {
        throw GraphError(.limit, "the gradient takes more than \(maxNodes) nodes")
      }
      let upstream = node.outputs.map { gradients[$0] }
      if upstream.allSatisfy({ $0 == nil }) { continue }
      guard let op = node.operator as? any DifferentiableOperator else {
        throw GraphError(.unsupported, "operator \(node.operator.name) has no gradient", node: node.name)
      }
      let inputs: [ValueID?]
      do {
        inputs = try op.gradients(node, upstream, &self)
      } catch {
        throw GraphError.wrapping(error, node: "\(node.operator.name) node \"\(node.name)\"")
      }
      for case (let id?, let gradient?) in zip(node.inputs, inputs) where dependent.contains(id) {
        gradients[id] = try gradients[id].map { try add1(Arithmetic(.add), $0, gradient) } ?? gradient
      }
    }
    return try values.prefix(count).map { value in
      try gradients[value] ?? add1(Expand(), number(0, like: value), add1(ShapeOf(), value))
    }
  }

  /// The nodes that `y` is computed by, in order, without those behind `cuts`.
  private func path(to y: ValueID, from cuts: [ValueID]) -> [Node] {
    let ends = Set(cuts)
    if ends.contains(y) { return [] }
    var needed: Set<ValueID> = [y]
    var out: [Node] = []
    for node in graph.nodes.reversed() where node.outputs.contains(where: { needed.contains($0) && !ends.contains($0) })
    {
      out.append(node)
      needed.formUnion(node.inputs.compactMap { $0 })
    }
    return out.reversed()
  }

  /// The nodes with values put in the place of others; copies where that changes a node. Also: which value became which.
  private mutating func substituted(
    _ nodes: [Node], _ values: [ValueID: ValueID]
  ) throws -> (nodes: [Node], moved: [ValueID: ValueID]) {
    var moved = values
    var out: [Node] = []
    for node in nodes {
      let inputs = node.inputs.map { $0.map { moved[$0] ?? $0 } }
      guard inputs != node.inputs else {
        out.append(node)
        continue
      }
      var copy = node
      copy.inputs = inputs
      copy.outputs = try add(node.operator, inputs, name: "\(node.name)#at")
      for (old, new) in zip(node.outputs, copy.outputs) where values[old] == nil { moved[old] = new }
      out.append(copy)
    }
    return (out, moved)
  }
}

/// Parts that gradients are put together from.
extension GraphBuilder {
  /// A constant number of the element type of `id`.
  mutating func number(_ value: Float, like id: ValueID) throws -> ValueID {
    guard let dtype = fact(id).dtype else {
      throw GraphError(.unsupported, "the element type of \"\(graph[id].name)\" is not known when the model is loaded")
    }
    let number = constant(Tensor(scalar: value))
    return dtype == .float32 ? number : try add1(Cast(to: dtype), number)
  }

  mutating func product(_ a: ValueID, _ b: ValueID) throws -> ValueID { try add1(Arithmetic(.multiply), a, b) }
  mutating func quotient(_ a: ValueID, _ b: ValueID) throws -> ValueID { try add1(Arithmetic(.divide), a, b) }
  mutating func sum(_ a: ValueID, _ b: ValueID) throws -> ValueID { try add1(Arithmetic(.add), a, b) }
  mutating func difference(_ a: ValueID, _ b: ValueID) throws -> ValueID { try add1(Arithmetic(.subtract), a, b) }
  mutating func negated(_ a: ValueID) throws -> ValueID { try add1(Unary(.negate), a) }
  mutating func apply(_ kind: Unary.Kind, _ a: ValueID) throws -> ValueID { try add1(Unary(kind), a) }

  /// 1 where the comparison holds, else 0, in the element type of `a`.
  mutating func indicator(_ kind: Comparison.Kind, _ a: ValueID, _ b: ValueID) throws -> ValueID {
    guard let dtype = fact(a).dtype else {
      throw GraphError(.unsupported, "the element type of \"\(graph[a].name)\" is not known when the model is loaded")
    }
    return try add1(Cast(to: dtype), add1(Comparison(kind), a, b))
  }

  /// A list of integers.
  mutating func integers(_ values: [Int]) -> ValueID { constant(Tensor(values.map { Int64($0) })) }

  /// A gradient of a broadcast result summed to the shape of the operand `x`.
  mutating func summed(_ gradient: ValueID, like x: ValueID) throws -> ValueID {
    if let a = fact(gradient).shape, let b = fact(x).shape, a.count == b.count,
      zip(a, b).allSatisfy({ $0.isProvablyEqual(to: $1) })
    {
      return gradient
    }
    return try add1(SumToShape(), gradient, add1(ShapeOf(), x))
  }

  /// The elements of `gradient` in the shape of `x`.
  mutating func reshaped(_ gradient: ValueID, like x: ValueID) throws -> ValueID {
    try add1(Reshape(allowZero: true), gradient, add1(ShapeOf(), x))
  }
}
