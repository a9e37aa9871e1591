import InferenceGraph

extension OperatorTable {
  static let axisNormalizations: [ONNXOperator] = [
    ONNXOperator("LpNormalization", versions: [1, 22]) { n in
      let p = try n.int("p", default: 2)
      guard p == 1 || p == 2 else { throw GraphError(.invalidModel, "p is \(p) and must be 1 or 2") }
      return try [n.add(AxisNormalization(.norm(p: p), axes: [n.int("axis", default: -1)]), n.required(0))]
    },
    ONNXOperator("MeanVarianceNormalization", versions: [1, 9, 13]) { n in
      if n.version == 1 {
        let axes = try n.int("across_channels", default: 0) != 0 ? [0, 1, 2, 3] : [0, 2, 3]
        let x = try n.required(0)
        guard try n.int("normalize_variance", default: 1) != 0 else {
          return [try n.difference(x, n.add(Reduce(.mean, axes: axes, keepsAxes: true), x))]
        }
        return [try n.add(AxisNormalization(.meanVariance, axes: axes), x)]
      }
      return try [n.add(AxisNormalization(.meanVariance, axes: n.ints("axes") ?? [0, 2, 3]), n.required(0))]
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
