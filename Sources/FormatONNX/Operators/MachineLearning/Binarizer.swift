import InferenceGraph
import LinearModels

extension OperatorTable {
  static let binarizer = ONNXOperator("Binarizer", domain: machineLearningDomain, versions: [1]) { n in
    try n.add(Binarizer(threshold: n.float("threshold", default: 0)), [n.required(0)])
  }
}
