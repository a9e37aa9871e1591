import InferenceGraph
import LinearModels

extension OperatorTable {
  static let linearRegressor = ONNXOperator("LinearRegressor", domain: machineLearningDomain, versions: [1]) { n in
    let op = try LinearRegressor(
      coefficients: n.floats("coefficients") ?? [], intercepts: n.floats("intercepts") ?? [],
      targets: n.int("targets", default: 1), transform: n.choice("post_transform", default: .none))
    return try n.add(op, [n.required(0)])
  }
}
