import InferenceGraph

extension OperatorTable {
  static let nonZero = ONNXOperator("NonZero", versions: [9, 13]) { n in
    [try n.add(NonZero(), n.required(0))]
  }

  static let compress = ONNXOperator("Compress", versions: [9, 11, 28]) { n in
    [try n.add(Compress(axis: n.int("axis")), n.required(0), n.required(1))]
  }

  static let unique = ONNXOperator("Unique", versions: [11, 28]) { n in
    try n.add(Unique(axis: n.int("axis"), isSorted: n.int("sorted", default: 1) != 0), [n.required(0)])
  }
}
