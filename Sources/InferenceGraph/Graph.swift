import TensorCore

/// A value in a graph: defined once, by an input, a constant or a node.
public struct ValueID: Hashable, Sendable {
  public let index: Int
  @inlinable public init(_ index: Int) { self.index = index }
}

/// One use of an operator.
public struct Node: Sendable {
  public var name: String
  public var `operator`: any Operator
  /// nil: an optional input that is not given.
  public var inputs: [ValueID?]
  public var outputs: [ValueID]

  public init(name: String, operator: any Operator, inputs: [ValueID?], outputs: [ValueID]) {
    self.name = name
    self.operator = `operator`
    self.inputs = inputs
    self.outputs = outputs
  }
}

/// A computation in single-assignment form. Nodes are in an order in which every value is defined before it is used.
///
/// Built with `GraphBuilder`, changed with `GraphPatch`, run by `Session`.
public struct Graph: Sendable {
  /// A value's name and what is known of it.
  public struct Slot: Sendable {
    public var name: String
    public var fact: Fact
  }

  public internal(set) var values: [Slot] = []
  public internal(set) var nodes: [Node] = []
  public internal(set) var inputs: [ValueID] = []
  public internal(set) var outputs: [ValueID] = []
  /// Names of the outputs, in order; a value may be several outputs.
  public internal(set) var outputNames: [String] = []

  public init() {}

  @inlinable public subscript(id: ValueID) -> Slot { values[id.index] }

  /// What is known of a value.
  @inlinable public func fact(_ id: ValueID) -> Fact { values[id.index].fact }

  /// The graph's inputs and outputs alone: their names, and what is known of them but for large constants.
  public var interface: Graph {
    var out = Graph()
    var moved: [Int: ValueID] = [:]
    func place(_ id: ValueID) -> ValueID {
      if let known = moved[id.index] { return known }
      var slot = values[id.index]
      if let constant = slot.fact.constant, constant.heldBytes >= Constants.minBytes { slot.fact.constant = nil }
      out.values.append(slot)
      let new = ValueID(out.values.count - 1)
      moved[id.index] = new
      return new
    }
    for id in inputs { out.inputs.append(place(id)) }
    for id in outputs { out.outputs.append(place(id)) }
    out.outputNames = outputNames
    return out
  }

  /// The node that defines each value, by value index; nil for inputs and constants.
  public func producers() -> [Int?] {
    var out = [Int?](repeating: nil, count: values.count)
    for (i, node) in nodes.enumerated() { for v in node.outputs { out[v.index] = i } }
    return out
  }

  /// How often each value is used by nodes and outputs, by value index.
  public func useCounts() -> [Int] {
    var out = [Int](repeating: 0, count: values.count)
    for node in nodes { for v in node.inputs { if let v { out[v.index] += 1 } } }
    for v in outputs { out[v.index] += 1 }
    return out
  }
}
