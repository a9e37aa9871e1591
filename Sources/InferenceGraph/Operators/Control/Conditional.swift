public import TensorCore

/// One of two graphs, as a bool says. Inputs: the bool, what the first graph reads, what the second reads. ONNX `If`.
public struct Conditional: Operator {
  private var then: Subgraph
  private var otherwise: Subgraph

  /// - Throws: `GraphError` when the graphs have different numbers of outputs or cannot be planned.
  public init(then: Graph, otherwise: Graph) throws {
    guard then.outputs.count == otherwise.outputs.count else {
      throw GraphError(
        .invalidModel, "the branches have \(then.outputs.count) and \(otherwise.outputs.count) outputs")
    }
    self.then = try Subgraph(then)
    self.otherwise = try Subgraph(otherwise)
  }

  public var name: String { "If" }
  public var isPure: Bool { then.isPure && otherwise.isPure }
  public var subgraphs: [Graph] { [then.graph, otherwise.graph] }
  public func addHeld(to memory: inout HeldMemory) {
    then.addHeld(to: &memory)
    otherwise.addHeld(to: &memory)
  }

  public func specialized(
    _ inputs: [Fact?], _ constants: Constants
  ) throws -> (operator: any Operator, kept: [Int])? {
    var settled = self
    settled.then = try then.settled(in: constants.part("then"))
    settled.otherwise = try otherwise.settled(in: constants.part("else"))
    return (settled, Array(inputs.indices))
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    zip(then.outputFacts, otherwise.outputFacts).map { $0.either($1) }
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let condition = try Operand.bool(Operand.tensor(inputs, 0, "cond"), "cond")
    let split = 1 + then.graph.inputs.count
    return condition
      ? try then.run(Array(inputs[1..<split]), context) : try otherwise.run(Array(inputs[split...]), context)
  }
}
