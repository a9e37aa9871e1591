import Kernels
public import TensorCore

/// Scaled dot-product attention: `softmax(scale * Q Kᵀ (capped) + bias) V`, heads of Q sharing those of K and V in groups.
///
/// Inputs: Q, K, V, then optionally mask (bool, or numbers that are added), past key, past value, and the number of valid
/// keys of each sample. Q, K, V are `[batch, heads, length, size]`, or `[batch, length, heads*size]` with the numbers of
/// heads given. Outputs: Y, present key, present value, and where asked for an intermediate score.
public struct Attention: Operator {
  /// Which score the fourth output is.
  public enum Score: Int, Sendable, Hashable { case product, capped, biased, probability }

  public var scale: Float?
  public var softcap: Float
  public var isCausal: Bool
  /// Keys before and after a query's own place that it sees; nil: all.
  public var window: (left: Int?, right: Int?)
  public var queryHeads: Int?
  public var keyHeads: Int?
  public var score: Score?

  public var name: String { "Attention" }
  public var attributes: [(name: String, value: String)] {
    [("causal", "\(isCausal)"), ("softcap", "\(softcap)"), ("scale", scale.map { "\($0)" } ?? "1/sqrt(size)")]
  }

  public init(
    scale: Float? = nil, softcap: Float = 0, isCausal: Bool = false, window: (left: Int?, right: Int?) = (nil, nil),
    queryHeads: Int? = nil, keyHeads: Int? = nil, score: Score? = nil
  ) {
    self.scale = scale
    self.softcap = softcap
    self.isCausal = isCausal
    self.window = window
    self.queryHeads = queryHeads
    self.keyHeads = keyHeads
    self.score = score
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let q = try Operand.fact(inputs, 0, "Q")
    let k = try Operand.fact(inputs, 1, "K")
    let v = try Operand.fact(inputs, 2, "V")
    if let dtype = q.dtype, !dtype.isReal { throw Operand.unsupported(dtype, "floating-point numbers") }
    let past = try Operand.optionalFact(inputs, 4, "past_key")?.shape
    var y: [Dim]?
    var key: [Dim]?
    var value: [Dim]?
    var scores: [Dim]?
    if let qs = q.shape, let ks = k.shape, let vs = v.shape {
      guard qs.count == ks.count, ks.count == vs.count,
        qs.count == 4 || (qs.count == 3 && queryHeads != nil && keyHeads != nil)
      else {
        throw GraphError(
          .invalidModel,
          "Q, K, V of shapes \(qs.text), \(ks.text), \(vs.text) must have rank 4, or 3 with both head counts")
      }
      let wide = qs.count == 4
      let heads = wide ? qs[1] : Dim(queryHeads ?? 1)
      let groups = wide ? ks[1] : Dim(keyHeads ?? 1)
      let length = wide ? qs[2] : qs[1]
      let own = wide ? ks[2] : ks[1]
      let total = past.map { own + ($0.count == 4 ? $0[2] : .unknown) } ?? own
      let size = wide ? ks[3] : ks[2].divided(exactlyBy: groups) ?? .unknown
      let width = wide ? vs[3] : vs[2].divided(exactlyBy: groups) ?? .unknown
      y = wide ? [qs[0], heads, length, width] : [qs[0], length, heads * width]
      key = [qs[0], groups, total, size]
      value = [qs[0], groups, total, width]
      scores = [qs[0], heads, length, total]
    }
    var out = [Fact(type: q.type, shape: y), Fact(type: k.type, shape: key), Fact(type: v.type, shape: value)]
    if score != nil { out.append(Fact(type: q.type, shape: scores)) }
    return out
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let given = try Operand.tensor(inputs, 0, "Q")
    let q = try heads(given, queryHeads, "Q")
    var k = try heads(Operand.tensor(inputs, 1, "K"), keyHeads, "K")
    var v = try heads(Operand.tensor(inputs, 2, "V"), keyHeads, "V")
    let pastKey = try Operand.optional(inputs, 4, "past_key")
    let pastValue = try Operand.optional(inputs, 5, "past_value")
    if let pastKey { k = try joined(pastKey, k, "past_key") }
    if let pastValue { v = try joined(pastValue, v, "past_value") }
    guard q.dims[0] == k.dims[0], k.dims[0] == v.dims[0], k.dims[1] == v.dims[1], k.dims[2] == v.dims[2],
      q.dims[3] == k.dims[3], k.dims[1] > 0, q.dims[1] % k.dims[1] == 0
    else {
      throw GraphError(.invalidInput, "Q, K, V of shapes \(q.dims), \(k.dims), \(v.dims) do not fit each other")
    }
    var valid: [Int]?
    if let lengths = try Operand.optional(inputs, 6, "nonpad_kv_seqlen") {
      guard let values = lengths.integers, values.count == q.dims[0], values.allSatisfy({ $0 >= 0 && $0 < 1 << 40 })
      else {
        throw GraphError(.invalidInput, "nonpad_kv_seqlen must be \(q.dims[0]) lengths")
      }
      valid = values
    }
    let pastLength = pastKey.map { $0.shape[2] } ?? 0
    let bias = try AttentionBias(
      mask: Operand.optional(inputs, 3, "attn_mask"), shape: [q.dims[0], q.dims[1], q.dims[2], k.dims[2]],
      isCausal: isCausal, window: window, pastLength: pastLength, valid: pastKey == nil ? valid : nil, limit: valid)
    let result = compute(q, k, v, bias, context.pool)
    let (batch, count, length, width) = (q.dims[0], q.dims[1], q.dims[2], v.dims[3])
    var y = result.y
    var shape: Shape = [batch, count, length, width]
    if given.shape.rank == 3 {
      y = Attention.swapped(y, [batch, count, length, width])
      shape = [batch, length, count * width]
    }
    func value(_ elements: [Float], _ dtype: DType, _ shape: Shape) throws -> Value {
      let out = Tensor(uninitialized: .float32, shape)
      let to = out.unsafeMutableElements(of: Float.self)
      for i in 0..<Swift.min(to.count, elements.count) { to[i] = elements[i] }
      return .tensor(try Recurrent.restored(out, dtype, context))
    }
    var outputs = [
      try value(y, given.dtype, shape), try value(k.elements, k.dtype, Shape(k.dims)),
      try value(v.elements, v.dtype, Shape(v.dims)),
    ]
    if score != nil { outputs.append(try value(result.scores, given.dtype, [batch, count, length, k.dims[2]])) }
    return outputs
  }

