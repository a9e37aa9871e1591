import InferenceGraph

extension OperatorTable {
  static let reverseSequence = ONNXOperator("ReverseSequence", versions: [10, 28]) { n in
    let op = ReverseSequence(
      batchAxis: try n.int("batch_axis", default: 1), timeAxis: try n.int("time_axis", default: 0))
    return [try n.add(op, n.required(0), n.required(1))]
  }
}
