import InferenceGraph

extension OperatorTable {
  static let batchNormalization = ONNXOperator("BatchNormalization", versions: [1, 6, 7, 9, 14, 15]) { n in
    // Before version 14 asking for more than the first output means training; there the last two outputs are for the
    // backward pass and hold the statistics of the batch, which the running ones stand in for.
    let trains = n.version >= 14 ? try n.int("training_mode", default: 0) != 0 : n.wantsOutput(1)
    let op = BatchNormalization(
      epsilon: try n.float("epsilon", default: 1e-5), momentum: try n.float("momentum", default: 0.9), trains: trains,
      isSpatial: n.version >= 9 ? true : try n.int("spatial", default: 1) != 0)
    let outputs = try n.add(op, [n.required(0), n.required(1), n.required(2), n.required(3), n.required(4)])
    return n.version >= 14 || !trains ? outputs : outputs + [outputs[1], outputs[2]]
  }
}
