import InferenceGraph

extension OperatorTable {
  static let swiGLU = ONNXOperator("SwiGLU", versions: [28]) { n in
    let (gate, value) = (try n.required(0), try n.required(1))
    if let a = n.fact(gate).shape, let b = n.fact(value).shape,
      a.count != b.count || zip(a, b).contains(where: { $0.isProvablyDifferent(from: $1) })
    {
      throw GraphError(.invalidModel, "A (\(n.fact(gate))) and B (\(n.fact(value))) must have one shape")
    }
    return [try n.product(n.add(Unary(.swish, alpha: n.float("alpha", default: 1)), gate), value)]
  }
}
