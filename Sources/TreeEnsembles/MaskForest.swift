import Kernels

/// Trees of at most 64 leaves as lists of nodes for `KernelTable.treeLeaves`, which finds the leaves of sixteen rows at
/// once. Trees with more leaves stay in a `CompactForest`.
struct MaskForest: Sendable {
  /// Trees that follow each other and all have masks, or all have not.
  struct Run: Sendable {
    var trees: Range<Int>
    var hasMasks: Bool
  }

  let runs: [Run]
  private let nodes: [TreeTask.Node]
  /// By tree of the ensemble; those without masks are empty.
  private let trees: [TreeTask.Tree]
  private let payloads: [Float]
  /// Some node sends a missing value right, which the masks cannot say.
  let mindsMissing: Bool

  /// The most trees that are looked at between additions.
  static var chunk: Int { 32 }
  /// Fewer rows than this are walked through the nodes one by one.
  static var minRows: Int { 3 }

  /// Takes the trees of `forest` that have at most `maxLeaves` leaves; nil when none has.
  init?(_ forest: CompactForest<Float>, maxLeaves: Int) {
    var nodes: [TreeTask.Node] = []
    var trees: [TreeTask.Tree] = []
    var payloads: [Float] = []
    var runs: [Run] = []
    var mindsMissing = false
    for (tree, root) in forest.roots.enumerated() {
      let builder = Builder(forest, root: Int(root), maxLeaves: Swift.min(64, maxLeaves))
      let hasMasks = builder != nil
      trees.append(
        TreeTask.Tree(
          firstNode: Int32(clamping: nodes.count), nodeCount: Int32(clamping: builder?.nodes.count ?? 0),
          firstLeaf: Int32(clamping: payloads.count), isWide: builder.map { $0.leaves.count > 32 } ?? false))
      if let builder {
        nodes += builder.nodes
        payloads += builder.leaves
        mindsMissing = mindsMissing || builder.mindsMissing
      }
      if let last = runs.last, last.hasMasks == hasMasks {
        runs[runs.count - 1].trees = last.trees.lowerBound..<(tree + 1)
      } else {
        runs.append(Run(trees: tree..<(tree + 1), hasMasks: hasMasks))
      }
    }
    guard runs.contains(where: \.hasMasks), nodes.count < Int(Int32.max), payloads.count < Int(Int32.max) else {
      return nil
    }
    self.runs = runs
    self.nodes = nodes
    self.trees = trees
    self.payloads = payloads
    self.mindsMissing = mindsMissing
  }

  /// Numbers the leaves of one tree from left to right and gives every node those that stay when it sends a row right.
  private struct Builder {
    var nodes: [TreeTask.Node] = []
    var leaves: [Float] = []
    var mindsMissing = false

    init?(_ forest: CompactForest<Float>, root: Int, maxLeaves: Int) {
      // A node is taken from the stack to be opened and, as its complement, when its left subtree is done.
      var stack = [root]
      var open: [(node: Int, firstLeaf: Int)] = []
      while let at = stack.popLast() {
        if at < 0 {
          guard let (index, first) = open.popLast() else { return nil }
          let count = UInt64(leaves.count - first)
          let gone = ((count == 64 ? 0 : 1 << count) &- 1) << UInt64(first)
          nodes[index].low = UInt32(truncatingIfNeeded: ~gone)
          nodes[index].high = UInt32(truncatingIfNeeded: ~gone >> 32)
          continue
        }
        let node = forest.nodes[at]
        if node.distance == 0 {
          guard leaves.count < maxLeaves else { return nil }
          leaves.append(node.threshold)
          continue
        }
        guard nodes.count < maxLeaves else { return nil }
        if !forest.missingLeft[at] { mindsMissing = true }
        open.append((nodes.count, leaves.count))
        nodes.append(
          TreeTask.Node(threshold: node.threshold, offset: UInt32(node.slot) * 4, low: 0, high: 0))
        let left = at + Int(node.distance)
        stack.append(left + 1)
        stack.append(~0)
        stack.append(left)
      }
    }
  }

