import InferenceGraph
import LinearModels

extension OperatorTable {
  static let dictVectorizer = ONNXOperator("DictVectorizer", domain: machineLearningDomain, versions: [1]) { n in
    try n.add(DictVectorizer(n.labels("int64_vocabulary", "string_vocabulary")), [n.required(0)])
  }
}
