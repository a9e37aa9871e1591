public import TensorCore

/// A graph run once for every element of a sequence. Inputs: the sequence, further sequences of the same length or
/// tensors that every run gets, what the body reads from outside. ONNX `SequenceMap`.
public struct MapSequence: Operator {
  private var body: Subgraph
  private let formalCount: Int

  /// - Throws: `GraphError` when the body does not take `formalCount` inputs or cannot be planned.
  public init(body: Graph, formalCount: Int) throws {
    guard formalCount >= 1, body.inputs.count >= formalCount else {
      throw GraphError(.invalidModel, "a body of \(body.inputs.count) inputs for \(formalCount) values")
    }
    self.body = try Subgraph(body)
    self.formalCount = formalCount
  }

  public var name: String { "SequenceMap" }
  public var isPure: Bool { body.isPure }
  public var subgraphs: [Graph] { [body.graph] }
  public func addHeld(to memory: inout HeldMemory) { body.addHeld(to: &memory) }

  public func specialized(
    _ inputs: [Fact?], _ constants: Constants
  ) throws -> (operator: any Operator, kept: [Int])? {
    var settled = self
    settled.body = try body.settled(in: constants.part("body"))
    return (settled, Array(inputs.indices))
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    body.outputFacts.map { Fact(type: $0.type.map { .sequence($0) }, shape: nil) }
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let count = try Operand.sequence(inputs, 0, "input_sequence").0.count
    var outputs = [[Value]](repeating: [], count: body.graph.outputs.count)
    for turn in 0..<count {
      var arguments = inputs
      for i in 0..<formalCount {
        guard case .sequence(let items, _)? = inputs[i] else { continue }
        guard items.count == count else {
          throw GraphError(.invalidInput, "sequences of \(count) and \(items.count) elements")
        }
        arguments[i] = items[turn]
      }
      for (i, value) in try body.run(arguments, context).enumerated() { outputs[i].append(value) }
    }
    return zip(outputs, body.outputFacts).map { items, fact in
      .sequence(items, element: items.first?.type ?? fact.type ?? .tensor(.float32))
    }
  }
}
