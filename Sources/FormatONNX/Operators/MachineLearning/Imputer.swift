import InferenceGraph
import LinearModels

extension OperatorTable {
  static let imputer = ONNXOperator("Imputer", domain: machineLearningDomain, versions: [1]) { n in
    let op = try Imputer(
      floats: n.floats("imputed_value_floats") ?? [], replacing: n.float("replaced_value_float", default: 0),
      integers: (n.ints("imputed_value_int64s") ?? []).map { Int64($0) },
      replacing: Int64(n.int("replaced_value_int64", default: 0)))
    return try n.add(op, [n.required(0)])
  }
}
