import InferenceGraph

extension OperatorTable {
  /// Before opset 7 `broadcast` had to be set for C to broadcast; what needed no broadcasting is unaffected.
  static let gemm = ONNXOperator("Gemm", versions: [1, 6, 7, 9, 11, 13]) { n in
    let gemm = Gemm(
      alpha: try n.float("alpha", default: 1), beta: try n.float("beta", default: 1),
      transposesA: try n.int("transA", default: 0) != 0, transposesB: try n.int("transB", default: 0) != 0)
    return try [n.add(gemm, n.required(0), n.required(1), n.optional(2))]
  }
}
