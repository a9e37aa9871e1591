public import TensorCore

/// Attention through a matrix that each head carries from place to place, without a softmax (`LinearAttention` of the
/// ONNX standard; the gated delta rule: Yang et al., Gated Delta Networks, 2024).
///
/// Inputs: queries `[batch, length, queryHeads * dk]`, keys `[batch, length, heads * dk]`, values
/// `[batch, length, heads * dv]`, optionally the state `[batch, heads, dk, dv]` that an earlier run left (zeros without),
/// the logarithm of the decay `[batch, length, heads or heads * dk]` and the rate of updates `[batch, length, heads or 1]`.
/// Outputs: `[batch, length, queryHeads * dv]` and the state. With the state S, at each place
/// `S = exp(decay) S; S += key ⊗ rate (value - Sᵀ key); output = scale Sᵀ query`; without the delta rule
/// `S += key ⊗ value`.
public struct LinearAttention: Operator {
  public var queryHeads: Int
  public var heads: Int
  /// nil: `1 / sqrt(dk)`.
  public var scale: Float?
  /// True: the state decays.
  public var isGated: Bool
  /// True: what the state already gives for a key is replaced.
  public var isDelta: Bool

  public var name: String { "LinearAttention" }
  public var attributes: [(name: String, value: String)] {
    [("heads", "\(queryHeads)/\(heads)"), ("gated", "\(isGated)"), ("delta", "\(isDelta)")]
  }

