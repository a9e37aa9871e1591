import InferenceGraph

extension OperatorTable {
  static let eyeLike = ONNXOperator("EyeLike", versions: [9, 22]) { n in
    [try n.add(EyeLike(diagonal: n.int("k", default: 0), dtype: n.dtype("dtype")), n.required(0))]
  }

  static let trilu = ONNXOperator("Trilu", versions: [14]) { n in
    try n.add(Trilu(isUpper: n.int("upper", default: 1) != 0), [n.required(0), n.optional(1)])
  }
}
