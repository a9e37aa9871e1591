import InferenceGraph
import LinearModels

extension OperatorTable {
  static let oneHotEncoder = ONNXOperator("OneHotEncoder", domain: machineLearningDomain, versions: [1]) { n in
    let op = try OneHotEncoder(
      categories: n.labels("cats_int64s", "cats_strings"), allowsUnknown: n.int("zeros", default: 1) != 0)
    return try n.add(op, [n.required(0)])
  }
}
