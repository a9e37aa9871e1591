import Kernels
public import TensorCore

/// Attention without softmax, as a recurrence over a state of `[size of keys, size of values]` a head. ONNX
/// `LinearAttention`.
///
/// Each place first lets the state decay (gated rules), then writes `k ⊗ v` (delta rules: `beta * k ⊗ (v - Sᵀk)`), then
/// reads `scale * qᵀS`. Inputs: query `[batch, length, queryHeads * dk]`, key `[batch, length, keyHeads * dk]`, value
/// `[batch, length, keyHeads * dv]`, past state `[batch, keyHeads, dk, dv]` (absent: zeros), the decay's logarithm
/// `[batch, length, keyHeads]` or `[..., keyHeads * dk]`, beta `[batch, length, keyHeads]` or `[batch, length, 1]`.
/// Outputs: `[batch, length, queryHeads * dv]` and the state, of the past state's type. Computed in `float32`.
public struct LinearAttention: Operator {
  /// How a place changes the state.
  public enum Rule: String, Sendable, CaseIterable {
    case linear, gated, delta
    case gatedDelta = "gated_delta"

    var decays: Bool { self == .gated || self == .gatedDelta }
    var corrects: Bool { self == .delta || self == .gatedDelta }
  }

  public var rule: Rule
  public var queryHeads: Int
  public var keyHeads: Int
  /// nil: the reciprocal root of the keys' size.
  public var scale: Float?

  public var name: String { "LinearAttention" }
  public var attributes: [(name: String, value: String)] {
    [("rule", rule.rawValue), ("queryHeads", "\(queryHeads)"), ("keyHeads", "\(keyHeads)")]
  }

  /// - Throws: `GraphError` when the heads of queries do not divide among those of keys.
  public init(rule: Rule, queryHeads: Int, keyHeads: Int, scale: Float?) throws {
    guard queryHeads > 0, keyHeads > 0, queryHeads < 1 << 30, queryHeads % keyHeads == 0 else {
      throw GraphError(.invalidModel, "\(queryHeads) query heads are no multiple of \(keyHeads) key heads")
    }
    self.rule = rule
    self.queryHeads = queryHeads
    self.keyHeads = keyHeads
    self.scale = scale
  }

  private static let labels = ["query", "key", "value", "past_state", "decay", "beta"]

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let query = try Operand.fact(inputs, 0, "query")
    let key = try Operand.fact(inputs, 1, "key")
    let value = try Operand.fact(inputs, 2, "value")
    let past = try Operand.optionalFact(inputs, 3, "past_state")
    if let dtype = query.dtype, !dtype.isReal { throw Operand.unsupported(dtype, "floating-point numbers") }
    for (index, isUsed) in [(4, rule.decays), (5, rule.corrects)] {
      let isGiven = try Operand.optionalFact(inputs, index, Self.labels[index]) != nil
      if isGiven != isUsed {
        let verb = isUsed ? "needs" : "takes no"
        throw GraphError(.invalidModel, "update rule \"\(rule.rawValue)\" \(verb) input \(Self.labels[index])")
      }
    }
    for (index, label) in Self.labels.enumerated() where index != 3 {
      if let shape = try Operand.optionalFact(inputs, index, label)?.shape, shape.count != 3 {
        throw GraphError(.invalidModel, "\(label) must have rank 3 and has shape \(shape.text)")
      }
    }
    func size(_ fact: Fact, _ heads: Int) -> Dim { fact.extent(2)?.divided(exactlyBy: Dim(heads)) ?? .unknown }
    let width = size(value, keyHeads)
    let batch = query.extent(0) ?? .unknown
    let state = past?.shape ?? [batch, Dim(keyHeads), size(key, keyHeads), width]
    return [
      Fact(type: query.type, shape: [batch, query.extent(1) ?? .unknown, Dim(queryHeads) * width]),
      Fact(type: past?.type ?? query.type, shape: state),
    ]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let query = try Operand.tensor(inputs, 0, "query")
    let key = try Operand.tensor(inputs, 1, "key")
    let value = try Operand.tensor(inputs, 2, "value")
    let past = try Operand.optional(inputs, 3, "past_state")
    let decay = rule.decays ? try Operand.tensor(inputs, 4, "decay") : nil
    let beta = rule.corrects ? try Operand.tensor(inputs, 5, "beta") : nil
    let given = [query, key, value] + [decay, beta].compactMap { $0 }
    guard given.allSatisfy({ $0.shape.rank == 3 && $0.shape[0] == query.shape[0] && $0.shape[1] == query.shape[1] }),
      query.shape[2] % queryHeads == 0, key.shape[2] % keyHeads == 0, value.shape[2] % keyHeads == 0,
      query.shape[2] / queryHeads == key.shape[2] / keyHeads
    else {
      throw GraphError(
        .invalidInput,
        "inputs of shapes \(given.map(\.shape.description)) do not fit \(queryHeads) and \(keyHeads) heads")
    }
    let (batch, length) = (query.shape[0], query.shape[1])
    let (size, width) = (key.shape[2] / keyHeads, value.shape[2] / keyHeads)
    let stateShape: Shape = [batch, keyHeads, size, width]
    if let past, past.shape != stateShape {
      throw GraphError(.invalidInput, "past_state of shape \(past.shape) must have shape \(stateShape)")
    }
    if let decay, decay.shape[2] != keyHeads, decay.shape[2] != key.shape[2] {
      throw GraphError(.invalidInput, "decay of shape \(decay.shape) fits neither \(keyHeads) heads nor their keys")
    }
    if let beta, beta.shape[2] != keyHeads, beta.shape[2] != 1 {
      throw GraphError(.invalidInput, "beta of shape \(beta.shape) fits neither \(keyHeads) heads nor 1")
    }
    let state = try context.allocate(.float32, stateShape)
    let to = state.unsafeMutableElements(of: Float.self)
    if let past {
      let from = try Recurrent.converted(past, Float.self)
      for (i, x) in from.unsafeElements(of: Float.self).enumerated() { to[i] = x }
    } else {
      to.update(repeating: 0)
    }
    let y = try context.allocate(.float32, [batch, length, queryHeads &* width])
    let run = LinearAttentionRun(
      rule: rule, length: length, size: size, width: width, queryHeads: queryHeads, keyHeads: keyHeads,
      scale: scale ?? 1 / Float(size).squareRoot(), query: try Recurrent.converted(query, Float.self),
      key: try Recurrent.converted(key, Float.self), value: try Recurrent.converted(value, Float.self),
      decay: try decay.map { try Recurrent.converted($0, Float.self) },
      beta: try beta.map { try Recurrent.converted($0, Float.self) }, state: state, y: y)
    context.interruptibleFor(batch &* keyHeads, grain: 1) { lower, upper in
      for plane in lower..<upper { run.run(batch: plane / keyHeads, head: plane % keyHeads) }
    }
    return [
      .tensor(try Recurrent.restored(y, query.dtype, context)),
      .tensor(try Recurrent.restored(state, past?.dtype ?? query.dtype, context)),
    ]
  }
}

