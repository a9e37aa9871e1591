import InferenceGraph

extension OperatorTable {
  /// The tensors that the attributes name cut a part out of the graph; the inputs are the values that it is
  /// differentiated at.
  static let gradient = ONNXOperator("Gradient", domain: trainingDomain, versions: [1]) { n in
    guard let target = try n.string("y"), let variables = try n.strings("xs"), !variables.isEmpty else {
      throw GraphError(.invalidModel, "attributes \"xs\" and \"y\" are required")
    }
    let names = variables + (try n.strings("zs") ?? [])
    guard names.count == n.inputs.count else {
      throw GraphError(.invalidModel, "\(n.inputs.count) inputs came for the \(names.count) tensors of xs and zs")
    }
    let y = try n.value(named: target)
    let cuts = try names.map { try n.value(named: $0) }
    let values = try names.indices.map { try n.required($0) }
    return try n.gradients(of: y, withRespectTo: variables.count, cuts: cuts, values: values)
  }
}
