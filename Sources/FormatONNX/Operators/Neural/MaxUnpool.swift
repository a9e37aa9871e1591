import InferenceGraph

extension OperatorTable {
  static let maxUnpool = ONNXOperator("MaxUnpool", versions: [9, 11, 22]) { n in
    guard n.has("kernel_shape") else {
      throw GraphError(.invalidModel, "attribute \"kernel_shape\" is required and missing")
    }
    return try [n.add(MaxUnpool(window: n.window()), n.required(0), n.required(1), n.optional(2))]
  }
}
