import KernelSlots
import Kernels

extension Checker {
  /// Random trees of every number of leaves, walked from the root, against the masks.
  package mutating func checkTrees() {
    var numbers = Numbers(9)
    for lanes in [16, 64] {
      let features = 7
      var rows = numbers.array((features + 1) * lanes)
      for i in stride(from: lanes, to: rows.count, by: 13) { rows[i] = .nan }
      for i in stride(from: lanes + 5, to: rows.count, by: 17) { rows[i] = .infinity }
      for i in 0..<lanes { rows[i] = -.infinity }
      var trees: [TreeTask.Tree] = []
      var nodes: [TreeTask.Node] = []
      var payloads: [Float] = []
      var models: [RandomTree] = []
      for leaves in Array(1...64) {
        let tree = RandomTree(leaves: leaves, features: features, &numbers)
        let masks = tree.masks
        trees.append(
          TreeTask.Tree(
            firstNode: Int32(nodes.count), nodeCount: Int32(masks.count), firstLeaf: Int32(payloads.count),
            isWide: leaves > 32))
        nodes += masks
        payloads += (0..<leaves).map { Float(leaves * 100 + $0) }
        models.append(tree)
      }
      var out = [Float](repeating: 7, count: (trees.count + 1) * lanes + 1)
      var sums = [Float](repeating: 0.5, count: lanes)
      let count = trees.count
      for adds in [false, true] {
        rows.withUnsafeBufferPointer { rows in
          nodes.withUnsafeBufferPointer { nodes in
            trees.withUnsafeBufferPointer { trees in
              payloads.withUnsafeBufferPointer { payloads in
                out.withUnsafeMutableBufferPointer { out in
                  sums.withUnsafeMutableBufferPointer { sums in
                    var task = TreeTask(
                      lanes: lanes, rows: rows.baseAddress!, nodes: nodes.baseAddress!, trees: trees.baseAddress!,
                      treeCount: count, payloads: payloads.baseAddress!, out: out.baseAddress!,
                      sums: adds ? sums.baseAddress : nil)
                    table.treeLeaves(&task)
                  }
                }
              }
            }
          }
        }
        for lane in 0..<lanes {
          var sum: Float = 0.5
          for (t, model) in models.enumerated() {
            let want = Float((t + 1) * 100 + model.leaf { rows[($0 + 1) * lanes + lane] })
            sum += want
            if !adds { expect("treeLeaves", out[t * lanes + lane] == want, "tree \(t), lane \(lane) of \(lanes)") }
          }
          if adds { expect("treeLeaves", sums[lane] == sum, "sum of lane \(lane) of \(lanes)") }
        }
        expect("treeLeaves", out[(count + 1) * lanes] == 7, "writes beyond its room")
      }
    }
  }
}

/// A tree grown by splitting a leaf at random until there are enough.
private struct RandomTree {
  private struct Node {
    var feature = 0
    var threshold: Float = 0
    var left = -1
    var right = -1
  }

  private var nodes = [Node()]

  init(leaves: Int, features: Int, _ numbers: inout Checker.Numbers) {
    var open = [0]
    while open.count < leaves {
      let at = open.remove(at: Int(abs(numbers.next()) * 0.999 * Float(open.count)))
      nodes[at] = Node(
        feature: Int(abs(numbers.next()) * 0.999 * Float(features)), threshold: numbers.next(), left: nodes.count,
        right: nodes.count + 1)
      open += [nodes.count, nodes.count + 1]
      nodes += [Node(), Node()]
    }
  }

  /// Leaves from left to right below `node`.
  private func leaves(_ node: Int) -> [Int] {
    nodes[node].left < 0 ? [node] : leaves(nodes[node].left) + leaves(nodes[node].right)
  }

  func leaf(_ value: (Int) -> Float) -> Int {
    var at = 0
    while nodes[at].left >= 0 {
      at = value(nodes[at].feature) > nodes[at].threshold ? nodes[at].right : nodes[at].left
    }
    return leaves(0).firstIndex(of: at)!
  }

  /// The nodes as `TreeTask` takes them; 16 rows apart.
  var masks: [TreeTask.Node] {
    let order = leaves(0)
    var out: [TreeTask.Node] = []
    for node in nodes where node.left >= 0 {
      var keep = ~UInt64(0)
      for leaf in leaves(node.left) { keep &= ~(1 << UInt64(order.firstIndex(of: leaf)!)) }
      out.append(
        TreeTask.Node(
          threshold: node.threshold, offset: UInt32((node.feature + 1) * 16), low: UInt32(truncatingIfNeeded: keep),
          high: UInt32(truncatingIfNeeded: keep >> 32)))
    }
    if out.count % 2 != 0 { out.append(TreeTask.Node(threshold: .infinity, offset: 0, low: ~0, high: ~0)) }
    return out
  }
}
