import TensorCore

/// Recognises `x/2 * (1 + erf(x/√2))`, as exporters spell GELU, whatever the order of its products.
struct FuseGelu: Pass {
  static let name = "fuse-gelu"
  init() {}

  func next(_ graph: Graph, _ constants: Constants) throws -> GraphPatch? {
    let view = GraphView(graph)
    var patch = GraphPatch(Self.name, of: graph)
    var changed = false
    for (index, node) in graph.nodes.enumerated() {
      guard let unary = node.operator as? Unary, unary.kind == .erf, let match = match(view, index, node) else {
        continue
      }
      let out = try patch.add(
        Unary(.gelu), [match.x], name: graph.nodes[match.last].name, before: match.last, in: graph)
      patch.replace(graph.nodes[match.last].outputs[0], with: out[0])
      for dead in match.nodes { patch.drop(dead) }
      changed = true
    }
    return changed ? patch : nil
  }

  private func match(_ view: GraphView, _ erf: Int, _ node: Node) -> (x: ValueID, last: Int, nodes: [Int])? {
    guard let scaled = node.inputs.first ?? nil, view.isReadOnce(scaled), let scaling = view.producer(scaled),
      scaling.node.inputs.count == 2, let x = scaling.node.inputs[0]
    else { return nil }
    switch view.arithmetic(scaling.node) {
    case .divide: guard isClose(view.scalar(scaling.node.inputs[1]), 1.414_213_6) else { return nil }
    case .multiply: guard isClose(view.scalar(scaling.node.inputs[1]), 0.707_106_8) else { return nil }
    default: return nil
    }
    guard let plus = view.onlyReader(node.outputs[0]), view.arithmetic(plus.node) == .add,
      isClose(view.scalar(view.other(plus.node, than: node.outputs[0])), 1),
      let first = view.onlyReader(plus.node.outputs[0]), view.arithmetic(first.node) == .multiply,
      let factor = view.other(first.node, than: plus.node.outputs[0])
    else { return nil }
    let nodes = [scaling.index, erf, plus.index, first.index]
    // (x * 0.5) * (1 + erf)
    if let half = view.producer(factor), view.arithmetic(half.node) == .multiply, view.isReadOnce(factor),
      isClose(view.scalar(view.other(half.node, than: x)), 0.5)
    {
      return (x, first.index, nodes + [half.index])
    }
    guard let second = view.onlyReader(first.node.outputs[0]), view.arithmetic(second.node) == .multiply,
      let rest = view.other(second.node, than: first.node.outputs[0])
    else { return nil }
    // x * (1 + erf) * 0.5, or (1 + erf) * 0.5 * x
    if factor == x && isClose(view.scalar(rest), 0.5) || rest == x && isClose(view.scalar(factor), 0.5) {
      return (x, second.index, nodes + [second.index])
    }
    return nil
  }

  private func isClose(_ value: Float?, _ wanted: Float) -> Bool {
    value.map { abs($0 - wanted) <= 1e-6 * wanted } ?? false
  }
}
