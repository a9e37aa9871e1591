public import Kernels
import Synchronization
public import TensorCore

/// Runs a plan. Any number of runs may be under way at once; each has registers and an arena of its own, kept for reuse.
public final class Session: Sendable {
  public let plan: Plan
  public let pool: ComputePool
  private let idle = Mutex<[Box]>([])

  /// Invariant that makes it `Sendable`: a state is in `idle`, or owned by one run.
  private struct Box: @unchecked Sendable {
    var state: RunState
  }

  private final class RunState {
    var registers: [Value?]
    let context: EvaluationContext

    init(_ plan: Plan, _ pool: ComputePool) {
      registers = [Value?](repeating: nil, count: plan.registerCount)
      for (register, value) in plan.constants { registers[register] = value }
      context = EvaluationContext(pool: pool, arena: Arena())
    }
  }

  public init(_ plan: Plan, pool: ComputePool = .inline) {
    self.plan = plan
    self.pool = pool
  }

  /// Counts the memory of the plan's constants, the plan itself, and the buffers that finished runs keep for the next.
  public func addHeld(to memory: inout HeldMemory) {
    plan.addHeld(to: &memory)
    memory.add(privateBytes: plan.ownBytes + idle.withLock { $0.reduce(0) { $0 + $1.state.context.arena.heldBytes } })
  }

  /// Runs the graph on `inputs` (in graph order; nil where an input has no value) and returns its outputs.
  ///
  /// - Parameter deadline: when the run must have ended. It is looked at around every node, those of loops' bodies too, and within
  ///   nodes of which an output element may take long (`EvaluationContext.interruptibleFor`).
  /// - Throws: `GraphError` with the node named; with the code `deadline` where that passed.
  public func run(
    _ inputs: [Value?], until deadline: ContinuousClock.Instant? = nil, profile: Profile? = nil
  ) throws -> [Value] {
    try run(inputs, until: deadline, profile: profile, context: nil)
  }

  /// Runs the graph as a part of another run, whose threads and memory it shares.
  func run(_ inputs: [Value?], within context: EvaluationContext) throws -> [Value] {
    try run(inputs, until: nil, profile: nil, context: context)
  }

  private func run(
    _ inputs: [Value?], until deadline: ContinuousClock.Instant?, profile: Profile?, context outer: EvaluationContext?
  ) throws -> [Value] {
    let state = idle.withLock { $0.popLast() }?.state ?? RunState(plan, pool)
    defer {
      for register in plan.inputs { state.registers[register] = nil }
      idle.withLock { if $0.count < 64 { $0.append(Box(state: state)) } }
    }
    let context = outer ?? state.context
    if outer == nil { context.deadline = deadline }
    for (register, value) in zip(plan.inputs, inputs) { state.registers[register] = value }
    do {
      for (index, step) in plan.steps.enumerated() {
        try context.checkDeadline()
        let started = profile?.now() ?? 0
        try run(step, state, context)
        profile?.record(index, started)
      }
      try context.checkDeadline()
    } catch {
      state.registers = RunState(plan, pool).registers
      throw error
    }
    var outputs: [Value] = []
    outputs.reserveCapacity(plan.outputs.count)
    for register in plan.outputs {
      guard let value = state.registers[register] else {
        throw GraphError(.invalidModel, "an output was never computed")
      }
      outputs.append(value)
    }
    for register in plan.outputs where !plan.isConstant(register) { state.registers[register] = nil }
    return outputs
  }

  private func run(_ step: Plan.Step, _ state: RunState, _ context: EvaluationContext) throws {
    var inputs: [Value?] = []
    inputs.reserveCapacity(step.inputs.count)
    for (position, register) in step.inputs.enumerated() {
      if register < 0 {
        inputs.append(nil)
      } else {
        inputs.append(state.registers[register])
        if step.dies[position] { state.registers[register] = nil }
      }
    }
    let outputs: [Value]
    do {
      outputs = try step.op.evaluate(&inputs, context)
    } catch {
      throw GraphError.wrapping(error, node: "\(step.op.name) node \"\(step.name)\"")
    }
    for (register, value) in zip(step.outputs, outputs) {
      if register >= 0 { state.registers[register] = value } else { context.arena.recycle(value) }
    }
    for position in inputs.indices.reversed() where step.dies[position] {
      if let value = inputs[position].take() { context.arena.recycle(value) }
    }
  }
}
