import Kernels
import TensorCore

/// Rows that a forest is to walk, and where the results go.
struct ForestRows<T: TreeNumber> {
  /// Row-major.
  let x: UnsafePointer<T>
  let columns: Int
  let rows: Range<Int>
  /// A score a target and row, for all rows of the matrix.
  let out: UnsafeMutablePointer<T>
  /// As many bytes, set to 1 where a target got a weight, or nil where nobody asks.
  let seen: UnsafeMutablePointer<UInt8>?

  /// Copies the tested features of a row behind a minus infinity; true when one is missing.
  @inline(__always)
  func gather(_ row: Int, _ features: [Int32], _ to: UnsafeMutablePointer<T>) -> Bool {
    let from = x + row &* columns
    var hasMissing = false
    to[0] = -.infinity
    features.withUnsafeBufferPointer { features in
      for i in 0..<features.count {
        let v = from[Int(features[i])]
        to[i &+ 1] = v
        hasMissing = hasMissing || v != v
      }
    }
    return hasMissing
  }

  /// Puts the tested features of `lanes` rows side by side, behind as many minus infinities; true when one is missing.
  /// Beyond the last row its values are repeated.
  @inline(__always)
  func transpose(_ row: Int, lanes: Int, _ features: [Int32], _ to: UnsafeMutablePointer<T>) -> Bool {
    let last = rows.upperBound &- 1 &- row
    var hasMissing = false
    for k in 0..<lanes { to[k] = -.infinity }
    features.withUnsafeBufferPointer { features in
      for k in 0..<lanes {
        let from = x + (row &+ Swift.min(k, last)) &* columns
        let column = to + (lanes &+ k)
        for i in 0..<features.count {
          let v = from[Int(features[i])]
          column[i &* lanes] = v
          hasMissing = hasMissing || v != v
        }
      }
    }
    return hasMissing
  }
}

/// An ensemble compiled for one kind of numbers: how rows become sums.
struct Forest<T: TreeNumber>: Sendable {
  private enum Body: Sendable {
    case compact(CompactForest<T>)
    case general(GeneralForest<T>)
  }

  private var body: Body
  private var masks: MaskForest?
  private(set) var leaves: LeafTable<T>
  let aggregate: Ensemble.Aggregate
  let treeCount: Int
  let maxFeature: Int
  /// Nodes that a row passes at most, for judging how much work rows are.
  let visits: Int

  init(_ ensemble: Ensemble, aggregate: Ensemble.Aggregate) {
    leaves = LeafTable(ensemble, isSum: aggregate == .sum || aggregate == .average)
    if let compact = CompactForest(ensemble, leaves: leaves, threshold: Forest.threshold) {
      body = .compact(compact)
      masks = T.masks(compact)
    } else {
      masks = nil
      body = .general(GeneralForest(ensemble, leaves: leaves))
    }
    self.aggregate = aggregate
    treeCount = ensemble.roots.count
    maxFeature = ensemble.maxFeature
    visits = Swift.max(1, ensemble.depths.reduce(0, +))
  }

  /// The greatest `t` such that the split sends `x <= t` one way and all else, but NaN, the other; nil when there is none.
  private static func threshold(_ split: Ensemble.Split) -> T? {
    guard !split.threshold.isNaN else { return nil }
    var t = T(split.threshold)
    if Double(t) > split.threshold { t = t.nextDown }
    switch split.mode {
    case .lessOrEqual, .greater: return t
    case .less, .greaterOrEqual:
      if Double(t) != split.threshold { return t }
      return t == -.infinity ? nil : t.nextDown
    case .equal, .notEqual, .member: return nil
    }
  }

  var isCompact: Bool { if case .compact = body { true } else { false } }

  /// The forest with its tables where `constants` keep them.
  func settled(in constants: Constants) -> Forest {
    var forest = self
    forest.leaves = leaves.settled(in: constants)
    switch body {
    case .compact(let compact): forest.body = .compact(compact.settled(in: constants))
    case .general(let general): forest.body = .general(general.with(forest.leaves))
    }
    forest.masks = masks?.settled(in: constants)
    return forest
  }

  func addHeld(to memory: inout HeldMemory) {
    leaves.addHeld(to: &memory)
    switch body {
    case .compact(let forest): forest.addHeld(to: &memory)
    case .general(let forest): forest.addHeld(to: &memory)
    }
    masks?.addHeld(to: &memory)
  }

