import TensorCore

/// Turns products with a constant right operand into `Linear`, which packs it and into which what follows can be fused.
struct PackConstantProducts: Pass {
  static let name = "pack-constant-products"
  init() {}

  func next(_ graph: Graph, _ constants: Constants) throws -> GraphPatch? {
    var patch = GraphPatch(Self.name, of: graph)
    var changed = false
    for (index, node) in graph.nodes.enumerated() where node.operator is MatMul || node.operator is Gemm {
      guard
        let special = try node.operator.specializedInPlace(
          node.inputs.map { $0.map { graph.fact($0) } }, constants.part("\(index)")),
        special.operator is Linear
      else { continue }
      let out = try patch.add(
        special.operator, special.kept.map { node.inputs[$0] }, name: node.name, before: index, in: graph)
      patch.replace(node.outputs[0], with: out[0])
      patch.drop(index)
      changed = true
    }
    return changed ? patch : nil
  }
}
