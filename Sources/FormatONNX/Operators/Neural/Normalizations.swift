import InferenceGraph

extension OperatorTable {
  static let rowNormalizations: [ONNXOperator] = [
    ONNXOperator("LayerNormalization", versions: [1, 17]) { n in
      let op = RowNormalization(
        axis: try n.int("axis", default: -1), epsilon: try n.float("epsilon", default: 1e-5), isCentered: true,
        wantsStatistics: n.wantsOutput(1) || n.wantsOutput(2))
      return try n.add(op, [n.required(0), n.required(1), n.optional(2)])
    },
    ONNXOperator("RMSNormalization", versions: [23]) { n in
      let op = RowNormalization(
        axis: try n.int("axis", default: -1), epsilon: try n.float("epsilon", default: 1e-5), isCentered: false)
      return try [n.add(op, n.required(0), n.required(1))]
    },
    ONNXOperator("InstanceNormalization", versions: [1, 6, 22]) { n in
      let op = GroupNormalization(groups: nil, epsilon: try n.float("epsilon", default: 1e-5))
      return try [n.add(op, n.required(0), n.required(1), n.required(2))]
    },
    ONNXOperator("GroupNormalization", versions: [18, 21]) { n in
      guard let groups = try n.int("num_groups") else {
        throw GraphError(.invalidModel, "attribute \"num_groups\" is required and missing")
      }
      let op = GroupNormalization(
        groups: groups, epsilon: try n.float("epsilon", default: 1e-5), scalesGroups: n.version < 21)
      return try [n.add(op, n.required(0), n.required(1), n.required(2))]
    },
  ]
}
