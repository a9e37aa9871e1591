import InferenceGraph
import LinearModels

extension OperatorTable {
  static let arrayFeatureExtractor = ONNXOperator(
    "ArrayFeatureExtractor", domain: machineLearningDomain, versions: [1]
  ) { n in try n.add(ArrayFeatureExtractor(), [n.required(0), n.required(1)]) }
}
