import InferenceGraph
import TensorCore
import TreeEnsembles

/// Reads the node lists of TreeEnsembleClassifier and TreeEnsembleRegressor (`nodes_*`, and `class_*` or `target_*`).
struct TreeAttributes {
  private let n: Lowering
  private let treeIDs: [Int]
  private let nodeIDs: [Int]
  private let trueIDs: [Int]
  private let falseIDs: [Int]
  private let features: [Int]
  private let modes: [String]
  private let values: [Double]
  private let missing: [Int]
  /// Where each tree's nodes begin in the lists, when its node ids count up from 0; by tree id.
  private var consecutive: [Int: (start: Int, count: Int)] = [:]
  /// Positions by tree and node id, for trees whose ids do not.
  private var positions: [Key: Int] = [:]

  private struct Key: Hashable {
    var tree: Int
    var node: Int
  }

  init(_ n: Lowering) throws {
    self.n = n
    treeIDs = try n.ints("nodes_treeids") ?? []
    nodeIDs = try n.ints("nodes_nodeids") ?? []
    trueIDs = try n.ints("nodes_truenodeids") ?? []
    falseIDs = try n.ints("nodes_falsenodeids") ?? []
    features = try n.ints("nodes_featureids") ?? []
    modes = try n.strings("nodes_modes") ?? []
    values = try TreeAttributes.numbers(n, "nodes_values")
    missing = try n.ints("nodes_missing_value_tracks_true") ?? []
    let count = treeIDs.count
    guard count > 0 else { throw GraphError(.invalidModel, "attribute \"nodes_treeids\" is missing or empty") }
    for (name, have) in [
      ("nodes_nodeids", nodeIDs.count), ("nodes_truenodeids", trueIDs.count), ("nodes_falsenodeids", falseIDs.count),
      ("nodes_featureids", features.count), ("nodes_modes", modes.count), ("nodes_values", values.count),
    ] where have != count {
      throw GraphError(.invalidModel, "attribute \"\(name)\" has \(have) values for \(count) nodes")
    }
    guard missing.isEmpty || missing.count == count else {
      throw GraphError(
        .invalidModel, "attribute \"nodes_missing_value_tracks_true\" has \(missing.count) values for \(count) nodes")
    }
    try index()
  }

  /// A list of numbers that may also come as a tensor.
  static func numbers(_ n: Lowering, _ name: String) throws -> [Double] {
    if n.version >= 3, let tensor = try n.tensor("\(name)_as_tensor"), tensor.count > 0 {
      if let v = tensor.array(of: Double.self) { return v }
      if let v = tensor.array(of: Float.self) { return v.map { Double($0) } }
      throw GraphError(.invalidModel, "attribute \"\(name)_as_tensor\" is \(tensor.dtype), expected float32 or float64")
    }
    return (try n.floats(name) ?? []).map { Double($0) }
  }

  private mutating func index() throws {
    var start = 0
    while start < treeIDs.count {
      var end = start
      var counts = true
      while end < treeIDs.count, treeIDs[end] == treeIDs[start] {
        counts = counts && nodeIDs[end] == end - start
        end += 1
      }
      guard counts, consecutive[treeIDs[start]] == nil else { return try indexAll() }
      consecutive[treeIDs[start]] = (start, end - start)
      start = end
    }
  }

  private mutating func indexAll() throws {
    consecutive = [:]
    positions.reserveCapacity(treeIDs.count)
    for i in treeIDs.indices {
      guard positions.updateValue(i, forKey: Key(tree: treeIDs[i], node: nodeIDs[i])) == nil else {
        throw GraphError(
          .invalidModel, "attribute \"nodes_nodeids\": node \(nodeIDs[i]) of tree \(treeIDs[i]) is there twice")
      }
    }
  }

  private func position(_ tree: Int, _ node: Int) -> Int? {
    if let run = consecutive[tree] { return node >= 0 && node < run.count ? run.start + node : nil }
    return positions.isEmpty ? nil : positions[Key(tree: tree, node: node)]
  }

