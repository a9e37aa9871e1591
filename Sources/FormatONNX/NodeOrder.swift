/// An order of a graph's nodes in which values come before their use.
///
/// The standard asks for such an order in the file (ONNX IR specification, "Graphs"); some tools leave another, which other
/// engines put right.
struct NodeOrder {
  private let nodes: [NodeProto]
  /// The node that computes a name.
  private var makers: [String: Int] = [:]

  init(_ nodes: [NodeProto]) {
    self.nodes = nodes
    for (index, node) in nodes.enumerated() {
      for name in node.outputs where !name.isEmpty { makers[name] = index }
    }
  }

  /// The nodes, as close to the order that they have as can be; nil where that order is right, or where there is none: then
  /// a node needs what is made of its own outputs.
  var sorted: [NodeProto]? {
    let needs = nodes.map { node in NodeOrder.reads(node).compactMap { makers[$0] } }
    guard zip(needs.indices, needs).contains(where: { index, makers in makers.contains { $0 >= index } }) else {
      return nil
    }
    var order: [NodeProto] = []
    order.reserveCapacity(nodes.count)
    // 0: not seen; 1: its needs come before it; 2: placed.
    var state = [UInt8](repeating: 0, count: nodes.count)
    for first in nodes.indices {
      var stack = [(node: first, next: 0)]
      while let (node, next) = stack.last {
        if state[node] == 2 {
          stack.removeLast()
          continue
        }
        if next == 0, state[node] == 1 { return nil }
        state[node] = 1
        if next < needs[node].count {
          stack[stack.count - 1].next = next + 1
          let need = needs[node][next]
          if state[need] == 1 { return nil }
          if state[need] == 0 { stack.append((need, 0)) }
        } else {
          state[node] = 2
          order.append(nodes[node])
          stack.removeLast()
        }
      }
    }
    return order
  }

  /// Names that a node reads, those that its graphs read from outside included.
  private static func reads(_ node: NodeProto) -> [String] {
    var names = node.inputs
    for attribute in node.attributes {
      switch attribute.value {
      case .graph(let graph): names += reads(graph)
      case .graphs(let graphs): names += graphs.flatMap(reads)
      default: break
      }
    }
    return names
  }

  private static func reads(_ graph: GraphProto) -> [String] {
    let own = Set(
      graph.inputs.map(\.name) + graph.initializers.map(\.name) + graph.nodes.flatMap(\.outputs))
    return (graph.nodes.flatMap { reads($0) } + graph.outputs.map(\.name)).filter { !own.contains($0) }
  }
}