  /// Writes sixteen payloads for each of `range`'s trees.
  ///
  /// - Parameters:
  ///   - rows: sixteen values a slot of the compact forest.
  ///   - out: room for sixteen payloads a tree, and sixteen more.
  @inline(__always)
  func leaves(
    _ range: Range<Int>, _ rows: UnsafePointer<Float>, _ kernels: KernelTable, _ out: UnsafeMutablePointer<Float>
  ) {
    nodes.withUnsafeBufferPointer { nodes in
      trees.withUnsafeBufferPointer { trees in
        payloads.withUnsafeBufferPointer { payloads in
          guard let first = trees.baseAddress, let payload = payloads.baseAddress else { return }
          // A forest of leaves alone has no nodes, and no tree of it reads any.
          let node =
            nodes.baseAddress ?? UnsafePointer(bitPattern: MemoryLayout<TreeTask.Node>.alignment).unsafelyUnwrapped
          var task = TreeTask(
            rows: rows, nodes: node, trees: first + range.lowerBound, treeCount: range.count, payloads: payload,
            out: out)
          kernels.treeLeaves(&task)
        }
      }
    }
  }

  var heldBytes: Int { nodes.count * MemoryLayout<TreeTask.Node>.stride + payloads.count * 4 }
}

extension Float {
  static func masks(_ forest: CompactForest<Float>) -> MaskForest? {
    // Without wide registers a mask costs more than it saves in larger trees.
    MaskForest(forest, maxLeaves: KernelTable.current.gemmColumns >= 16 ? 64 : 32)
  }

  static func walk(
    _ rows: ForestRows<Float>, _ forest: Forest<Float>, _ compact: CompactForest<Float>, _ masks: MaskForest
  ) {
    let lanes = TreeTask.rowCount
    let size = compact.slotCount &* lanes
    let groups = Swift.min(4, (rows.rows.count &+ lanes &- 1) / lanes)
    let payloads = (MaskForest.chunk &+ 1) &* lanes
    Scratch.with(floats: payloads &+ groups &* size) { scratch in
      let transposed = scratch + payloads
      var row = rows.rows.lowerBound
      while row < rows.rows.upperBound {
        let left = rows.rows.upperBound &- row
        let n = Swift.min(groups, (left &+ lanes &- 1) / lanes)
        var missing: UInt64 = 0
        for g in 0..<n {
          let first = row &+ g &* lanes
          if rows.transpose(first, lanes: lanes, compact.features, transposed + g &* size) { missing |= 1 << UInt64(g) }
        }
        let tile = MaskTile(
          rows: rows, forest: forest, compact: compact, masks: masks, kernels: KernelTable.current, row: row, groups: n,
          missing: missing, transposed: transposed, payloads: scratch)
        for run in masks.runs { tile.walk(run) }
        row &+= n &* lanes
      }
    }
  }
}

/// Up to four times sixteen rows on their way through the trees.
private struct MaskTile {
  let rows: ForestRows<Float>
  let forest: Forest<Float>
  let compact: CompactForest<Float>
  let masks: MaskForest
  let kernels: KernelTable
  let row: Int
  let groups: Int
  /// By group: some value is missing.
  let missing: UInt64
  let transposed: UnsafeMutablePointer<Float>
  let payloads: UnsafeMutablePointer<Float>

  func walk(_ run: MaskForest.Run) {
    let lanes = TreeTask.rowCount
    let size = compact.slotCount &* lanes
    var tree = run.trees.lowerBound
    while tree < run.trees.upperBound {
      let chunk = tree..<Swift.min(run.trees.upperBound, tree &+ MaskForest.chunk)
      for g in 0..<groups {
        let first = row &+ g &* lanes
        let count = Swift.min(lanes, rows.rows.upperBound &- first)
        let x = UnsafePointer(transposed + g &* size)
        let hasMissing = missing >> UInt64(g) & 1 != 0
        if run.hasMasks && !(hasMissing && masks.mindsMissing) {
          masks.leaves(chunk, x, kernels, payloads)
          take(chunk.count, first, count)
        } else {
          for t in chunk {
            var half = 0
            while half < count {
              compact.walkEight(t, x + half, lanes: lanes, hasMissing: hasMissing) { lane, leaf in
                if half &+ lane < count { forest.add(leaf, first &+ half &+ lane, rows) }
              }
              half &+= 8
            }
          }
        }
      }
      tree = chunk.upperBound
    }
  }

  /// Adds the payloads of `trees` trees to the rows from `first` on.
  @inline(__always)
  private func take(_ trees: Int, _ first: Int, _ count: Int) {
    let lanes = TreeTask.rowCount
    if forest.sums && rows.seen == nil {
      var sums = SIMD16<Float>.zero
      for k in 0..<count { sums[k] = rows.out[first &+ k] }
      for t in 0..<trees { sums += UnsafeRawPointer(payloads + t &* lanes).loadUnaligned(as: SIMD16<Float>.self) }
      for k in 0..<count { rows.out[first &+ k] = sums[k] }
      return
    }
    for t in 0..<trees {
      for k in 0..<count { forest.add(payloads[t &* lanes &+ k], first &+ k, rows) }
    }
  }
}