/// One run; all tensors are `float32`. A plane (a sample's head of keys) touches its own part of `state` and `y` only.
private struct LinearAttentionRun {
  let rule: LinearAttention.Rule
  let length: Int, size: Int, width: Int
  let queryHeads: Int, keyHeads: Int
  let scale: Float
  let query: Tensor, key: Tensor, value: Tensor
  let decay: Tensor?, beta: Tensor?
  let state: Tensor, y: Tensor

  func run(batch: Int, head: Int) {
    let q = query.unsafeElements(of: Float.self)
    let k = key.unsafeElements(of: Float.self)
    let v = value.unsafeElements(of: Float.self)
    let s = UnsafeMutableBufferPointer(
      rebasing: state.unsafeMutableElements(of: Float.self)[
        (batch &* keyHeads &+ head) &* size &* width..<(batch &* keyHeads &+ head &+ 1) &* size &* width])
    let out = y.unsafeMutableElements(of: Float.self)
    let group = queryHeads / keyHeads
    var written = [Float](repeating: 0, count: width)
    for t in 0..<length {
      let place = batch &* length &+ t
      let keys = (place &* keyHeads &+ head) &* size
      let values = (place &* keyHeads &+ head) &* width
      if let decay { fade(s, decay, place, head) }
      for m in 0..<width { written[m] = v[values &+ m] }
      if let beta {
        let isShared = beta.shape[2] == 1
        let rate = beta.unsafeElements(of: Float.self)[isShared ? place : place &* keyHeads &+ head]
        for m in 0..<width {
          var held: Float = 0
          for i in 0..<size { held += s[i &* width &+ m] * k[keys &+ i] }
          written[m] = rate * (written[m] - held)
        }
      }
      for i in 0..<size {
        for m in 0..<width { s[i &* width &+ m] += k[keys &+ i] * written[m] }
      }
      for g in 0..<group {
        let at = place &* queryHeads &+ head &* group &+ g
        for m in 0..<width {
          var sum: Float = 0
          for i in 0..<size { sum += q[at &* size &+ i] * s[i &* width &+ m] }
          out[at &* width &+ m] = scale * sum
        }
      }
    }
  }

  private func fade(_ s: UnsafeMutableBufferPointer<Float>, _ decay: Tensor, _ place: Int, _ head: Int) {
    let logs = decay.unsafeElements(of: Float.self)
    let isPerHead = decay.shape[2] == keyHeads
    let at = place &* keyHeads &+ head
    for i in 0..<size {
      let factor = Float.exp(logs[isPerHead ? at : at &* size &+ i])
      for m in 0..<width { s[i &* width &+ m] *= factor }
    }
  }
}
