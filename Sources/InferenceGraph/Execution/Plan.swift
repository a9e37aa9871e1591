public import TensorCore

/// A graph made ready to run: steps in order, a register for every value, and which registers die where.
public struct Plan: Sendable {
  struct Step: Sendable {
    var name: String
    var op: any Operator
    /// Registers read; -1: an optional input that is not given.
    var inputs: [Int]
    /// By input position: this step is the last to read the register.
    var dies: [Bool]
    /// Registers written; -1: nobody reads this output.
    var outputs: [Int]
  }

  let steps: [Step]
  let registerCount: Int
  /// Registers that hold constants, with their values.
  let constants: [(register: Int, value: Value)]
  let inputs: [Int]
  let outputs: [Int]
  private let isConstantRegister: [Bool]

  /// Orders and specialises `graph`; what is made of its constants is made in `place`. A graph that nobody else holds gives
  /// its constants up as what is made of them takes their place.
  ///
  /// - Throws: `GraphError` when an operator refuses its constants.
  public init(_ graph: consuming Graph, _ place: Constants = .inMemory) throws {
    var steps: [Step] = []
    var used = Set<Int>(graph.outputs.map(\.index))
    var uses = graph.useCounts()
    for (index, node) in graph.nodes.enumerated() {
      var op = node.operator
      var inputs = node.inputs
      let facts = inputs.map { $0.map { graph.fact($0) } }
      do {
        if let special = try op.specializedInPlace(facts, place.part("\(index) \(node.name)")) {
          op = special.operator
          for (position, id) in inputs.enumerated() where !special.kept.contains(position) {
            guard let id else { continue }
            uses[id.index] -= 1
            if uses[id.index] == 0 { graph.values[id.index].fact.constant = nil }
          }
          inputs = special.kept.map { inputs[$0] }
        }
      } catch {
        throw GraphError.wrapping(error, node: "\(node.operator.name) node \"\(node.name)\"")
      }
      for id in inputs { if let id { used.insert(id.index) } }
      steps.append(
        Step(
          name: node.name, op: op, inputs: inputs.map { $0?.index ?? -1 },
          dies: [Bool](repeating: false, count: inputs.count), outputs: node.outputs.map(\.index)))
    }
    var keep = Set(graph.outputs.map(\.index))
    var constants: [(register: Int, value: Value)] = []
    for (index, slot) in graph.values.enumerated() where used.contains(index) {
      if let value = slot.fact.constant {
        constants.append((index, value.settled(in: place, as: "value \(index)")))
        keep.insert(index)
      }
    }
    var seen = keep
    for i in steps.indices.reversed() {
      steps[i].outputs = steps[i].outputs.map { used.contains($0) ? $0 : -1 }
      for (p, register) in steps[i].inputs.enumerated().reversed() where register >= 0 {
        if seen.insert(register).inserted { steps[i].dies[p] = true }
      }
    }
    self.steps = steps
    self.constants = constants
    registerCount = graph.values.count
    inputs = graph.inputs.map(\.index)
    outputs = graph.outputs.map(\.index)
    isConstantRegister = graph.values.indices.map { graph.values[$0].fact.constant != nil }
  }

  func isConstant(_ register: Int) -> Bool { isConstantRegister[register] }

  /// Counts the memory of the constants: those in registers and those that operators hold.
  public func addHeld(to memory: inout HeldMemory) {
    for (_, value) in constants { memory.add(value) }
    for step in steps { step.op.addHeld(to: &memory) }
  }

  /// Bytes of constants: those in registers and those that operators hold.
  public var constantBytes: Int {
    var memory = HeldMemory()
    addHeld(to: &memory)
    return memory.totalBytes
  }

  /// Bytes that the plan itself takes, about.
  var ownBytes: Int { steps.count * 512 + registerCount * 64 }

  /// The names of the operators that run, in order.
  public var operatorNames: [String] { steps.map(\.op.name) }
}
