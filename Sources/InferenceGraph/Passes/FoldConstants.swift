import Kernels
import TensorCore

/// Replaces what follows from constants by constants.
struct FoldConstants: Pass {
  static let name = "fold-constants"
  init() {}

  /// Folding may not make a model larger than this many bytes per value.
  private static let maxBytes = 1 << 28

  func next(_ graph: Graph) throws -> GraphPatch? {
    var patch = GraphPatch(Self.name, of: graph)
    var known: [ValueID: ValueID] = [:]
    var values: [ValueID: Value] = [:]
    var changed = false
    let context = EvaluationContext(pool: .inline, arena: Arena())
    for (index, node) in graph.nodes.enumerated() where node.operator.isPure && node.operator.subgraphs.isEmpty {
      func constant(_ id: ValueID) -> Value? { values[id] ?? graph.fact(id).constant }
      var outputs: [Value] = []
      let facts = node.outputs.compactMap { constant($0) }
      if facts.count == node.outputs.count {
        outputs = facts
      } else {
        var inputs: [Value?] = []
        var all = true
        for id in node.inputs {
          guard let id else {
            inputs.append(nil)
            continue
          }
          guard let value = constant(id) else {
            all = false
            break
          }
          inputs.append(value)
        }
        guard all, fits(node, graph) else { continue }
        do {
          outputs = try node.operator.evaluate(&inputs, context)
        } catch {
          throw GraphError.wrapping(error, node: "\(node.operator.name) node \"\(node.name)\"")
        }
      }
      for (id, value) in zip(node.outputs, outputs) {
        values[id] = value
        let new = patch.constant(value, name: graph[id].name)
        known[id] = new
        patch.replace(id, with: new)
      }
      patch.drop(index)
      changed = true
    }
    return changed ? patch : nil
  }

  private func fits(_ node: Node, _ graph: Graph) -> Bool {
    for id in node.outputs {
      guard let shape = graph.fact(id).shape else { continue }
      var n = 16
      for d in shape {
        let (p, overflow) = n.multipliedReportingOverflow(by: Swift.max(d.value ?? 1, 1))
        if overflow || p > Self.maxBytes { return false }
        n = p
      }
    }
    return true
  }
}
