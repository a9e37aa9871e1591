import InferenceGraph

extension OperatorTable {
  static let oneHot = ONNXOperator("OneHot", versions: [9, 11, 28]) { n in
    try n.add(OneHot(axis: n.int("axis", default: -1)), [n.required(0), n.required(1), n.required(2)])
  }
}
