import InferenceGraph
import LinearModels

extension OperatorTable {
  static let normalizer = ONNXOperator("Normalizer", domain: machineLearningDomain, versions: [1]) { n in
    try n.add(Normalizer(n.choice("norm", default: .max)), [n.required(0)])
  }
}
