import InferenceGraph
import TensorCore

extension OperatorTable {
  static let constant = ONNXOperator("Constant", versions: [1, 9, 11, 12, 13, 19, 21, 23, 24, 25]) { n in
    let tensor: Tensor
    if let value = try n.tensor("value") ?? n.tensor("sparse_value") {
      tensor = value
    } else if let value = try n.float("value_float") {
      tensor = Tensor(scalar: value)
    } else if let value = try n.floats("value_floats") {
      tensor = Tensor(value)
    } else if let value = try n.int("value_int") {
      tensor = Tensor(scalar: Int64(value))
    } else if let value = try n.ints("value_ints") {
      tensor = Tensor(value.map { Int64($0) })
    } else if let value = try n.string("value_string") {
      tensor = try Tensor(strings: [value], shape: .scalar)
    } else if let value = try n.strings("value_strings") {
      tensor = try Tensor(strings: value, shape: [value.count])
    } else {
      throw GraphError(.invalidModel, "no attribute holds a value")
    }
    return [n.constant(tensor)]
  }
}
