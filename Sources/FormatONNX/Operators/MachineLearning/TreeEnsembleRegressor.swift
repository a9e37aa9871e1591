import InferenceGraph
import LinearModels
import TensorCore
import TreeEnsembles

extension OperatorTable {
  static let treeEnsembleRegressor = ONNXOperator(
    "TreeEnsembleRegressor", domain: machineLearningDomain, versions: [1, 3, 5]
  ) { n in
    let x = try n.required(0)
    let targets = try n.int("n_targets", default: 1)
    guard targets > 0 else { throw GraphError(.invalidModel, "attribute \"n_targets\" is \(targets)") }
    let ensemble = try TreeAttributes(n).ensemble(prefix: "target", ids: "target_ids", targets: targets)
    let op = try TreeEnsembleRegressor(
      ensemble, aggregate: n.choice("aggregate_function", default: .sum),
      baseValues: TreeAttributes.numbers(n, "base_values"), transform: n.choice("post_transform", default: .none),
      input: n.fact(x).dtype ?? .float32, output: .float32)
    return try n.add(op, [x])
  }
}
