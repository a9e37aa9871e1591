import Kernels
public import TensorCore

/// Builds a graph node by node. Facts are inferred as nodes are added, so an error names the node that caused it; what
/// follows from small constants is known at once.
public struct GraphBuilder {
  public private(set) var graph = Graph()
  private let evaluator = EvaluationContext(pool: .inline, arena: Arena(), maxTensorBytes: 1 << 26)

  /// The largest tensor, in elements, that is computed while building so that shapes which depend on it are known.
  public static let eagerElements = 1024

  public init() {}

  /// Adds an input.
  public mutating func input(_ name: String, _ fact: Fact) -> ValueID {
    let id = define(name, fact)
    graph.inputs.append(id)
    return id
  }

  /// Adds a constant.
  public mutating func constant(_ value: Value, name: String = "") -> ValueID {
    define(name, Fact(constant: value))
  }

  /// Adds a constant tensor.
  public mutating func constant(_ tensor: Tensor, name: String = "") -> ValueID {
    constant(.tensor(tensor), name: name)
  }

  /// What is known of a value.
  public func fact(_ id: ValueID) -> Fact { graph.fact(id) }

  /// Adds a node and returns its outputs.
  ///
  /// - Parameter outputNames: names for the outputs, by position; missing ones are derived from the node's.
  /// - Throws: `GraphError` with the node named.
  @discardableResult
  public mutating func add(
    _ op: any Operator, _ inputs: [ValueID?], name: String = "", outputNames: [String] = []
  ) throws -> [ValueID] {
    let nodeName = name.isEmpty ? "\(op.name)_\(graph.nodes.count)" : name
    let facts = inputs.map { $0.map { graph.fact($0) } }
    var outputs: [Fact]
    do {
      outputs = try op.outputFacts(facts)
      if let known = try eager(op, facts, outputs) { outputs = known.map { Fact(constant: $0) } }
    } catch {
      throw GraphError.wrapping(error, node: "\(op.name) node \"\(nodeName)\"")
    }
    let ids = outputs.enumerated().map { i, fact in
      define(i < outputNames.count ? outputNames[i] : i == 0 ? nodeName : "\(nodeName):\(i)", fact)
    }
    graph.nodes.append(Node(name: nodeName, operator: op, inputs: inputs, outputs: ids))
    return ids
  }

  /// Adds a node with one output.
  public mutating func add1(_ op: any Operator, _ inputs: ValueID?..., name: String = "") throws -> ValueID {
    try add(op, inputs, name: name)[0]
  }

  /// Declares an output.
  public mutating func output(_ id: ValueID, name: String) {
    graph.outputs.append(id)
    graph.outputNames.append(name)
  }

  /// Narrows what is known of a value by what the model declares. A contradiction is left to run time.
  public mutating func refine(_ id: ValueID, with declared: Fact) {
    var fact = graph.values[id.index].fact
    if fact.type == nil { fact.type = declared.type }
    if let shape = declared.shape {
      if let own = fact.shape {
        if own.count == shape.count {
          fact.shape = zip(own, shape).map { $0 == .unknown ? $1 : $0 }
        }
      } else {
        fact.shape = shape
      }
    }
    graph.values[id.index].fact = fact
  }

  private mutating func define(_ name: String, _ fact: Fact) -> ValueID {
    graph.values.append(Graph.Slot(name: name, fact: fact))
    return ValueID(graph.values.count - 1)
  }

  private func eager(_ op: any Operator, _ inputs: [Fact?], _ outputs: [Fact]) throws -> [Value]? {
    guard op.isPure, op.subgraphs.isEmpty else { return nil }
    for fact in outputs {
      guard let shape = fact.shape, fact.dtype != nil else { return nil }
      var n = 1
      for d in shape {
        guard let v = d.value, v >= 0, v <= GraphBuilder.eagerElements else { return nil }
        n *= v
        if n > GraphBuilder.eagerElements { return nil }
      }
    }
    var values: [Value?] = []
    for fact in inputs {
      guard let fact else {
        values.append(nil)
        continue
      }
      guard let constant = fact.constant else { return nil }
      if let t = constant.tensor, t.count > GraphBuilder.eagerElements * 16 { return nil }
      values.append(constant)
    }
    do {
      return try op.evaluate(&values, evaluator)
    } catch let error as GraphError where error.code == .limit {
      return nil
    }
  }
}

extension GraphError {
  /// `error` as a `GraphError` that names the node.
  public static func wrapping(_ error: any Error, node: String) -> GraphError {
    if var e = error as? GraphError {
      if e.node == nil { e.node = node }
      return e
    }
    return GraphError(.invalidModel, "\(error)", node: node)
  }
}
