import TensorCore

extension Graph {
  /// The graph as text, one line a node:
  ///
  ///     %4 scaled float32[batch,4] = Scaler(%0) {offset=…}
  public func dump() -> String {
    var out = ""
    for id in inputs { out += "input  %\(id.index) \(self[id].name): \(fact(id))\n" }
    var used = Set<Int>()
    for node in nodes { for id in node.inputs { if let id { used.insert(id.index) } } }
    for (index, slot) in values.enumerated() where used.contains(index) && !isComputed.contains(index) {
      if slot.fact.constant != nil { out += "const  %\(index) \(slot.name): \(slot.fact)\(Graph.preview(slot.fact))\n" }
    }
    for node in nodes {
      let results = node.outputs.map { "%\($0.index) \(fact($0))" }.joined(separator: ", ")
      let arguments = node.inputs.map { $0.map { "%\($0.index)" } ?? "-" }.joined(separator: ", ")
      let attributes = node.operator.attributes.map { "\($0.name)=\($0.value)" }.joined(separator: ", ")
      out += "node   \(results) = \(node.operator.name)(\(arguments))"
      out += attributes.isEmpty ? "" : " {\(attributes)}"
      out += node.name.isEmpty ? "\n" : "  # \(node.name)\n"
      for graph in node.operator.subgraphs {
        for line in graph.dump().split(separator: "\n") { out += "    \(line)\n" }
      }
    }
    for (id, name) in zip(outputs, outputNames) { out += "output %\(id.index) \(name): \(fact(id))\n" }
    return out
  }

  private var isComputed: Set<Int> {
    var out = Set(inputs.map(\.index))
    for node in nodes { for id in node.outputs { out.insert(id.index) } }
    return out
  }

  private static func preview(_ fact: Fact) -> String {
    guard let tensor = fact.tensor, tensor.count <= 8, let values = tensor.integers else { return "" }
    return " = \(values)"
  }
}
