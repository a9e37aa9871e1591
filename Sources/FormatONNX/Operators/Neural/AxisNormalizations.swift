import InferenceGraph

extension OperatorTable {
  static let axisNormalizations: [ONNXOperator] = [
    ONNXOperator("LpNormalization", versions: [1, 22]) { n in
      let p = try n.int("p", default: 2)
      guard p == 1 || p == 2 else { throw GraphError(.invalidModel, "p is \(p) and must be 1 or 2") }
      return try [n.add(AxisNormalization(.norm(p: p), axes: [n.int("axis", default: -1)]), n.required(0))]
    },
    ONNXOperator("MeanVarianceNormalization", versions: [9, 13]) { n in
      try [n.add(AxisNormalization(.meanVariance, axes: n.ints("axes") ?? [0, 2, 3]), n.required(0))]
    },
    ONNXOperator("LRN", versions: [1, 13]) { n in
      guard let size = try n.int("size"), size > 0, size < 1 << 30 else {
        throw GraphError(.invalidModel, "attribute \"size\" must be a positive number")
      }
      let kind = AxisNormalization.Kind.localResponse(
        size: size, alpha: try n.float("alpha", default: 1e-4), beta: try n.float("beta", default: 0.75),
        bias: try n.float("bias", default: 1))
      return try [n.add(AxisNormalization(kind, axes: [1]), n.required(0))]
    },
  ]
}