  /// Elements in order batch, head, place, component.
  struct Heads {
    var elements: [Float]
    var dims: [Int]
    var dtype: DType
  }

  private func floats(_ tensor: Tensor) throws -> [Float] {
    try Recurrent.converted(tensor, Float.self).array(of: Float.self) ?? []
  }

  private func heads(_ tensor: Tensor, _ count: Int?, _ what: String) throws -> Heads {
    let elements = try floats(tensor)
    if tensor.shape.rank == 4 { return Heads(elements: elements, dims: tensor.shape.dims, dtype: tensor.dtype) }
    guard tensor.shape.rank == 3, let count, count > 0, tensor.shape[2] % count == 0 else {
      throw GraphError(.invalidInput, "\(what) of shape \(tensor.shape) does not divide into \(count ?? 0) heads")
    }
    let (batch, length, size) = (tensor.shape[0], tensor.shape[1], tensor.shape[2] / count)
    return Heads(
      elements: Attention.swapped(elements, [batch, length, count, size]), dims: [batch, count, length, size],
      dtype: tensor.dtype)
  }

  /// Exchanges the two axes in the middle.
  private static func swapped(_ x: [Float], _ dims: [Int]) -> [Float] {
    var out = [Float](repeating: 0, count: x.count)
    let (a, b, c) = (dims[1], dims[2], dims[3])
    for n in 0..<dims[0] {
      for i in 0..<a {
        for j in 0..<b {
          let from = ((n &* a &+ i) &* b &+ j) &* c
          let to = ((n &* b &+ j) &* a &+ i) &* c
          for e in 0..<c { out[to &+ e] = x[from &+ e] }
        }
      }
    }
    return out
  }

  private func joined(_ past: Tensor, _ own: Heads, _ what: String) throws -> Heads {
    guard past.shape.rank == 4, past.shape[0] == own.dims[0], past.shape[1] == own.dims[1], past.shape[3] == own.dims[3]
    else { throw GraphError(.invalidInput, "\(what) of shape \(past.shape) does not fit \(own.dims)") }
    let before = try floats(past)
    let old = past.shape[2] &* own.dims[3]
    let new = own.dims[2] &* own.dims[3]
    var out = own
    out.elements = []
    out.elements.reserveCapacity(before.count + own.elements.count)
    for head in 0..<(own.dims[0] &* own.dims[1]) {
      out.elements += before[head &* old..<(head &+ 1) &* old]
      out.elements += own.elements[head &* new..<(head &+ 1) &* new]
    }
    out.dims[2] += past.shape[2]
    return out
  }

