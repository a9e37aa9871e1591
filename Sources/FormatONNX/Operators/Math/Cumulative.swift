import InferenceGraph

extension OperatorTable {
  static let cumulative: [ONNXOperator] = [
    cumulative("CumSum", [11, 14], isProduct: false), cumulative("CumProd", [26], isProduct: true),
  ]

  private static func cumulative(_ name: String, _ versions: [Int], isProduct: Bool) -> ONNXOperator {
    ONNXOperator(name, versions: versions) { n in
      let op = Cumulative(
        isProduct: isProduct, isExclusive: try n.int("exclusive", default: 0) != 0,
        isReversed: try n.int("reverse", default: 0) != 0)
      return try [n.add(op, n.required(0), n.required(1))]
    }
  }
}
