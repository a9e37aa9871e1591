import InferenceGraph
import LinearModels
import TensorCore
import TreeEnsembles

extension OperatorTable {
  /// The ensemble of version 5: splits and leaves in lists of their own, each child by index.
  static let treeEnsemble = ONNXOperator("TreeEnsemble", domain: machineLearningDomain, versions: [5]) { n in
    let x = try n.required(0)
    let dtype = n.fact(x).dtype ?? .float32
    let aggregates: [Ensemble.Aggregate] = [.average, .sum, .min, .max]
    let transforms: [PostTransform] = [.none, .softmax, .logistic, .softmaxZero, .probit]
    let aggregate = try n.int("aggregate_function", default: 1)
    let transform = try n.int("post_transform", default: 0)
    guard aggregates.indices.contains(aggregate) else {
      throw GraphError(.invalidModel, "attribute \"aggregate_function\" is \(aggregate), expected 0 to 3")
    }
    guard transforms.indices.contains(transform) else {
      throw GraphError(.invalidModel, "attribute \"post_transform\" is \(transform), expected 0 to 4")
    }
    let op = try TreeEnsembleRegressor(
      TreeLists(n).ensemble(), aggregate: aggregates[aggregate], baseValues: [], transform: transforms[transform],
      input: dtype, output: dtype == .float64 || dtype == .float16 ? dtype : .float32)
    return try n.add(op, [x])
  }
}

/// Reads the lists of TreeEnsemble-5.
private struct TreeLists {
  let n: Lowering

  init(_ n: Lowering) { self.n = n }

  private func list(_ name: String, count: Int? = nil) throws -> [Int] {
    guard let values = try n.ints(name) else { throw GraphError(.invalidModel, "attribute \"\(name)\" is missing") }
    if let count, values.count != count {
      throw GraphError(.invalidModel, "attribute \"\(name)\" has \(values.count) values, expected \(count)")
    }
    return values
  }

  private func numbers(_ name: String) throws -> [Double]? {
    guard let tensor = try n.tensor(name) else { return nil }
    if let v = tensor.array(of: Double.self) { return v }
    if tensor.dtype == .float32 || tensor.dtype == .float16 {
      return try [Float](unsafeUninitializedCapacity: tensor.count) {
        try tensor.convert(to: $0)
        $1 = tensor.count
      }.map { Double($0) }
    }
    throw GraphError(.invalidModel, "attribute \"\(name)\" is \(tensor.dtype), expected a floating-point tensor")
  }

  func ensemble() throws -> Ensemble {
    let features = try list("nodes_featureids")
    let count = features.count
    let trueIDs = try list("nodes_truenodeids", count: count)
    let falseIDs = try list("nodes_falsenodeids", count: count)
    let trueLeafs = try list("nodes_trueleafs", count: count)
    let falseLeafs = try list("nodes_falseleafs", count: count)
    let targetIDs = try list("leaf_targetids")
    let roots = try list("tree_roots")
    let missing = n.has("nodes_missing_value_tracks_true") ? try list("nodes_missing_value_tracks_true") : []
    guard let modes = try n.tensor("nodes_modes")?.integers, modes.count == count else {
      throw GraphError(.invalidModel, "attribute \"nodes_modes\" must hold \(count) unsigned bytes")
    }
    guard let splits = try numbers("nodes_splits"), splits.count == count else {
      throw GraphError(.invalidModel, "attribute \"nodes_splits\" must hold \(count) numbers")
    }
    guard let weights = try numbers("leaf_weights"), weights.count == targetIDs.count else {
      throw GraphError(.invalidModel, "attribute \"leaf_weights\" must hold \(targetIDs.count) numbers")
    }
    guard missing.isEmpty || missing.count == count else {
      throw GraphError(
        .invalidModel, "attribute \"nodes_missing_value_tracks_true\" has \(missing.count) values for \(count) nodes")
    }
    let sets = try memberSets()
    var nextSet = 0
    var nodes: [Ensemble.Split] = []
    nodes.reserveCapacity(count)
    for i in 0..<count {
      guard modes[i] >= 0, modes[i] <= 6, let mode = Ensemble.Mode(rawValue: UInt8(modes[i])) else {
        throw GraphError(.invalidModel, "attribute \"nodes_modes\" has the value \(modes[i]), expected 0 to 6")
      }
      var threshold = splits[i]
      if mode == .member {
        guard nextSet < sets.count else {
          throw GraphError(.invalidModel, "attribute \"membership_values\" has \(sets.count) sets, too few")
        }
        threshold = Double(nextSet)
        nextSet += 1
      }
      nodes.append(
        Ensemble.Split(
          feature: features[i], mode: mode, threshold: threshold,
          missingTracksTrue: !missing.isEmpty && missing[i] != 0,
          whenTrue: try child(trueIDs[i], trueLeafs[i] != 0, count, weights.count, "nodes_truenodeids"),
          whenFalse: try child(falseIDs[i], falseLeafs[i] != 0, count, weights.count, "nodes_falsenodeids")))
    }
    guard nextSet == sets.count else {
      throw GraphError(.invalidModel, "attribute \"membership_values\" has \(sets.count) sets for \(nextSet) nodes")
    }
    var leaves = Ensemble.Leaves()
    leaves.reserve(leaves: weights.count, weights: weights.count)
    for (target, weight) in zip(targetIDs, weights) {
      leaves.add(target: target, weight: weight)
      leaves.endLeaf()
    }
    let heads = try roots.map { root -> Ensemble.Child in
      guard root >= 0, root < count else {
        throw GraphError(.invalidModel, "attribute \"tree_roots\" has the value \(root), expected 0 to \(count - 1)")
      }
      // A tree that is one leaf is written as a node both of whose children are that leaf.
      let isLeaf = trueLeafs[root] != 0 && falseLeafs[root] != 0 && trueIDs[root] == falseIDs[root]
      return isLeaf ? nodes[root].whenTrue : .split(root)
    }
    return try Ensemble(
      splits: nodes, leaves: leaves, roots: heads, targetCount: n.int("n_targets", default: 1), sets: sets,
      name: { "node \($0)" })
  }

  private func child(_ id: Int, _ isLeaf: Bool, _ nodes: Int, _ leaves: Int, _ attribute: String) throws
    -> Ensemble.Child
  {
    guard id >= 0, id < (isLeaf ? leaves : nodes) else {
      throw GraphError(
        .invalidModel,
        "attribute \"\(attribute)\" has the value \(id), but there are \(isLeaf ? leaves : nodes) "
          + (isLeaf ? "leaves" : "nodes"))
    }
    return isLeaf ? .leaf(id) : .split(id)
  }

  /// The sets of `membership_values`, each ended by NaN.
  private func memberSets() throws -> [[Double]] {
    var sets: [[Double]] = []
    var members: [Double] = []
    for value in try numbers("membership_values") ?? [] {
      if value.isNaN {
        sets.append(members)
        members = []
      } else {
        members.append(value)
      }
    }
    if !members.isEmpty { sets.append(members) }
    return sets
  }
}
