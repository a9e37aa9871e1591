import TensorCore

/// Trees whose every test is `x <= threshold`, in nodes of eight bytes (sixteen for double thresholds), breadth first.
///
/// The children of a node are neighbours, so the next node is a distance away plus one where the test fails: there is no
/// branch to predict. A leaf is its own child: its feature is a slot that holds minus infinity, above which nothing lies.
/// Rows are walked several at a time (or several trees at a time for one row), which hides the latency of the loads.
///
struct CompactForest<T: TreeNumber>: Sendable {
  struct Node: Sendable, BitwiseCopyable {
    /// The greatest value that goes left; in a leaf, what `LeafTable` put there.
    var threshold: T
    /// Four times the number of the feature's slot: its offset in bytes in a row of floats.
    var slot: UInt16
    /// Nodes from this one to its left child; 0 in a leaf.
    var distance: UInt16
  }

  private(set) var nodes: ConstantArray<Node>
  /// By node: a missing value goes left.
  private(set) var missingLeft: ConstantArray<Bool>
  /// Index of each tree's root in `nodes`.
  let roots: [Int32]
  let depths: [Int32]
  /// The features that the trees test, in the order of their slots; slot 0 is the leaves'.
  let features: [Int32]

  /// Compiles an ensemble; nil when a test, the number of features or the size of a tree does not fit the form, or when
  /// sharing between trees would make it grow too much.
  ///
  /// - Parameter threshold: the split's `x <= threshold` form.
  init?(_ ensemble: Ensemble, leaves: LeafTable<T>, threshold: (Ensemble.Split) -> T?) {
    var slots: [Int: UInt16] = [:]
    var features: [Int32] = []
    for split in ensemble.splits where slots[split.feature] == nil {
      features.append(Int32(split.feature))
      slots[split.feature] = UInt16(truncatingIfNeeded: features.count)
    }
    guard features.count * 4 <= Int(UInt16.max) else { return nil }
    let limit = 2 * (ensemble.splits.count + ensemble.leaves.count + ensemble.roots.count) + 4096
    var nodes: [Node] = []
    var missingLeft: [Bool] = []
    func append() {
      nodes.append(Node(threshold: 0, slot: 0, distance: 0))
      missingLeft.append(true)
    }
    var roots: [Int32] = []
    var queue: [(node: Int, child: Ensemble.Child)] = []
    for root in ensemble.roots {
      roots.append(Int32(nodes.count))
      append()
      queue.removeAll(keepingCapacity: true)
      queue.append((nodes.count - 1, root))
      var next = 0
      while next < queue.count {
        let (at, child) = queue[next]
        next += 1
        guard let index = child.split else {
          nodes[at].threshold = leaves.payload(child.leaf)
          continue
        }
        let split = ensemble.splits[index]
        guard let t = threshold(split), let slot = slots[split.feature], nodes.count + 2 <= limit else { return nil }
        let isSwapped = split.mode == .greater || split.mode == .greaterOrEqual
        let distance = nodes.count - at
        guard distance <= Int(UInt16.max) else { return nil }
        nodes[at] = Node(threshold: t, slot: slot * 4, distance: UInt16(distance))
        missingLeft[at] = split.missingTracksTrue != isSwapped
        queue.append((nodes.count, isSwapped ? split.whenFalse : split.whenTrue))
        queue.append((nodes.count + 1, isSwapped ? split.whenTrue : split.whenFalse))
        append()
        append()
      }
    }
    self.nodes = ConstantArray(nodes)
    self.missingLeft = ConstantArray(missingLeft)
    self.roots = roots
    self.features = features
    depths = ensemble.depths.map { Int32(clamping: $0) }
  }

  /// Slots of a row: one a feature, and the leaves'.
  var slotCount: Int { features.count + 1 }

  func settled(in constants: Constants) -> CompactForest {
    var forest = self
    forest.nodes = nodes.settled(in: constants, as: "nodes")
    forest.missingLeft = missingLeft.settled(in: constants, as: "missing")
    return forest
  }

  func addHeld(to memory: inout HeldMemory) {
    memory.add(nodes)
    memory.add(missingLeft)
    memory.add(privateBytes: 4 * (roots.count + depths.count + features.count))
  }
}

extension CompactForest {
  /// The next node of a row whose slots lie `scale` floats apart, beginning at `x`.
  @inline(__always)
  private func step(_ node: UnsafePointer<Node>, _ x: UnsafeRawPointer, _ scale: Int) -> UnsafePointer<Node> {
    let value = x.load(fromByteOffset: Int(node.pointee.slot) &* scale, as: T.self)
    let right = value > node.pointee.threshold
    return node + Int(node.pointee.distance) + (right ? 1 : 0)
  }

  /// `step` for values that may be missing.
  @inline(__always)
  private func stepMissing(
    _ node: UnsafePointer<Node>, _ base: UnsafePointer<Node>, _ missingLeft: UnsafePointer<Bool>, _ x: UnsafeRawPointer,
    _ scale: Int
  ) -> UnsafePointer<Node> {
    let value = x.load(fromByteOffset: Int(node.pointee.slot) &* scale, as: T.self)
    let right = value != value ? !missingLeft[node - base] : value > node.pointee.threshold
    return node + Int(node.pointee.distance) + (right ? 1 : 0)
  }

