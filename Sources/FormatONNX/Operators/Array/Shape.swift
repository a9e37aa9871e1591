import InferenceGraph

extension OperatorTable {
  static let shape = ONNXOperator("Shape", versions: [1, 13, 15, 19, 21, 23, 24, 25]) { n in
    let op = n.version < 15 ? ShapeOf() : ShapeOf(start: try n.int("start", default: 0), end: try n.int("end"))
    return [try n.add(op, n.required(0))]
  }

  static let size = ONNXOperator("Size", versions: [1, 13, 19, 21, 23, 24, 25]) { n in
    [try n.add(SizeOf(), n.required(0))]
  }
}
