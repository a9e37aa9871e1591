import InferenceGraph
import LinearModels

extension OperatorTable {
  static let featureVectorizer = ONNXOperator("FeatureVectorizer", domain: machineLearningDomain, versions: [1]) { n in
    try n.add(FeatureVectorizer(widths: n.ints("inputdimensions") ?? []), n.inputs)
  }
}
