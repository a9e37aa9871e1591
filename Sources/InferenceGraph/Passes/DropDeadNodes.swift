import TensorCore

/// Removes nodes of which no output is used.
struct DropDeadNodes: Pass {
  static let name = "drop-dead-nodes"
  init() {}

  func next(_ graph: Graph, _ constants: Constants) throws -> GraphPatch? {
    var live = Set(graph.outputs)
    var patch = GraphPatch(Self.name, of: graph)
    var changed = false
    for (index, node) in graph.nodes.enumerated().reversed() {
      if node.outputs.contains(where: live.contains) {
        for id in node.inputs { if let id { live.insert(id) } }
      } else {
        patch.drop(index)
        changed = true
      }
    }
    return changed ? patch : nil
  }
}
