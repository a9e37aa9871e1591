import InferenceGraph

extension OperatorTable {
  static let affineGrid = ONNXOperator("AffineGrid", versions: [20]) { n in
    let op = AffineGrid(alignsCorners: try n.int("align_corners", default: 0) != 0)
    return try [n.add(op, n.required(0), n.required(1))]
  }
}
