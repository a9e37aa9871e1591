public import TensorCore

/// A graph run again and again, as often as a number says and as long as a bool stays true.
///
/// Inputs: the number of turns (optional), the first bool (optional), the state, what the body reads from outside. The
/// body takes the turn, the bool, the state; it gives the next bool, the next state, and elements that are stacked turn by
/// turn. ONNX `Loop`.
public struct Loop: Operator {
  private var body: Subgraph
  private let stateCount: Int

  /// - Throws: `GraphError` when the body does not fit the number of state values or cannot be planned.
  public init(body: Graph, stateCount: Int) throws {
    guard body.inputs.count >= stateCount + 2, body.outputs.count >= stateCount + 1 else {
      throw GraphError(
        .invalidModel,
        "a body of \(body.inputs.count) inputs and \(body.outputs.count) outputs for \(stateCount) state values")
    }
    self.body = try Subgraph(body)
    self.stateCount = stateCount
  }

  public var name: String { "Loop" }
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
    let facts = body.outputFacts
    let state = (0..<stateCount).map { i in
      facts[1 + i].either(inputs.optional(2 + i)?.withoutContents ?? Fact(type: nil, shape: nil))
    }
    let turns = turns(inputs)
    return state
      + facts.dropFirst(1 + stateCount).map { fact in
        Fact(type: fact.type, shape: fact.shape.map { [turns] + $0 })
      }
  }

  /// The number of turns, where the bool provably stays true.
  private func turns(_ inputs: [Fact?]) -> Dim {
    let isTrue = { (fact: Fact?) in fact?.tensor?.array(of: Bool.self) == [true] }
    guard let count = inputs.optional(0)?.integerElements?.first else { return .unknown }
    if let value = count.value, value <= 0 { return 0 }
    let goesOn = body.graph.outputs[0]
    let first = inputs.optional(1)
    guard first == nil || isTrue(first), goesOn == body.graph.inputs[1] || isTrue(body.graph.fact(goesOn)) else {
      return .unknown
    }
    return count
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let limit = try Operand.optionalTensor(inputs, 0, "M").map { try Operand.integer($0, "M") } ?? .max
    var goesOn = try Operand.optionalTensor(inputs, 1, "cond").map { try Operand.bool($0, "cond") } ?? true
    var state = Array(inputs[2..<(2 + stateCount)])
    let captures = inputs[(2 + stateCount)...]
    for i in 2..<(2 + stateCount) { inputs[i] = nil }
    var stacks = [[Value]](repeating: [], count: body.graph.outputs.count - 1 - stateCount)
    var stackedBytes = 0
    var turn = 0
    while goesOn, turn < limit {
      try context.checkDeadline()
      let arguments = [.tensor(Tensor(scalar: Int64(turn))), .tensor(Tensor(scalar: goesOn))] + state + captures
      state = []
      let results = try body.run(arguments, context)
      guard case .tensor(let next) = results[0] else {
        throw GraphError(.invalidInput, "the body's first output must be a bool, a \(results[0].type) came")
      }
      goesOn = try Operand.bool(next, "the body's first output")
      state = results[1..<(1 + stateCount)].map { $0 }
      for i in stacks.indices {
        stacks[i].append(results[1 + stateCount + i])
        // What holds a value takes memory, too.
        stackedBytes += results[1 + stateCount + i].heldBytes + 256
      }
      // A state that grows (a sequence) is weighed after 1, 2, 4, 8 ... turns.
      let stateBytes = turn & (turn + 1) == 0 ? state.reduce(0) { $0 + ($1?.heldBytes ?? 0) } : 0
      guard stackedBytes <= context.maxTensorBytes, stateBytes <= context.maxTensorBytes else {
        throw GraphError(.limit, "what \(turn + 1) turns have made takes more than \(context.maxTensorBytes) bytes")
      }
      turn += 1
    }
    var outputs: [Value] = []
    for (i, value) in state.enumerated() {
      guard let value else { throw GraphError(.invalidInput, "input \(2 + i) (state) is missing") }
      outputs.append(value)
    }
    for (i, stack) in stacks.enumerated() {
      outputs.append(
        stack.isEmpty
          ? try Stack.empty(body.outputFacts[1 + stateCount + i])
          : try Stack.join(stack, axis: 0, reversed: false, context))
    }
    return outputs
  }
}