  private func compute(
    _ q: Heads, _ k: Heads, _ v: Heads, _ bias: AttentionBias, _ pool: ComputePool
  ) -> (y: [Float], scores: [Float]) {
    let (count, length, size, total, width) = (q.dims[1], q.dims[2], q.dims[3], k.dims[2], v.dims[3])
    let perGroup = count / k.dims[1]
    let planes = q.dims[0] &* count
    let factor = scale ?? 1 / Float(size).squareRoot()
    let table = KernelTable.current
    var y = [Float](repeating: 0, count: planes &* length &* width)
    var kept = [Float](repeating: 0, count: score == nil ? 0 : planes &* length &* total)
    guard !y.isEmpty, total > 0 else { return (y, kept) }
    var row = [Float](repeating: 0, count: total)
    var scores = [Float](repeating: 0, count: length &* total)
    for plane in 0..<planes {
      let source = plane / count &* k.dims[1] &+ plane % count / perGroup
      q.elements.withUnsafeBufferPointer { q in
        k.elements.withUnsafeBufferPointer { k in
          guard let a = q.baseAddress, let b = k.baseAddress else { return }
          scores.withUnsafeMutableBufferPointer {
            guard let c = $0.baseAddress else { return }
            MatrixMultiply.multiply(
              m: length, n: total, k: size, .strided(a + plane &* length &* size, rowStride: size, columnStride: 1),
              .strided(b + source &* total &* size, rowStride: 1, columnStride: size), into: c, cRowStride: total,
              .init(alpha: factor), pool: pool)
          }
        }
      }
      let at = plane &* length &* total
      if score == .product { for i in 0..<scores.count { kept[at &+ i] = scores[i] } }
      if softcap > 0 {
        for i in 0..<scores.count { scores[i] = Float.tanh(scores[i] / softcap) * softcap }
      }
      if score == .capped { for i in 0..<scores.count { kept[at &+ i] = scores[i] } }
      for i in 0..<length {
        let isMasked = bias.fill(&row, plane / count, plane % count, i)
        for j in 0..<total { scores[i &* total &+ j] += row[j] }
        if score == .biased { for j in 0..<total { kept[at &+ i &* total &+ j] = scores[i &* total &+ j] } }
        scores.withUnsafeMutableBufferPointer {
          guard let line = $0.baseAddress.map({ $0 + i &* total }) else { return }
          if isMasked { line.update(repeating: 0, count: total) } else { table.softmax(line, line, total) }
        }
      }
      if score == .probability { for i in 0..<scores.count { kept[at &+ i] = scores[i] } }
      scores.withUnsafeBufferPointer { s in
        v.elements.withUnsafeBufferPointer { v in
          y.withUnsafeMutableBufferPointer {
            guard let a = s.baseAddress, let b = v.baseAddress, let c = $0.baseAddress else { return }
            MatrixMultiply.multiply(
              m: length, n: width, k: total, .strided(a, rowStride: total, columnStride: 1),
              .strided(b + source &* total &* width, rowStride: width, columnStride: 1),
              into: c + plane &* length &* width, cRowStride: width, pool: pool)
          }
        }
      }
    }
    return (y, kept)
  }
}

/// What is added to the scores of attention: the mask, causality, the window and the padding of keys.
struct AttentionBias {
  private let values: [Double]
  private let strides: [Int]
  private let isBool: Bool
  /// Keys that the mask covers; those beyond are hidden.
  private let covered: Int
  private let isCausal: Bool
  private let window: (left: Int?, right: Int?)
  private let pastLength: Int
  private let valid: [Int]?
  private let limit: [Int]?
  private let length: Int

  init(
    mask: Tensor?, shape: [Int], isCausal: Bool, window: (left: Int?, right: Int?), pastLength: Int, valid: [Int]?,
    limit: [Int]?
  ) throws {
    self.isCausal = isCausal
    self.window = window
    self.pastLength = pastLength
    self.valid = valid
    self.limit = limit
    length = shape[2]
    guard let mask else {
      (values, strides, isBool, covered) = ([], [], false, shape[3])
      return
    }
    isBool = mask.dtype == .bool
    guard mask.shape.rank >= 1, mask.shape.rank <= 4 else {
      throw GraphError(.invalidInput, "attn_mask of shape \(mask.shape) must have rank 1 to 4")
    }
    // A mask of one column stretches; a shorter one hides the keys that it does not reach.
    let last = mask.shape[mask.shape.rank - 1]
    var target = shape
    if last != 1 { target[3] = last }
    guard last <= shape[3], mask.shape.broadcast(with: Shape(target)) == Shape(target) else {
      throw GraphError(.invalidInput, "attn_mask of shape \(mask.shape) does not broadcast to \(shape)")
    }
    covered = last == 1 ? shape[3] : last
    values = try Numbers.read(mask)
    strides = mask.shape.broadcastStrides(to: Shape(target))
  }

  /// Fills the row of one query; true when no key is left.
  func fill(_ row: inout [Float], _ batch: Int, _ head: Int, _ query: Int) -> Bool {
    let offset = valid.map { $0[batch] - length } ?? pastLength
    let place = query + offset
    var isMasked = true
    for key in row.indices {
      var bias: Float = 0
      if !strides.isEmpty {
        if key >= covered {
          bias = -.infinity
        } else {
          let value =
            values[batch &* strides[0] &+ head &* strides[1] &+ query &* strides[2] &+ key &* strides[3]]
          bias = isBool ? (value != 0 ? 0 : -.infinity) : Float(value)
        }
      }
      if isCausal && key > place { bias = -.infinity }
      if let left = window.left, place - key > left { bias = -.infinity }
      if let right = window.right, key - place > right { bias = -.infinity }
      if let limit, key >= limit[batch] { bias = -.infinity }
      if bias != -.infinity { isMasked = false }
      row[key] = bias
    }
    return isMasked
  }
}
