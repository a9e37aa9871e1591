import InferenceGraph

extension OperatorTable {
  /// Functions of one number with attributes, by their ONNX names and with their defaults.
  static let activations: [ONNXOperator] = [
    activation("HardSigmoid", .hardSigmoid, [1, 6, 22], alpha: ("alpha", 0.2), beta: ("beta", 0.5)),
    activation("Elu", .elu, [1, 6, 22], alpha: ("alpha", 1)),
    activation("Celu", .celu, [12, 28], alpha: ("alpha", 1)),
    activation("LeakyRelu", .leakyRelu, [1, 6, 16], alpha: ("alpha", 0.01)),
    activation("ThresholdedRelu", .thresholdedRelu, [1, 10, 22], alpha: ("alpha", 1)),
    activation("Shrink", .shrink, [9], alpha: ("lambd", 0.5), beta: ("bias", 0)),
    activation("Swish", .swish, [24], alpha: ("alpha", 1)),
    ONNXOperator("Selu", versions: [1, 6, 22]) { n in
      let alpha = try n.float("alpha", default: n.version == 1 ? 1.6732 : 1.6732631921768188)
      let gamma = try n.float("gamma", default: n.version == 1 ? 1.0507 : 1.0507010221481323)
      return try [n.add(Unary(.selu, alpha: alpha, beta: gamma), n.required(0))]
    },
    ONNXOperator("Gelu", versions: [20]) { n in
      switch try n.string("approximate", default: "none") {
      case "none": return try [n.add(Unary(.gelu), n.required(0))]
      case "tanh": return try [n.add(Unary(.geluTanh), n.required(0))]
      case let other:
        throw GraphError(.invalidModel, "attribute \"approximate\" must be none or tanh and is \"\(other)\"")
      }
    },
  ]

  private static func activation(
    _ name: String, _ kind: Unary.Kind, _ versions: [Int], alpha: (String, Float), beta: (String, Float)? = nil
  ) -> ONNXOperator {
    ONNXOperator(name, versions: versions) { n in
      let op = Unary(
        kind, alpha: try n.float(alpha.0, default: alpha.1),
        beta: try beta.map { try n.float($0.0, default: $0.1) } ?? 0)
      return try [n.add(op, n.required(0))]
    }
  }
}
