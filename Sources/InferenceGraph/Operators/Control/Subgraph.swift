import TensorCore

/// A graph that an operator runs inside: optimised and planned once. Its inputs are its own, then what it reads from the
/// graph around it.
public struct Subgraph: Sendable {
  /// The graph as it runs; once it is part of a plan, its inputs and outputs only.
  public private(set) var graph: Graph
  private var session: Session
  /// The graph as it was given, until it is part of a plan.
  private var source: Graph?
  /// True when nothing in it is left to chance.
  let isPure: Bool

  /// - Throws: `GraphError` when a pass or an operator refuses the graph.
  public init(_ graph: Graph) throws {
    self.graph = try PassTable.optimize(graph)
    session = Session(try Plan(self.graph))
    source = graph
    isPure = self.graph.nodes.allSatisfy { $0.operator.isPure }
  }

  /// The same as part of a plan: what is made of its constants is where `constants` keep it, and only what runs is held.
  func settled(in constants: Constants) throws -> Subgraph {
    var settled = self
    if constants.areKept, let source {
      settled.graph = try PassTable.optimize(source, constants)
      settled.session = Session(try Plan(settled.graph, constants))
    }
    settled.graph = settled.graph.interface
    settled.source = nil
    return settled
  }

  func addHeld(to memory: inout HeldMemory) { session.plan.addHeld(to: &memory) }

  /// What is known of the outputs.
  var outputFacts: [Fact] { graph.outputs.map { graph.fact($0) } }

  /// Runs it as a part of the run of `context`.
  func run(_ inputs: [Value?], _ context: EvaluationContext) throws -> [Value] {
    try session.run(inputs, within: context)
  }
}

extension Fact {
  /// What holds for a value of which only is known that either fact holds for it.
  func either(_ other: Fact) -> Fact {
    let type = type == other.type || other.type == nil ? type : self.type == nil ? other.type : nil
    guard let a = shape, let b = other.shape, a.count == b.count else { return Fact(type: type, shape: nil) }
    return Fact(type: type, shape: zip(a, b).map { $0.isProvablyEqual(to: $1) ? $0 : .unknown })
  }

  /// The type and the shape alone.
  var withoutContents: Fact { Fact(type: type, shape: shape) }
}

/// Tensors of one shape along a new axis.
enum Stack {
  static func join(_ values: [Value], axis: Int, reversed: Bool, _ context: EvaluationContext) throws -> Value {
    var items: [Value?] = []
    for value in values {
      guard case .tensor(let tensor) = value else {
        throw GraphError(.invalidInput, "only tensors can be stacked, a \(value.type) came")
      }
      let at = axis < 0 ? axis &+ tensor.shape.rank &+ 1 : axis
      guard at >= 0, at <= tensor.shape.rank else {
        throw GraphError(.invalidInput, "axis \(axis) cannot be made in a tensor of rank \(tensor.shape.rank)")
      }
      var shape = tensor.shape
      shape.dims.insert(1, at: at)
      items.append(.tensor(try tensor.viewed(shape)))
    }
    if reversed { items.reverse() }
    guard case .tensor(let first)?? = items.first else {
      throw GraphError(.invalidInput, "there is nothing to stack")
    }
    return try Concat(axis: axis < 0 ? axis &+ first.shape.rank : axis).evaluate(&items, context)[0]
  }

  /// What a loop that never ran stacks: no entries of the shape that is known of one.
  static func empty(_ fact: Fact, axis: Int = 0) throws -> Value {
    var dims = (fact.shape ?? []).map { $0.value ?? 0 }
    dims.insert(0, at: Swift.min(Swift.max(axis < 0 ? axis &+ dims.count &+ 1 : axis, 0), dims.count))
    return .tensor(Tensor(zeros: fact.dtype ?? .float32, Shape(dims)))
  }
}
