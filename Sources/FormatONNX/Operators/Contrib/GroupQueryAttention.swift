import InferenceGraph
import TensorCore

extension OperatorTable {
  /// Attention with a cache of keys and values, heads of queries sharing those of keys in groups. Each sample's new keys
  /// stand in the cache behind its own past ones; `seqlens_k` says how many there are in all, less one.
  static let groupQueryAttention = contrib("GroupQueryAttention") { n in
    for (index, what) in [(12, "k_scale"), (13, "v_scale"), (14, "q_norm_weight"), (15, "k_norm_weight")] {
      try n.refuse(input: index, what)
    }
    var o = try n.groupedOperands()
    let places = try n.int("sliding_window_cache", default: 0) != 0 ? n.windowPlaces(o) : n.cachePlaces(o)
    if try n.int("do_rotary", default: 0) != 0 { try n.rotate(&o, places.queries) }
    let key = try n.cached(n.headsApart(o.key, o.groups), past: n.optional(3), places)
    let value = try n.cached(n.headsApart(o.value, o.groups), past: n.optional(4), places)
    let visible = try n.visibleKeys(places)
    var bias = try n.add(Where(), visible, n.scalar(0), n.scalar(-.infinity))
    if let given = n.optional(10) { bias = try n.sum(bias, n.cast(given, to: .float32)) }
    var (keys, values) = (key, value)
    if let sink = try n.sinkScores(o) {
      // One more key of zeros with a score of its own takes its share of the probabilities and adds nothing.
      let dtype = try n.elementType(key, "key")
      func lengthened(_ x: ValueID) throws -> ValueID {
        let shape = try n.list([n.extents(x, 0, 2), n.integers([1]), n.extents(x, 3, 4)])
        return try n.add(Concat(axis: 2), [x, n.filled(0, as: dtype, shape: shape)])[0]
      }
      (keys, values) = (try lengthened(keys), try lengthened(values))
      let total = try n.extents(key, 2, 3)
      let rows = try n.list([n.extents(o.query, 0, 1), n.integers([o.heads]), n.extents(o.query, 1, 2)])
      let wide = try n.add(Expand(), bias, n.list([rows, total]))
      bias = try n.add(Concat(axis: 3), [wide, n.add(Expand(), sink, n.list([rows, n.integers([1])]))])[0]
    }
    let scale = try n.float("scale", default: 0)
    let op = Attention(
      scale: scale == 0 ? nil : scale, softcap: try n.float("softcap", default: 0), score: try n.wantedScore())
    let outputs = try n.add(op, [n.headsApart(o.query, o.heads), keys, values, bias])
    let results = [
      try n.headsTogether(outputs[0]), try n.present(key, places), try n.present(value, places),
    ]
    guard op.score != nil else { return results }
    let scores = try n.slice(outputs[3], axis: 3, from: n.integers([0]), to: places.total)
    return results + [try n.add(Where(), visible, scores, n.scalar(0, as: n.elementType(scores, "the scores")))]
  }
}

/// Q, K and V of grouped attention, `[batch, length, heads * size]` each.
private struct GroupedOperands {
  var query: ValueID
  var key: ValueID
  var value: ValueID
  let heads: Int
  let groups: Int
}

/// Where the new keys of a batch stand; all are `int64`.
private struct CachePlaces {
  /// The length of the cache: a list of one number.
  let total: ValueID
  /// By sample: the place of the first new key. `[batch]`.
  let starts: ValueID
  /// By sample: how many keys there are. `[batch, 1, 1, 1]`.
  let counts: ValueID
  /// The place of each query. `[batch, length]`.
  let queries: ValueID
  /// What there is of a cache that holds the last places only; nil: it holds all.
  var window: CacheWindow?
}

/// A cache of fewer rows than there are places: which place each of its rows holds follows from how many there were.
private struct CacheWindow {
  /// By sample: the row of the first new key. `[batch]`.
  let starts: ValueID
  /// The row of each query. `[batch, length]`.
  let queries: ValueID
  /// By sample and row of the cache that comes out: the row that it is. `[batch, capacity, 1]`.
  let kept: ValueID
}

