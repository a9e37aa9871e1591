import InferenceGraph
import LinearModels

extension OperatorTable {
  static let linearClassifier = ONNXOperator("LinearClassifier", domain: machineLearningDomain, versions: [1]) { n in
    let x = try n.required(0)
    let op = try LinearClassifier(
      coefficients: n.floats("coefficients") ?? [], intercepts: n.floats("intercepts") ?? [],
      labels: n.has("classlabels_ints") || n.has("classlabels_strings")
        ? n.labels("classlabels_ints", "classlabels_strings") : .integers([0, 1]),
      transform: n.choice("post_transform", default: .none), columns: n.fact(x).shape?.last?.value)
    return try n.add(op, [x])
  }
}
