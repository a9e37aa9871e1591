import InferenceGraph

extension OperatorTable {
  /// Elements are computed from the start, in at least single precision, so that `stash_type` changes nothing.
  static let range = ONNXOperator("Range", versions: [11, 27]) { n in
    try n.add(NumberRange(), [n.required(0), n.required(1), n.required(2)])
  }
}