  public init(queryHeads: Int, heads: Int, scale: Float?, isGated: Bool, isDelta: Bool) {
    self.queryHeads = queryHeads
    self.heads = heads
    self.scale = scale
    self.isGated = isGated
    self.isDelta = isDelta
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let labels = ["query", "key", "value"]
    let packed = try labels.indices.map { try Operand.fact(inputs, $0, labels[$0]) }
    let past = try Operand.optionalFact(inputs, 3, "past_state")
    let decay = try Operand.optionalFact(inputs, 4, "decay")
    let rate = try Operand.optionalFact(inputs, 5, "beta")
    guard heads > 0, queryHeads > 0, queryHeads % heads == 0, queryHeads < 1 << 30 else {
      throw GraphError(.invalidModel, "\(queryHeads) query heads must be a positive multiple of \(heads) key heads")
    }
    guard (decay != nil) == isGated, (rate != nil) == isDelta else {
      throw GraphError(.invalidModel, "decay must be given exactly for gated rules, and beta exactly for delta rules")
    }
    let type = packed[0].type
    if let dtype = type?.dtype, !dtype.isReal { throw Operand.unsupported(dtype, "floating-point numbers") }
    if let dtype = past?.dtype, !dtype.isReal { throw Operand.unsupported(dtype, "floating-point numbers") }
    for other in [packed[1], packed[2], decay, rate] { try Operand.sameType(type?.dtype, other?.dtype) }
    for (label, fact) in zip(labels + ["decay", "beta"], packed + [decay, rate]) {
      guard let shape = fact?.shape else { continue }
      let places = zip(shape, packed[0].shape ?? shape).prefix(2)
      guard shape.count == 3, !places.contains(where: { $0.isProvablyDifferent(from: $1) }) else {
        throw GraphError(.invalidModel, "\(label) must have shape BxTx(heads*size) and has shape \(shape.text)")
      }
    }
    func size(_ index: Int, _ count: Int) throws -> Dim {
      guard let packed = packed[index].shape?[2] else { return .unknown }
      let size = packed.divided(exactlyBy: Dim(count))
      if packed.value != nil, size == nil {
        throw GraphError(.invalidModel, "\(labels[index]) of \(packed) elements does not divide into \(count) heads")
      }
      return size ?? .unknown
    }
    let (dk, own, dv) = (try size(0, queryHeads), try size(1, heads), try size(2, heads))
    guard !dk.isProvablyDifferent(from: own) else {
      throw GraphError(.invalidModel, "queries of size \(dk) do not fit keys of size \(own)")
    }
    let first = packed[0].shape ?? packed[1].shape ?? packed[2].shape ?? [.unknown, .unknown]
    let state = [first[0], Dim(heads), dk, dv]
    if let p = past?.shape, p.count != 4 || zip(p, state).contains(where: { $0.isProvablyDifferent(from: $1) }) {
      throw GraphError(.invalidModel, "past_state must have shape \(state.text) and has shape \(p.text)")
    }
    return [
      Fact(type: type, shape: [first[0], first[1], dv * Dim(queryHeads)]), Fact(type: past?.type ?? type, shape: state),
    ]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let query = try Operand.tensor(inputs, 0, "query")
    let key = try Operand.tensor(inputs, 1, "key")
    let value = try Operand.tensor(inputs, 2, "value")
    let past = try Operand.optional(inputs, 3, "past_state")
    let decay = try Operand.optional(inputs, 4, "decay")
    let rate = try Operand.optional(inputs, 5, "beta")
    for tensor in [query, key, value, decay, rate].compactMap({ $0 }) {
      guard tensor.shape.rank == 3, tensor.shape[0] == query.shape[0], tensor.shape[1] == query.shape[1] else {
        throw GraphError(.invalidInput, "an input of shape \(tensor.shape) does not fit queries of \(query.shape)")
      }
    }
    let (batch, length) = (query.shape[0], query.shape[1])
    guard heads > 0, queryHeads > 0, query.shape[2] % queryHeads == 0, value.shape[2] % heads == 0 else {
      throw GraphError(
        .invalidInput, "\(query.shape) and \(value.shape) do not divide into \(queryHeads)/\(heads) heads")
    }
    let (dk, dv) = (query.shape[2] / queryHeads, value.shape[2] / heads)
    guard Shape([dk, heads]).checkedElementCount == key.shape[2],
      past.map({ $0.shape.dims == [batch, heads, dk, dv] }) ?? true,
      decay.map({ $0.shape[2] == heads || $0.shape[2] == heads * dk }) ?? !isGated,
      rate.map({ $0.shape[2] == heads || $0.shape[2] == 1 }) ?? !isDelta
    else {
      throw GraphError(
        .invalidInput, "key of \(key.shape), past_state, decay or beta do not fit \(heads) heads of sizes \(dk), \(dv)")
    }
    let shape: Shape = [batch, length, queryHeads &* dv]
    guard Shape([batch, length, queryHeads, dv]).checkedElementCount != nil else {
      throw GraphError(.limit, "an output of \(queryHeads) heads of \(dv) elements is too large")
    }
    let stateShape: Shape = [batch, heads, dk, dv]
    var state =
      try past.map { try Numbers.read($0) }
      ?? [Double](repeating: 0, count: try Numbers.count(stateShape))
    var out = [Double](repeating: 0, count: try Numbers.count(shape))
    let (q, k, v) = (try Numbers.read(query), try Numbers.read(key), try Numbers.read(value))
    let gates = isGated ? try decay.map { try Numbers.read($0).map(Double.exp) } : nil
    let rates = isDelta ? try rate.map { try Numbers.read($0) } : nil
    let factor = scale.map { Double($0) } ?? 1 / Double(dk).squareRoot()
    var added = [Double](repeating: 0, count: dv)
    for b in 0..<(out.isEmpty ? 0 : batch) {
      for t in 0..<length {
        let place = b * length + t
        for h in 0..<heads {
          let start = (b * heads + h) * dk * dv
          let ks = (place * heads + h) * dk
          for m in 0..<dv { added[m] = v[(place * heads + h) * dv + m] }
          if let gates, let width = decay?.shape[2] {
            for d in 0..<dk {
              let gate = gates[width == heads ? place * heads + h : ks + d]
              for m in 0..<dv { state[start + d * dv + m] *= gate }
            }
          }
          if let rates, let width = rate?.shape[2] {
            let r = rates[width == 1 ? place : place * heads + h]
            for d in 0..<dk { for m in 0..<dv { added[m] -= state[start + d * dv + m] * k[ks + d] } }
            for m in 0..<dv { added[m] *= r }
          }
          for d in 0..<dk { for m in 0..<dv { state[start + d * dv + m] += k[ks + d] * added[m] } }
          let shared = queryHeads / heads
          for own in (h * shared)..<((h + 1) * shared) {
            let qs = (place * queryHeads + own) * dk
            let to = (place * queryHeads + own) * dv
            for d in 0..<dk {
              let weight = q[qs + d] * factor
              for m in 0..<dv { out[to + m] += weight * state[start + d * dv + m] }
            }
          }
        }
      }
    }
    return [
      try Numbers.write(out, query.dtype, shape, context),
      try Numbers.write(state, past?.dtype ?? query.dtype, stateShape, context),
    ]
  }
}
