public import TensorCore

/// A graph run once for every entry along an axis of some tensors, with a state that goes from entry to entry.
///
/// Inputs: the state, the tensors that are scanned, what the body reads from outside. The body takes the state and one
/// entry of each tensor; it gives the next state and elements that are stacked. ONNX `Scan` as of opset 9.
public struct Scan: Operator {
  /// The axis along which a tensor is read or written, and whether from its end.
  public struct Course: Sendable {
    public var axis: Int
    public var isReversed: Bool

    public init(axis: Int, isReversed: Bool) {
      self.axis = axis
      self.isReversed = isReversed
    }
  }

  private var body: Subgraph
  private let stateCount: Int
  private let reading: [Course]
  private let writing: [Course]

  /// - Throws: `GraphError` when the body does not fit or cannot be planned.
  public init(body: Graph, stateCount: Int, reading: [Course], writing: [Course]) throws {
    guard stateCount >= 0, body.inputs.count >= stateCount + reading.count,
      body.outputs.count == stateCount + writing.count, !reading.isEmpty
    else {
      throw GraphError(
        .invalidModel,
        "a body of \(body.inputs.count) inputs and \(body.outputs.count) outputs for \(stateCount) state values, "
          + "\(reading.count) scanned inputs and \(writing.count) stacked outputs")
    }
    self.body = try Subgraph(body)
    self.stateCount = stateCount
    self.reading = reading
    self.writing = writing
  }

  public var name: String { "Scan" }
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

  /// What is known of one entry of a scanned tensor.
  public static func entry(_ fact: Fact, axis: Int) throws -> Fact {
    guard var shape = fact.shape else { return Fact(type: fact.type, shape: nil) }
    shape.remove(at: try ShapeFacts.axis(axis, rank: shape.count))
    return Fact(type: fact.type, shape: shape)
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    var length: Dim = .unknown
    for (i, course) in reading.enumerated() {
      guard let shape = inputs.optional(stateCount + i)?.shape else { continue }
      let extent = shape[try ShapeFacts.axis(course.axis, rank: shape.count)]
      length = try ShapeFacts.unified(length, extent, "the scanned axes")
    }
    let facts = body.outputFacts
    let state = (0..<stateCount).map { i in
      facts[i].either(inputs.optional(i)?.withoutContents ?? Fact(type: nil, shape: nil))
    }
    let stacked = try zip(facts.dropFirst(stateCount), writing).map { fact, course in
      guard var shape = fact.shape else { return Fact(type: fact.type, shape: nil) }
      shape.insert(length, at: try ShapeFacts.axis(course.axis, rank: shape.count + 1))
      return Fact(type: fact.type, shape: shape)
    }
    return state + stacked
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    var state = Array(inputs[..<stateCount])
    var scanned: [Tensor] = []
    for i in reading.indices { scanned.append(try Operand.tensor(inputs, stateCount + i, "scan inputs")) }
    let captures = Array(inputs[(stateCount + reading.count)...])
    for i in 0..<stateCount { inputs[i] = nil }
    let stacks = try run(&state, scanned, captures, context)
    let final = try state.map { value in
      guard let value else { throw GraphError(.invalidInput, "a state value is missing") }
      return value
    }
    return try final
      + zip(stacks, writing).enumerated().map { i, pair in
        pair.0.isEmpty
          ? try Stack.empty(body.outputFacts[stateCount + i], axis: pair.1.axis)
          : try Stack.join(pair.0, axis: pair.1.axis, reversed: pair.1.isReversed, context)
      }
  }

  /// Scans; what the body gives beside the state comes back entry by entry.
  private func run(
    _ state: inout [Value?], _ scanned: [Tensor], _ captures: [Value?], _ context: EvaluationContext
  ) throws -> [[Value]] {
    var length: Int?
    for (tensor, course) in zip(scanned, reading) {
      let extent = tensor.shape[try Operand.axis(course.axis, rank: tensor.shape.rank)]
      guard length == nil || length == extent else {
        throw GraphError(.invalidInput, "the scanned axes have extents \(length ?? 0) and \(extent)")
      }
      length = extent
    }
    let count = length ?? 0
    var stacks = [[Value]](repeating: [], count: writing.count)
    for turn in 0..<count {
      var arguments = state
      state = []
      for (tensor, course) in zip(scanned, reading) {
        let at = Tensor(scalar: Int64(course.isReversed ? count - 1 - turn : turn))
        var pair: [Value?] = [.tensor(tensor), .tensor(at)]
        arguments.append(try Gather(axis: course.axis).evaluate(&pair, context)[0])
      }
      let results = try body.run(arguments + captures, context)
      state = results[..<stateCount].map { $0 }
      for i in stacks.indices { stacks[i].append(results[stateCount + i]) }
    }
    return stacks
  }

