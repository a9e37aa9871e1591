import InferenceGraph

extension OperatorTable {
  static let matMul = ONNXOperator("MatMul", versions: [1, 9, 13]) { n in
    try [n.add(MatMul(), n.required(0), n.required(1))]
  }
}
