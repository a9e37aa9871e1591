import InferenceGraph

extension OperatorTable {
  static let transpose = ONNXOperator("Transpose", versions: [1, 13, 21, 23, 24, 25]) { n in
    [try n.add(Transpose(n.ints("perm")), n.required(0))]
  }
}
