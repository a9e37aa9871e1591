import InferenceGraph

extension OperatorTable {
  static let losses: [ONNXOperator] = [
    ONNXOperator("NegativeLogLikelihoodLoss", versions: [12, 13, 22]) { try lower($0, appliesSoftmax: false) },
    ONNXOperator("SoftmaxCrossEntropyLoss", versions: [12, 13]) { try lower($0, appliesSoftmax: true) },
  ]

  private static func lower(_ n: Lowering, appliesSoftmax: Bool) throws -> [ValueID] {
    let name = try n.string("reduction", default: "mean")
    guard let reduction = CrossEntropy.Reduction(rawValue: name) else {
      throw GraphError(.invalidModel, "reduction \"\(name)\" is none of none, sum, mean")
    }
    let op = CrossEntropy(
      reduction: reduction, ignored: try n.int("ignore_index"), appliesSoftmax: appliesSoftmax)
    return try n.add(op, [n.required(0), n.required(1), n.optional(2)])
  }
}