  /// Aggregates the trees' weights. Marks are required for `min` and `max`.
  func run(_ rows: ForestRows<T>) {
    let count = leaves.targetCount
    let elements = (rows.rows.lowerBound &* count)..<(rows.rows.upperBound &* count)
    for i in elements { rows.out[i] = 0 }
    if let seen = rows.seen { for i in elements { seen[i] = 0 } }
    switch body {
    case .general(let forest):
      for row in rows.rows { forest.walk(rows.x + row &* rows.columns) { add($0, row, rows) } }
    case .compact(let forest): runCompact(forest, rows)
    }
    if aggregate == .average {
      let trees = T(treeCount)
      for i in elements { rows.out[i] /= trees }
    }
  }

  private func runCompact(_ forest: CompactForest<T>, _ rows: ForestRows<T>) {
    if let masks, rows.rows.count >= MaskForest.minRows {
      T.walk(rows, self, forest, masks)
      return
    }
    let groups = Swift.min(64, rows.rows.count) / 8
    let elements = forest.slotCount &* Swift.max(1, groups &* 8)
    Scratch.with(floats: elements &* (MemoryLayout<T>.stride / 4)) { scratch in
      let scratch = UnsafeMutableRawPointer(scratch).assumingMemoryBound(to: T.self)
      var row = rows.rows.lowerBound
      while rows.rows.upperBound &- row >= 8 {
        let n = Swift.min(groups, (rows.rows.upperBound &- row) / 8)
        walkTile(forest, rows, row, n, scratch)
        row &+= n &* 8
      }
      while row < rows.rows.upperBound {
        walkRow(forest, rows, row, scratch)
        row &+= 1
      }
    }
  }

  /// Walks `groups` times eight rows.
  @inline(__always)
  private func walkTile(
    _ forest: CompactForest<T>, _ rows: ForestRows<T>, _ row: Int, _ groups: Int, _ scratch: UnsafeMutablePointer<T>
  ) {
    let size = forest.slotCount &* 8
    var missing: UInt64 = 0
    for g in 0..<groups {
      if rows.transpose(row &+ g &* 8, lanes: 8, forest.features, scratch + g &* size) { missing |= 1 << UInt64(g) }
    }
    for tree in 0..<treeCount {
      for g in 0..<groups {
        let first = row &+ g &* 8
        forest.walkEight(
          tree, scratch + g &* size, lanes: 8, hasMissing: missing >> UInt64(g) & 1 != 0
        ) { lane, leaf in
          add(leaf, first &+ lane, rows)
        }
      }
    }
  }

  /// Walks one row.
  @inline(__always)
  func walkRow(
    _ forest: CompactForest<T>, _ rows: ForestRows<T>, _ row: Int, _ scratch: UnsafeMutablePointer<T>
  ) {
    let hasMissing = rows.gather(row, forest.features, scratch)
    if sums {
      var sum: T = 0
      if hasMissing {
        forest.walk(scratch, hasMissing: true) { sum += $0 }
      } else {
        forest.walk(scratch, hasMissing: false) { sum += $0 }
      }
      rows.out[row] = sum
    } else {
      forest.walk(scratch, hasMissing: hasMissing) { add($0, row, rows) }
    }
  }

  /// Every leaf's payload is a weight to be added to the row's only score.
  @inline(__always) var sums: Bool { leaves.form == .single && (aggregate == .sum || aggregate == .average) }

  /// Adds what a leaf holds to a row.
  @inline(__always)
  func add(_ leaf: T, _ row: Int, _ rows: ForestRows<T>) {
    if sums && rows.seen == nil {
      rows.out[row] += leaf
      return
    }
    let count = leaves.targetCount
    let to = rows.out + row &* count
    let seen = rows.seen.map { $0 + row &* count }
    if leaves.form == .single {
      put(leaf, to, seen)
      return
    }
    let index = leaf.index
    leaves.weights.withUnsafeBufferPointer { weights in
      if leaves.form == .dense && seen == nil {
        let from = weights.baseAddress! + index &* count
        for t in 0..<count { to[t] += from[t] }
        return
      }
      leaves.targets.withUnsafeBufferPointer { targets in
        leaves.starts.withUnsafeBufferPointer { starts in
          for e in Int(starts[index])..<Int(starts[index &+ 1]) {
            let t = Int(targets[e])
            put(weights[e], to + t, seen.map { $0 + t })
          }
        }
      }
    }
  }

  @inline(__always)
  private func put(_ weight: T, _ to: UnsafeMutablePointer<T>, _ seen: UnsafeMutablePointer<UInt8>?) {
    switch aggregate {
    case .sum, .average: to.pointee += weight
    case .min: if seen?.pointee != 1 || weight < to.pointee { to.pointee = weight }
    case .max: if seen?.pointee != 1 || weight > to.pointee { to.pointee = weight }
    }
    seen?.pointee = 1
  }
}
