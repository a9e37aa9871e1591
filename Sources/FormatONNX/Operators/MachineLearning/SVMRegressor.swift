import InferenceGraph
import LinearModels

extension OperatorTable {
  /// `post_transform` has no effect, as in ONNX Runtime.
  static let svmRegressor = ONNXOperator("SVMRegressor", domain: machineLearningDomain, versions: [1]) { n in
    _ = try n.choice("post_transform", default: PostTransform.none)
    let op = try SVMRegressor(
      kernel: SVMKernel(n.choice("kernel_type", default: .linear), parameters: n.floats("kernel_params") ?? []),
      vectors: n.floats("support_vectors") ?? [], vectorCount: n.int("n_supports", default: 0),
      coefficients: n.floats("coefficients") ?? [], rho: n.floats("rho") ?? [],
      isOneClass: n.int("one_class", default: 0) != 0)
    return try n.add(op, [n.required(0)])
  }
}
