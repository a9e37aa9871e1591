import InferenceGraph

extension OperatorTable {
  static let `where` = ONNXOperator("Where", versions: [9, 16]) { n in
    try [n.add(Where(), n.required(0), n.required(1), n.required(2))]
  }
}
