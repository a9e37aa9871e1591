import InferenceGraph

extension OperatorTable {
  static let pools: [ONNXOperator] = [
    ONNXOperator("MaxPool", versions: [1, 8, 10, 11, 12, 22]) { n in
      let kind = Pool.Kind.max(columnMajorIndices: try n.int("storage_order", default: 0) != 0)
      let indices = n.wantsOutput(1)
      return try n.add(Pool(kind, window: required(n), wantsIndices: indices), [n.required(0)])
    },
    ONNXOperator("AveragePool", versions: [1, 7, 10, 11, 19, 22]) { n in
      let kind = Pool.Kind.average(countsPadding: try n.int("count_include_pad", default: 0) != 0)
      return try [n.add(Pool(kind, window: required(n)), n.required(0))]
    },
    ONNXOperator("LpPool", versions: [1, 2, 11, 18, 22]) { n in
      try [n.add(Pool(.norm(p: exponent(n)), window: required(n)), n.required(0))]
    },
    ONNXOperator("GlobalMaxPool", versions: [1, 22]) { n in
      try [n.add(Pool(.max(columnMajorIndices: false), window: nil), n.required(0))]
    },
    ONNXOperator("GlobalAveragePool", versions: [1, 22]) { n in
      try [n.add(Pool(.average(countsPadding: false), window: nil), n.required(0))]
    },
    ONNXOperator("GlobalLpPool", versions: [1, 2, 22]) { n in
      try [n.add(Pool(.norm(p: exponent(n)), window: nil), n.required(0))]
    },
  ]

  /// `p`, a float in version 1 and an integer since.
  private static func exponent(_ n: Lowering) throws -> Float {
    let p = n.version == 1 ? try n.float("p", default: 2) : Float(try n.int("p", default: 2))
    guard p > 0 else { throw GraphError(.invalidModel, "p is \(p) and must be positive") }
    return p
  }

  private static func required(_ n: Lowering) throws -> Window {
    guard n.has("kernel_shape") else {
      throw GraphError(.invalidModel, "attribute \"kernel_shape\" is required and missing")
    }
    return try n.window()
  }
}
