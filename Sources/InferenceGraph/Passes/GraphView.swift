import TensorCore

/// Who makes and who reads each value of a graph: what a pass needs to match a pattern.
struct GraphView {
  let graph: Graph
  private let producers: [Int?]
  private var readers: [[Int]]
  private let useCounts: [Int]

  init(_ graph: Graph) {
    self.graph = graph
    producers = graph.producers()
    useCounts = graph.useCounts()
    readers = [[Int]](repeating: [], count: graph.values.count)
    for (index, node) in graph.nodes.enumerated() {
      for id in node.inputs { if let id { readers[id.index].append(index) } }
    }
  }

  /// The node that makes a value.
  func producer(_ id: ValueID?) -> (index: Int, node: Node)? {
    guard let id, let index = producers[id.index] else { return nil }
    return (index, graph.nodes[index])
  }

  /// The only reader of a value; nil when there are others or the value is an output of the graph.
  func onlyReader(_ id: ValueID) -> (index: Int, node: Node)? {
    guard useCounts[id.index] == 1, let index = readers[id.index].first else { return nil }
    return (index, graph.nodes[index])
  }

  /// True when a value is read once and is no output.
  func isReadOnce(_ id: ValueID) -> Bool { useCounts[id.index] == 1 && readers[id.index].count == 1 }

  /// The constant that a value is, where its elements are float32.
  func floats(_ id: ValueID?) -> Tensor? {
    guard let id, let tensor = graph.fact(id).tensor, tensor.dtype == .float32 else { return nil }
    return tensor
  }

  /// The number that a constant of one float32 element holds.
  func scalar(_ id: ValueID?) -> Float? {
    guard let tensor = floats(id), tensor.count == 1 else { return nil }
    return tensor.array(of: Float.self)?.first
  }

  /// The other input of a node with two, when one of them is `id`.
  func other(_ node: Node, than id: ValueID) -> ValueID? {
    guard node.inputs.count == 2 else { return nil }
    if node.inputs[0] == id { return node.inputs[1] }
    return node.inputs[1] == id ? node.inputs[0] : nil
  }

  /// The arithmetic that a node does.
  func arithmetic(_ node: Node) -> Arithmetic.Kind? { (node.operator as? Arithmetic)?.kind }

  /// True when two values provably have one shape.
  func haveSameShape(_ a: ValueID, _ b: ValueID) -> Bool {
    guard let x = graph.fact(a).shape, let y = graph.fact(b).shape, x.count == y.count else { return false }
    return zip(x, y).allSatisfy { $0.isProvablyEqual(to: $1) }
  }
}
