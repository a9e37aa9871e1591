/// An ensemble compiled for one kind of numbers: how rows become sums.
struct Forest<T: TreeNumber>: Sendable {
  private enum Body: Sendable {
    case compact(CompactForest<T>)
    case general(GeneralForest<T>)
  }

  private let body: Body
  let leaves: LeafTable<T>
  let aggregate: Ensemble.Aggregate
  let treeCount: Int
  let maxFeature: Int
  /// Nodes that a row passes at most, for judging how much work rows are.
  let visits: Int

  init(_ ensemble: Ensemble, aggregate: Ensemble.Aggregate) {
    leaves = LeafTable(ensemble, isSum: aggregate == .sum || aggregate == .average)
    if let compact = CompactForest(ensemble, leaves: leaves, threshold: Forest.threshold) {
      body = .compact(compact)
    } else {
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

  var heldBytes: Int {
    switch body {
    case .compact(let forest): forest.heldBytes
    case .general(let forest): forest.heldBytes
    }
  }

  /// Room for the rows that are walked together.
  private static var tile: Int { 64 }

  /// Aggregates the trees' weights for rows `rows` of a row-major matrix.
  ///
  /// - Parameters:
  ///   - out: `targetCount` values a row, for all rows of the matrix.
  ///   - seen: as many bytes, set to 1 where a target got a weight, or nil where nobody asks. Required for `min` and `max`.
  func run(
    _ x: UnsafePointer<T>, columns: Int, rows: Range<Int>, out: UnsafeMutablePointer<T>,
    seen: UnsafeMutablePointer<UInt8>?
  ) {
    let count = leaves.targetCount
    for i in (rows.lowerBound * count)..<(rows.upperBound * count) { out[i] = 0 }
    if let seen { for i in (rows.lowerBound * count)..<(rows.upperBound * count) { seen[i] = 0 } }
    switch body {
    case .general(let forest):
      for row in rows {
        forest.walk(x + row &* columns) { add($0, out + row &* count, seen.map { $0 + row &* count }) }
      }
    case .compact(let forest):
      runCompact(forest, x, columns, rows, out, seen)
    }
    if aggregate == .average {
      let trees = T(treeCount)
      for i in (rows.lowerBound * count)..<(rows.upperBound * count) { out[i] /= trees }
    }
  }

  private func runCompact(
    _ forest: CompactForest<T>, _ x: UnsafePointer<T>, _ columns: Int, _ rows: Range<Int>,
    _ out: UnsafeMutablePointer<T>, _ seen: UnsafeMutablePointer<UInt8>?
  ) {
    let slots = forest.slotCount
    let groups = Swift.min(Forest.tile, rows.count) / 8
    withUnsafeTemporaryAllocation(of: T.self, capacity: slots &* Swift.max(1, groups &* 8)) { scratch in
      let scratch = scratch.baseAddress!
      var row = rows.lowerBound
      while rows.upperBound &- row >= 8 {
        let n = Swift.min(groups, (rows.upperBound &- row) / 8)
        walkTile(forest, x, columns, row, n, scratch, out, seen)
        row &+= n &* 8
      }
      while row < rows.upperBound {
        walkRow(forest, x + row &* columns, scratch, row, out, seen)
        row &+= 1
      }
    }
  }

  /// Walks `groups` times eight rows.
  @inline(__always)
  private func walkTile(
    _ forest: CompactForest<T>, _ x: UnsafePointer<T>, _ columns: Int, _ row: Int, _ groups: Int,
    _ scratch: UnsafeMutablePointer<T>, _ out: UnsafeMutablePointer<T>, _ seen: UnsafeMutablePointer<UInt8>?
  ) {
    let slots = forest.slotCount
    let count = leaves.targetCount
    var missing: UInt64 = 0
    forest.features.withUnsafeBufferPointer { features in
      for g in 0..<groups {
        let to = scratch + g &* slots &* 8
        let from = x + (row &+ g &* 8) &* columns
        for k in 0..<8 { to[k] = -.infinity }
        var isMissing = false
        for slot in 1..<slots {
          let column = from + Int(features[slot &- 1])
          for k in 0..<8 {
            let v = column[k &* columns]
            to[slot &* 8 &+ k] = v
            isMissing = isMissing || v != v
          }
        }
        if isMissing { missing |= 1 << UInt64(g) }
      }
    }
    if leaves.form == .single && (aggregate == .sum || aggregate == .average) {
      let sums = out + row
      for tree in 0..<treeCount {
        for g in 0..<groups {
          let to = sums + g &* 8
          let from = UnsafePointer(scratch + g &* slots &* 8)
          forest.walkEight(tree, from, hasMissing: missing >> UInt64(g) & 1 != 0) { to[$0] += $1 }
        }
      }
    } else {
      for tree in 0..<treeCount {
        for g in 0..<groups {
          let first = (row &+ g &* 8) &* count
          let from = UnsafePointer(scratch + g &* slots &* 8)
          forest.walkEight(tree, from, hasMissing: missing >> UInt64(g) & 1 != 0) { lane, leaf in
            add(leaf, out + (first &+ lane &* count), seen.map { $0 + (first &+ lane &* count) })
          }
        }
      }
    }
  }

  /// Walks one row.
  @inline(__always)
  private func walkRow(
    _ forest: CompactForest<T>, _ x: UnsafePointer<T>, _ scratch: UnsafeMutablePointer<T>, _ row: Int,
    _ out: UnsafeMutablePointer<T>, _ seen: UnsafeMutablePointer<UInt8>?
  ) {
    scratch[0] = -.infinity
    var isMissing = false
    forest.features.withUnsafeBufferPointer { features in
      for slot in 1..<forest.slotCount {
        let v = x[Int(features[slot &- 1])]
        scratch[slot] = v
        isMissing = isMissing || v != v
      }
    }
    if leaves.form == .single && (aggregate == .sum || aggregate == .average) {
      var sum: T = 0
      if isMissing {
        forest.walk(scratch, hasMissing: true) { sum += $0 }
      } else {
        forest.walk(scratch, hasMissing: false) { sum += $0 }
      }
      out[row] = sum
    } else {
      let to = out + row &* leaves.targetCount
      let marks = seen.map { $0 + row &* leaves.targetCount }
      forest.walk(scratch, hasMissing: isMissing) { add($0, to, marks) }
    }
  }

  /// Adds what a leaf holds to a row.
  @inline(__always)
  private func add(_ leaf: T, _ row: UnsafeMutablePointer<T>, _ seen: UnsafeMutablePointer<UInt8>?) {
    if leaves.form == .single {
      put(leaf, row, seen)
      return
    }
    let index = leaf.index
    leaves.weights.withUnsafeBufferPointer { weights in
      if leaves.form == .dense && seen == nil {
        let from = weights.baseAddress! + index &* leaves.targetCount
        for t in 0..<leaves.targetCount { row[t] += from[t] }
        return
      }
      leaves.targets.withUnsafeBufferPointer { targets in
        leaves.starts.withUnsafeBufferPointer { starts in
          for e in Int(starts[index])..<Int(starts[index &+ 1]) {
            let t = Int(targets[e])
            put(weights[e], row + t, seen.map { $0 + t })
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
