import Kernels
import TensorCore

/// Trees of at most 64 leaves as lists of nodes for `KernelTable.treeLeaves`, which finds the leaves of many rows at
/// once. Trees with more leaves stay in a `CompactForest`.
struct MaskForest: Sendable {
  /// Trees that follow each other and all have masks, or all have not.
  struct Run: Sendable {
    var trees: Range<Int>
    var hasMasks: Bool
  }

  let runs: [Run]
  private var nodes: ConstantArray<TreeTask.Node>
  /// By tree of the ensemble; those without masks are empty.
  private var trees: ConstantArray<TreeTask.Tree>
  private var payloads: ConstantArray<Float>
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
    self.nodes = ConstantArray(nodes)
    self.trees = ConstantArray(trees)
    self.payloads = ConstantArray(payloads)
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
      if nodes.count % 2 != 0 {
        nodes.append(TreeTask.Node(threshold: .infinity, offset: 0, low: ~0, high: ~0))
      }
    }
  }

  /// Writes `lanes` payloads for each of `range`'s trees.
  ///
  /// - Parameters:
  ///   - rows: `lanes` values a slot of the compact forest.
  ///   - out: room for `lanes` payloads a tree, and as many more.
  ///   - sums: `lanes` values that the payloads are added to; then `out` is working memory for twice `lanes` values.
  @inline(__always)
  func leaves(
    _ range: Range<Int>, lanes: Int, _ rows: UnsafePointer<Float>, _ kernels: KernelTable,
    _ out: UnsafeMutablePointer<Float>, sums: UnsafeMutablePointer<Float>? = nil
  ) {
    nodes.withUnsafeBufferPointer { nodes in
      trees.withUnsafeBufferPointer { trees in
        payloads.withUnsafeBufferPointer { payloads in
          guard let first = trees.baseAddress, let payload = payloads.baseAddress, let node = nodes.baseAddress else {
            return
          }
          var task = TreeTask(
            lanes: lanes, rows: rows, nodes: node, trees: first + range.lowerBound, treeCount: range.count,
            payloads: payload,
            out: out, sums: sums)
          kernels.treeLeaves(&task)
        }
      }
    }
  }

  func settled(in constants: Constants) -> MaskForest {
    var forest = self
    forest.nodes = nodes.settled(in: constants, as: "mask nodes")
    forest.trees = trees.settled(in: constants, as: "mask trees")
    forest.payloads = payloads.settled(in: constants, as: "mask leaves")
    return forest
  }

  func addHeld(to memory: inout HeldMemory) {
    memory.add(nodes)
    memory.add(trees)
    memory.add(payloads)
    memory.add(privateBytes: runs.count * MemoryLayout<Run>.stride)
  }
}

extension Float {
  static func masks(_ forest: CompactForest<Float>) -> MaskForest? {
    // Without wide registers a mask costs more than it saves in larger trees.
    MaskForest(forest, maxLeaves: KernelTable.current.gemmColumns >= 16 ? 64 : 32)
  }

  static func walk(
    _ rows: ForestRows<Float>, _ forest: Forest<Float>, _ compact: CompactForest<Float>, _ masks: MaskForest
  ) {
    let widest = rows.rows.count > 32 ? 64 : 16
    let payloads = (MaskForest.chunk &+ 1) &* widest
    Scratch.with(floats: payloads &+ widest &* compact.slotCount) { scratch in
      let transposed = scratch + payloads
      var row = rows.rows.lowerBound
      while row < rows.rows.upperBound {
        let left = rows.rows.upperBound &- row
        let lanes = left > 32 ? 64 : 16
        let hasMissing = rows.transpose(row, lanes: lanes, compact.features, transposed)
        let tile = MaskTile(
          rows: rows, forest: forest, compact: compact, masks: masks, kernels: KernelTable.current, row: row,
          count: Swift.min(left, lanes), lanes: lanes, usesMasks: !(hasMissing && masks.mindsMissing),
          hasMissing: hasMissing, transposed: transposed, payloads: scratch)
        for run in masks.runs { tile.walk(run) }
        row &+= lanes
      }
    }
  }
}

/// Up to 64 rows on their way through the trees.
private struct MaskTile {
  let rows: ForestRows<Float>
  let forest: Forest<Float>
  let compact: CompactForest<Float>
  let masks: MaskForest
  let kernels: KernelTable
  /// The first row, and how many there are; lanes beyond repeat the last.
  let row: Int
  let count: Int
  let lanes: Int
  let usesMasks: Bool
  let hasMissing: Bool
  let transposed: UnsafeMutablePointer<Float>
  let payloads: UnsafeMutablePointer<Float>

  func walk(_ run: MaskForest.Run) {
    if !run.hasMasks || !usesMasks {
      if lanes == 64 { walkNodes(run.trees, 64) } else { walkNodes(run.trees, 16) }
      return
    }
    if forest.sums && rows.seen == nil {
      let sums = payloads + 2 &* lanes
      for k in 0..<lanes { sums[k] = k < count ? rows.out[row &+ k] : 0 }
      masks.leaves(run.trees, lanes: lanes, transposed, kernels, payloads, sums: sums)
      for k in 0..<count { rows.out[row &+ k] = sums[k] }
      return
    }
    var tree = run.trees.lowerBound
    while tree < run.trees.upperBound {
      let chunk = tree..<Swift.min(run.trees.upperBound, tree &+ MaskForest.chunk)
      masks.leaves(chunk, lanes: lanes, transposed, kernels, payloads)
      for t in 0..<chunk.count {
        for k in 0..<count { forest.add(payloads[t &* lanes &+ k], row &+ k, rows) }
      }
      tree = chunk.upperBound
    }
  }

  @inline(__always)
  private func walkNodes(_ trees: Range<Int>, _ lanes: Int) {
    for t in trees {
      var first = 0
      while first < count {
        compact.walkEight(t, transposed + first, lanes: lanes, hasMissing: hasMissing) { lane, leaf in
          if first &+ lane < count { forest.add(leaf, row &+ first &+ lane, rows) }
        }
        first &+= 8
      }
    }
  }
}