extension Lowering {
  fileprivate func groupedOperands() throws -> GroupedOperands {
    let (heads, groups) = (try positiveInt("num_heads"), try positiveInt("kv_num_heads"))
    guard heads % groups == 0 else {
      throw GraphError(.invalidModel, "\(heads) query heads are no multiple of \(groups) key heads")
    }
    let query = try required(0)
    if let key = optional(1) {
      return GroupedOperands(query: query, key: key, value: try required(2), heads: heads, groups: groups)
    }
    guard let width = fact(query).shape?.last?.value, width % (heads + 2 * groups) == 0 else {
      throw GraphError(
        .unsupported, "query (\(fact(query))) does not divide into \(heads) heads and twice \(groups) when it is loaded"
      )
    }
    let size = width / (heads + 2 * groups)
    let split = Split(
      axis: 2, sizes: [heads * size, groups * size, groups * size], outputCount: 3, mayBeUneven: false)
    let packed = try add(split, [query])
    return GroupedOperands(query: packed[0], key: packed[1], value: packed[2], heads: heads, groups: groups)
  }

  fileprivate func cachePlaces(_ o: GroupedOperands) throws -> CachePlaces {
    let length = try extents(o.key, 1, 2)
    var total = try reshaped(cast(required(6), to: .int64), [1])
    if let past = optional(3) { total = try add(Arithmetic(.maximum), total, extents(past, 2, 3)) }
    let counts = try sum(reshaped(cast(required(5), to: .int64), [-1]), integers([1]))
    // A padded first prompt has fewer keys than places and starts at the front.
    let starts = try add(Arithmetic(.maximum), difference(counts, length), integers([0]))
    let steps = try add(NumberRange(), integers([0]), extents(o.query, 1, 2), integers([1]))
    return CachePlaces(
      total: total, starts: starts, counts: try reshaped(counts, [-1, 1, 1, 1]),
      queries: try sum(unsqueezed(starts, [1]), unsqueezed(steps, [0])))
  }

  /// Places in a cache of `C` rows, the extent of the past keys, where only the last places are kept: of `T` so far all up to
  /// `C`, else `T - G * ceil((T - C) / G)` with `G = C - window + 1`. The new keys stand behind those that are left.
  fileprivate func windowPlaces(_ o: GroupedOperands) throws -> CachePlaces {
    let size = try int("local_window_size", default: -1)
    let isCausal = try int("causal", default: 1) != 0
    guard isCausal, size > 0, size < 1 << 30, let past = optional(3), optional(4) != nil else {
      throw GraphError(
        .invalidModel, "sliding_window_cache needs causal, a positive local_window_size, past_key and past_value")
    }
    if let capacity = fact(past).extent(2)?.value, capacity < size {
      throw GraphError(.invalidModel, "a cache of \(capacity) rows is smaller than the window of \(size)")
    }
    try refuse(input: 10, "attention_bias with sliding_window_cache")
    try refuse(flag: "qk_output")
    let (length, capacity) = try (extents(o.key, 1, 2), extents(past, 2, 3))
    let plain = try cachePlaces(o)
    let step = try add(
      Arithmetic(.maximum), difference(capacity, integers([size - 1])), integers([1]))
    func left(of total: ValueID) throws -> ValueID {
      let over = try difference(sum(total, difference(step, integers([1]))), capacity)
      let steps = try add(Arithmetic(.divide), add(Arithmetic(.maximum), over, integers([0])), step)
      return try difference(total, product(steps, step))
    }
    let counts = try reshaped(plain.counts, [-1])
    let starts = try left(of: plain.starts)
    let moved = try difference(difference(counts, left(of: counts)), difference(plain.starts, starts))
    let rows = try add(NumberRange(), integers([0]), capacity, integers([1]))
    let total = try sum(capacity, length)
    let kept = try add(
      Arithmetic(.minimum), sum(unsqueezed(moved, [1]), rows), difference(total, integers([1])))
    let steps = try add(NumberRange(), integers([0]), extents(o.query, 1, 2), integers([1]))
    return CachePlaces(
      total: total, starts: plain.starts, counts: plain.counts, queries: plain.queries,
      window: CacheWindow(
        starts: starts, queries: try sum(unsqueezed(starts, [1]), unsqueezed(steps, [0])),
        kept: try unsqueezed(kept, [2])))
  }