  /// The ensemble.
  ///
  /// - Parameters:
  ///   - prefix: `class` or `target`: of the attributes that give leaves their weights.
  ///   - ids: the attribute that says which class or target.
  func ensemble(prefix: String, ids idName: String, targets: Int) throws -> Ensemble {
    var leaves = Ensemble.Leaves()
    let leafOf = try readLeaves(prefix, idName, targets, &leaves)
    var splitOf = [Int32](repeating: -1, count: modes.count)
    var order: [Int] = []
    var kinds: [Ensemble.Mode] = []
    for (i, name) in modes.enumerated() where leafOf[i] < 0 {
      splitOf[i] = Int32(clamping: order.count)
      order.append(i)
      kinds.append(try TreeAttributes.mode(name))
    }
    func child(_ i: Int, _ id: Int, _ attribute: String) throws -> Ensemble.Child {
      guard let at = position(treeIDs[i], id) else {
        throw GraphError(
          .invalidModel, "attribute \"\(attribute)\": \(label(i)) has the child \(id), which does not exist")
      }
      return leafOf[at] >= 0 ? .leaf(Int(leafOf[at])) : .split(Int(splitOf[at]))
    }
    var isChild = [Bool](repeating: false, count: modes.count)
    var splits: [Ensemble.Split] = []
    splits.reserveCapacity(order.count)
    for (i, mode) in zip(order, kinds) {
      splits.append(
        Ensemble.Split(
          feature: features[i], mode: mode, threshold: values[i],
          missingTracksTrue: !missing.isEmpty && missing[i] == 1,
          whenTrue: try child(i, trueIDs[i], "nodes_truenodeids"),
          whenFalse: try child(i, falseIDs[i], "nodes_falsenodeids")))
      for id in [trueIDs[i], falseIDs[i]] { if let at = position(treeIDs[i], id) { isChild[at] = true } }
    }
    var roots: [Ensemble.Child] = []
    var seen = Set<Int>()
    for (i, tree) in treeIDs.enumerated() where (i == 0 || treeIDs[i - 1] != tree) && seen.insert(tree).inserted {
      guard !isChild[i] else {
        throw GraphError(
          .invalidModel, "\(label(i)) is the first of its tree, but the child of another: a tree begins with its root")
      }
      roots.append(leafOf[i] >= 0 ? .leaf(Int(leafOf[i])) : .split(Int(splitOf[i])))
    }
    return try Ensemble(
      splits: splits, leaves: leaves, roots: roots, targetCount: targets, name: { label(order[$0]) })
  }

  private func label(_ i: Int) -> String { "node \(nodeIDs[i]) of tree \(treeIDs[i])" }

  private static func mode(_ name: String) throws -> Ensemble.Mode {
    switch name {
    case "BRANCH_LEQ": .lessOrEqual
    case "BRANCH_LT": .less
    case "BRANCH_GTE": .greaterOrEqual
    case "BRANCH_GT": .greater
    case "BRANCH_EQ": .equal
    case "BRANCH_NEQ": .notEqual
    default: throw GraphError(.invalidModel, "attribute \"nodes_modes\" has the unknown mode \"\(name)\"")
    }
  }

  /// Fills `leaves` and returns each node's leaf, -1 for splits.
  private func readLeaves(
    _ prefix: String, _ idName: String, _ targets: Int, _ leaves: inout Ensemble.Leaves
  ) throws -> [Int32] {
    let trees = try n.ints("\(prefix)_treeids") ?? []
    let nodes = try n.ints("\(prefix)_nodeids") ?? []
    let ids = try n.ints(idName) ?? []
    let weights = try TreeAttributes.numbers(n, "\(prefix)_weights")
    for (name, have) in [("\(prefix)_nodeids", nodes.count), (idName, ids.count), ("\(prefix)_weights", weights.count)]
    where have != trees.count {
      throw GraphError(.invalidModel, "attribute \"\(name)\" has \(have) values, \"\(prefix)_treeids\" \(trees.count)")
    }
    // Entries by node, in the order of the file: a counting sort.
    var starts = [Int](repeating: 0, count: modes.count + 1)
    var at: [Int] = []
    at.reserveCapacity(trees.count)
    for e in trees.indices {
      guard let p = position(trees[e], nodes[e]) else {
        throw GraphError(
          .invalidModel,
          "attribute \"\(prefix)_nodeids\": there is no node \(nodes[e]) in tree \(trees[e])")
      }
      guard ids[e] >= 0, ids[e] < targets else {
        throw GraphError(.invalidModel, "attribute \"\(idName)\" has the value \(ids[e]), expected 0 to \(targets - 1)")
      }
      at.append(p)
      starts[p + 1] += 1
    }
    for i in 1..<starts.count { starts[i] += starts[i - 1] }
    var next = starts
    var sorted = [Int](repeating: 0, count: at.count)
    for (e, p) in at.enumerated() {
      sorted[next[p]] = e
      next[p] += 1
    }
    var leafOf = [Int32](repeating: -1, count: modes.count)
    leaves.reserve(leaves: modes.count, weights: sorted.count)
    for (i, mode) in modes.enumerated() where mode == "LEAF" {
      var entries = sorted[starts[i]..<starts[i + 1]]
      // skl2onnx repeats the leaves of decision paths; ONNX Runtime reads one weight where there is one target.
      if targets == 1 { entries = entries.prefix(1) }
      for e in entries { leaves.add(target: ids[e], weight: weights[e]) }
      leafOf[i] = Int32(clamping: leaves.endLeaf())
    }
    return leafOf
  }
}
