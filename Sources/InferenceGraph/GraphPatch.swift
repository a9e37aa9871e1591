public import TensorCore

/// An edit of a graph: nodes to add, values to replace, nodes to drop. Passes make patches; they never mutate a graph.
public struct GraphPatch: Sendable {
  /// What the edit does, for dumps.
  public let label: String
  private let base: Int
  private var slots: [Graph.Slot] = []
  private var added: [(before: Int, node: Node)] = []
  private var replaced: [(old: ValueID, new: ValueID)] = []
  private var dropped: Set<Int> = []

  /// Starts an edit of `graph`.
  public init(_ label: String, of graph: Graph) {
    self.label = label
    base = graph.values.count
  }

  /// A new constant.
  public mutating func constant(_ value: Value, name: String) -> ValueID {
    slots.append(Graph.Slot(name: name, fact: Fact(constant: value)))
    return ValueID(base + slots.count - 1)
  }

  /// A new node, placed before node `index`; its inputs must be defined before that place.
  ///
  /// - Throws: what the operator's `outputFacts` throws.
  public mutating func add(
    _ op: any Operator, _ inputs: [ValueID?], name: String, before index: Int, in graph: Graph
  ) throws -> [ValueID] {
    let facts = inputs.map { id in id.map { $0.index < base ? graph.fact($0) : slots[$0.index - base].fact } }
    let outputs = try op.outputFacts(facts)
    let ids = outputs.enumerated().map { i, fact in
      slots.append(Graph.Slot(name: i == 0 ? name : "\(name):\(i)", fact: fact))
      return ValueID(base + slots.count - 1)
    }
    added.append((index, Node(name: name, operator: op, inputs: inputs, outputs: ids)))
    return ids
  }

  /// Everything that reads `old` shall read `new`.
  public mutating func replace(_ old: ValueID, with new: ValueID) { replaced.append((old, new)) }

  /// Removes node `index`. Its outputs must have been replaced or be unused.
  public mutating func drop(_ index: Int) { dropped.insert(index) }

  /// Carries the edit out.
  public func apply(to graph: inout Graph) {
    graph.values += slots
    var target: [ValueID: ValueID] = [:]
    for (old, new) in replaced { target[old] = new }
    func resolve(_ id: ValueID) -> ValueID {
      var id = id
      var steps = 0
      while let next = target[id], steps <= replaced.count {
        id = next
        steps += 1
      }
      return id
    }
    for (old, new) in replaced {
      var fact = graph.values[resolve(new).index].fact
      if fact.shape == nil { fact.shape = graph.values[old.index].fact.shape }
      graph.values[resolve(new).index].fact = fact
    }
    var nodes: [Node] = []
    nodes.reserveCapacity(graph.nodes.count + added.count)
    let insertions = Dictionary(grouping: added, by: \.before)
    for index in 0...graph.nodes.count {
      for entry in insertions[index] ?? [] { nodes.append(entry.node) }
      if index < graph.nodes.count, !dropped.contains(index) { nodes.append(graph.nodes[index]) }
    }
    if !target.isEmpty {
      for i in nodes.indices { nodes[i].inputs = nodes[i].inputs.map { $0.map(resolve) } }
      graph.outputs = graph.outputs.map(resolve)
    }
    graph.nodes = nodes
  }
}