  /// Walks eight nodes down at most `depth` levels, in lanes that `lane` advances.
  @inline(__always)
  private func descend(
    _ p:
      inout (
        UnsafePointer<Node>, UnsafePointer<Node>, UnsafePointer<Node>, UnsafePointer<Node>, UnsafePointer<Node>,
        UnsafePointer<Node>, UnsafePointer<Node>, UnsafePointer<Node>
      ), _ depth: Int, _ lane: (UnsafePointer<Node>, Int) -> UnsafePointer<Node>
  ) {
    var left = depth
    while left > 0 {
      // A tree deeper than this is left early once all lanes have come to their leaves.
      let levels = Swift.min(left, 8)
      for _ in 0..<levels {
        p.0 = lane(p.0, 0)
        p.1 = lane(p.1, 1)
        p.2 = lane(p.2, 2)
        p.3 = lane(p.3, 3)
        p.4 = lane(p.4, 4)
        p.5 = lane(p.5, 5)
        p.6 = lane(p.6, 6)
        p.7 = lane(p.7, 7)
      }
      left &-= levels
      if left > 0 {
        let distances =
          (p.0.pointee.distance | p.1.pointee.distance | p.2.pointee.distance | p.3.pointee.distance)
          | (p.4.pointee.distance | p.5.pointee.distance | p.6.pointee.distance | p.7.pointee.distance)
        if distances == 0 { return }
      }
    }
  }

  /// Floats that a value takes.
  @inline(__always) private var unit: Int { MemoryLayout<T>.stride / 4 }

  /// Calls `leaf` with the payload of every tree's leaf for one row, in the order of the trees.
  ///
  /// - Parameter x: `slotCount` values, the first minus infinity.
  @inline(__always)
  func walk(_ x: UnsafePointer<T>, hasMissing: Bool, _ leaf: (T) -> Void) {
    let raw = UnsafeRawPointer(x)
    nodes.withUnsafeBufferPointer { nodes in
      let base = nodes.baseAddress!
      var tree = 0
      while tree &+ 8 <= roots.count {
        var p = (
          base + Int(roots[tree]), base + Int(roots[tree &+ 1]), base + Int(roots[tree &+ 2]),
          base + Int(roots[tree &+ 3]), base + Int(roots[tree &+ 4]), base + Int(roots[tree &+ 5]),
          base + Int(roots[tree &+ 6]), base + Int(roots[tree &+ 7])
        )
        var depth: Int32 = 0
        for k in 0..<8 { depth = Swift.max(depth, depths[tree &+ k]) }
        if hasMissing {
          missingLeft.withUnsafeBufferPointer { left in
            descend(&p, Int(depth)) { node, _ in stepMissing(node, base, left.baseAddress!, raw, unit) }
          }
        } else {
          descend(&p, Int(depth)) { node, _ in step(node, raw, unit) }
        }
        leaf(p.0.pointee.threshold)
        leaf(p.1.pointee.threshold)
        leaf(p.2.pointee.threshold)
        leaf(p.3.pointee.threshold)
        leaf(p.4.pointee.threshold)
        leaf(p.5.pointee.threshold)
        leaf(p.6.pointee.threshold)
        leaf(p.7.pointee.threshold)
        tree &+= 8
      }
      while tree < roots.count {
        var p = base + Int(roots[tree])
        while p.pointee.distance != 0 {
          p = missingLeft.withUnsafeBufferPointer { stepMissing(p, base, $0.baseAddress!, raw, unit) }
        }
        leaf(p.pointee.threshold)
        tree &+= 1
      }
    }
  }

  /// Calls `leaf` with a lane and the payload of tree `tree`'s leaf for each of eight rows.
  ///
  /// - Parameters:
  ///   - x: `lanes` values a slot, side by side, of which the first eight are walked; those of slot 0 minus infinity.
  @inline(__always)
  func walkEight(_ tree: Int, _ x: UnsafePointer<T>, lanes: Int, hasMissing: Bool, _ leaf: (Int, T) -> Void) {
    let raw = UnsafeRawPointer(x)
    let width = MemoryLayout<T>.stride
    nodes.withUnsafeBufferPointer { nodes in
      let root = nodes.baseAddress! + Int(roots[tree])
      var p = (root, root, root, root, root, root, root, root)
      if hasMissing {
        missingLeft.withUnsafeBufferPointer { left in
          descend(&p, Int(depths[tree])) { node, k in
            stepMissing(node, nodes.baseAddress!, left.baseAddress!, raw + k &* width, lanes &* unit)
          }
        }
      } else {
        descend(&p, Int(depths[tree])) { node, k in step(node, raw + k &* width, lanes &* unit) }
      }
      leaf(0, p.0.pointee.threshold)
      leaf(1, p.1.pointee.threshold)
      leaf(2, p.2.pointee.threshold)
      leaf(3, p.3.pointee.threshold)
      leaf(4, p.4.pointee.threshold)
      leaf(5, p.5.pointee.threshold)
      leaf(6, p.6.pointee.threshold)
      leaf(7, p.7.pointee.threshold)
    }
  }
}
