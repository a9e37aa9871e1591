import InferenceGraph

extension OperatorTable {
  static let convTranspose = ONNXOperator("ConvTranspose", versions: [1, 11, 22]) { n in
    let op = ConvTranspose(
      window: try n.window(), group: try n.int("group", default: 1), outputPadding: try n.ints("output_padding") ?? [],
      outputShape: try n.ints("output_shape") ?? [])
    return try [n.add(op, n.required(0), n.required(1), n.optional(2))]
  }
}