  /// `Scan` of opset 8: a batch of scans over axis 1, each as long as input 0 says. Inputs: the lengths (optional), the
  /// state, the scanned tensors, what the body reads from outside; the first axis of all but the last is the batch.
  public struct Batched: Operator {
    private var scan: Scan

    public init(_ scan: Scan) { self.scan = scan }

    public var name: String { "Scan" }
    public var isPure: Bool { scan.isPure }
    public var subgraphs: [Graph] { scan.subgraphs }
    public func addHeld(to memory: inout HeldMemory) { scan.addHeld(to: &memory) }

    public func specialized(
      _ inputs: [Fact?], _ constants: Constants
    ) throws -> (operator: any Operator, kept: [Int])? {
      var settled = self
      settled.scan.body = try scan.body.settled(in: constants.part("body"))
      return (settled, Array(inputs.indices))
    }

    public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
      let scanned = inputs.optional(1 + scan.stateCount)
      let axes = (0..<2).map { scanned?.extent($0) ?? .unknown }
      return scan.body.outputFacts.enumerated().map { i, fact in
        let lead = i < scan.stateCount ? [axes[0]] : axes
        return Fact(type: fact.type, shape: fact.shape.map { lead + $0 })
      }
    }

    public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
      let counts = (state: scan.stateCount, scanned: scan.reading.count)
      var batched: [Tensor] = []
      for i in 0..<(counts.state + counts.scanned) { batched.append(try Operand.tensor(inputs, 1 + i, "inputs")) }
      guard let first = batched.last, first.shape.rank >= 2, first.shape[0] > 0 else {
        throw GraphError(.invalidInput, "scan inputs must have a batch axis and a sequence axis")
      }
      let (batch, longest) = (first.shape[0], first.shape[1])
      let lengths =
        try Operand.optionalTensor(inputs, 0, "sequence_lens").map { try Operand.integers($0, "sequence_lens") }
        ?? [Int](repeating: longest, count: batch)
      guard lengths.count == batch, lengths.allSatisfy({ $0 >= 0 && $0 <= longest }),
        batched.allSatisfy({ $0.shape.rank >= 1 && $0.shape[0] == batch })
      else {
        throw GraphError(.invalidInput, "sequence_lens \(lengths) for scan inputs of shape \(first.shape)")
      }
      let captures = Array(inputs[(1 + batched.count)...])
      var outputs = [[Value]](repeating: [], count: counts.state + scan.writing.count)
      for entry in 0..<batch {
        let own = try batched.map { tensor in
          try tensor.rows(entry..<(entry + 1)).viewed(Shape(Array(tensor.shape.dims.dropFirst())))
        }
        var state: [Value?] = own[..<counts.state].map { .tensor($0) }
        let scanned = try own[counts.state...].map { try $0.rows(0..<lengths[entry]) }
        let stacks = try scan.run(&state, scanned, captures, context)
        for (i, value) in state.enumerated() { if let value { outputs[i].append(value) } }
        for (i, stack) in stacks.enumerated() {
          let whole =
            stack.isEmpty
            ? try Stack.empty(scan.body.outputFacts[counts.state + i])
            : try Stack.join(stack, axis: 0, reversed: false, context)
          let rank = whole.tensor?.shape.rank ?? 1
          var ends = [Int64](repeating: 0, count: 2 * rank)
          ends[rank] = Int64(longest - lengths[entry])
          var padded: [Value?] = [whole, .tensor(Tensor(ends))]
          outputs[counts.state + i].append(try Pad(mode: .constant).evaluate(&padded, context)[0])
        }
      }
      return try outputs.map { try Stack.join($0, axis: 0, reversed: false, context) }
    }
  }
}
