import InferenceGraph

extension OperatorTable {
  static let det = ONNXOperator("Det", versions: [11, 22]) { n in try [n.add(Determinant(), n.required(0))] }
}
