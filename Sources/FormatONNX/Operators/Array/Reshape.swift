import InferenceGraph
import TensorCore

extension OperatorTable {
  static let reshape = ONNXOperator("Reshape", versions: [1, 5, 13, 14, 19, 21, 23, 24, 25]) { n in
    if n.version < 5 {
      guard let shape = try n.ints("shape") else {
        throw GraphError(.invalidModel, "attribute \"shape\" is required and missing")
      }
      return [try n.add(Reshape(), n.required(0), n.integers(shape))]
    }
    let allowZero = try n.int("allowzero", default: 0) != 0
    return [try n.add(Reshape(allowZero: allowZero), n.required(0), n.required(1))]
  }

  static let flatten = ONNXOperator("Flatten", versions: [1, 9, 11, 13, 21, 23, 24, 25]) { n in
    [try n.add(Flatten(axis: n.int("axis", default: 1)), n.required(0))]
  }
}

extension Lowering {
  /// A constant list of `int64`.
  func integers(_ values: [Int]) -> ValueID { constant(Tensor(values.map { Int64($0) })) }

  /// Input `index`, or the list that an older definition has in attribute `name`.
  func integers(_ name: String, orInput index: Int) throws -> ValueID? {
    try optional(index) ?? ints(name).map { integers($0) }
  }
}
