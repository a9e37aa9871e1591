import InferenceGraph

extension OperatorTable {
  static let gather = ONNXOperator("Gather", versions: [1, 11, 13]) { n in
    [try n.add(Gather(axis: n.int("axis", default: 0)), n.required(0), n.required(1))]
  }

  static let gatherElements = ONNXOperator("GatherElements", versions: [11, 13]) { n in
    [try n.add(GatherElements(axis: n.int("axis", default: 0)), n.required(0), n.required(1))]
  }

  static let gatherND = ONNXOperator("GatherND", versions: [11, 12, 13]) { n in
    [try n.add(GatherND(batchDims: n.int("batch_dims", default: 0)), n.required(0), n.required(1))]
  }
}
