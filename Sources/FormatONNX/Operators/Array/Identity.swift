import InferenceGraph

extension OperatorTable {
  /// Adds nothing to the graph: the output is another name of the input.
  static let identity = ONNXOperator("Identity", versions: [1, 13, 14, 16, 19, 21, 23, 24, 25]) { n in
    [try n.required(0)]
  }
}