  /// The cache that comes out, `[batch, groups, rows, size]`.
  fileprivate func present(_ cache: ValueID, _ places: CachePlaces) throws -> ValueID {
    guard let window = places.window else { return cache }
    let byRow = try transposed(cache, [0, 2, 1, 3])
    return try transposed(add(GatherND(batchDims: 1), byRow, window.kept), [0, 2, 1, 3])
  }

  /// Rotates queries and keys by their places, or by the positions that the node gives.
  fileprivate func rotate(_ o: inout GroupedOperands, _ places: ValueID) throws {
    let (cosines, sines) = (try required(7), try required(8))
    guard let half = fact(cosines).shape?.last?.value, half < 1 << 30 else {
      throw GraphError(.unsupported, "the width of cos_cache is not known when the model is loaded")
    }
    let positions = optional(9) ?? places
    let isInterleaved = try int("rotary_interleaved", default: 0) != 0
    let query = RotaryEmbedding(heads: o.heads, dimensions: 2 * half, isInterleaved: isInterleaved)
    let key = RotaryEmbedding(heads: o.groups, dimensions: 2 * half, isInterleaved: isInterleaved)
    o.query = try add(query, o.query, cosines, sines, positions)
    o.key = try add(key, o.key, cosines, sines, positions)
  }

  /// `[batch, groups, total, size]`: past entries with the new ones behind them.
  fileprivate func cached(_ new: ValueID, past: ValueID?, _ places: CachePlaces) throws -> ValueID {
    let dtype = try elementType(new, "key")
    var missing = places.total
    if let past { missing = try difference(missing, extents(past, 2, 3)) }
    let room = try filled(0, as: dtype, shape: list([extents(new, 0, 2), missing, extents(new, 3, 4)]))
    let buffer = try past.map { try add(Concat(axis: 2), [$0, room])[0] } ?? room
    return try add(TensorScatter(axis: 2, isCircular: false), buffer, new, places.window?.starts ?? places.starts)
  }

  /// The score that the fourth output is, where it is wanted; hidden keys have 0 there.
  fileprivate func wantedScore() throws -> Attention.Score? {
    guard wantsOutput(3) else { return nil }
    switch try int("qk_output", default: 0) {
    case 1: return .biased
    case 2: return .probability
    default: throw GraphError(.invalidModel, "output 3 (output_qk) needs the attribute qk_output: 1 or 2")
    }
  }

  /// True for the keys that a query sees: `[batch, 1, length, total]`.
  fileprivate func visibleKeys(_ places: CachePlaces) throws -> ValueID {
    let keys = try add(NumberRange(), integers([0]), places.total, integers([1]))
    let queries = try unsqueezed(places.window?.queries ?? places.queries, [1, 3])
    var visible: ValueID
    if try int("causal", default: 1) != 0 {
      visible = try add(Comparison(.lessOrEqual), keys, queries)
    } else {
      let isThere = try add(Comparison(.less), keys, places.counts)
      visible = try add(Bitwise(.and), isThere, add(Comparison(.greaterOrEqual), queries, integers([0])))
    }
    let window = try int("local_window_size", default: -1)
    if window > 0 {
      let isNear = try add(Comparison(.greater), keys, difference(queries, integers([window])))
      visible = try add(Bitwise(.and), visible, isNear)
    }
    return visible
  }

  /// By head, the score of what takes a share of the probabilities without a key: `[heads, 1, 1]`; nil for none.
  fileprivate func sinkScores(_ o: GroupedOperands) throws -> ValueID? {
    if let sink = optional(11) { return try reshaped(cast(sink, to: .float32), [-1, 1, 1]) }
    return try int("smooth_softmax", default: -1) > 0 ? reshaped(scalar(0), [1, 1, 1]) : nil
  }
}
