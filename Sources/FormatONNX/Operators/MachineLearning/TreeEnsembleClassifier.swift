import InferenceGraph
import LinearModels
import TensorCore
import TreeEnsembles

extension OperatorTable {
  static let treeEnsembleClassifier = ONNXOperator(
    "TreeEnsembleClassifier", domain: machineLearningDomain, versions: [1, 3, 5]
  ) { n in
    let x = try n.required(0)
    let labels = try n.labels("classlabels_int64s", "classlabels_strings")
    let ensemble = try TreeAttributes(n).ensemble(prefix: "class", ids: "class_ids", targets: labels.count)
    let op = try TreeEnsembleClassifier(
      ensemble, labels: labels, baseValues: TreeAttributes.numbers(n, "base_values"),
      transform: n.choice("post_transform", default: .none), input: n.fact(x).dtype ?? .float32)
    return try n.add(op, [x])
  }
}
