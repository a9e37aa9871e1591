import InferenceGraph
import LinearModels
import TensorCore

extension OperatorTable {
  static let categoryMapper = ONNXOperator("CategoryMapper", domain: machineLearningDomain, versions: [1]) { n in
    let x = try n.required(0)
    let strings = try n.strings("cats_strings") ?? []
    let names = try Tensor(strings: strings, shape: [strings.count])
    let numbers = Tensor((try n.ints("cats_int64s") ?? []).map { Int64($0) })
    guard names.count == numbers.count else {
      throw GraphError(
        .invalidModel,
        "attributes \"cats_strings\" and \"cats_int64s\" have \(names.count) and \(numbers.count) values")
    }
    if n.fact(x).dtype == .string {
      let other = Tensor([Int64(try n.int("default_int64", default: -1))])
      return try n.add(LabelEncoder(keys: names, values: numbers, fallback: other), [x])
    }
    let other = try Tensor(strings: [n.string("default_string", default: "_Unused")], shape: [1])
    return try n.add(LabelEncoder(keys: numbers, values: names, fallback: other), [x])
  }
}
