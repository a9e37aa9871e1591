import InferenceGraph
import LinearModels

extension OperatorTable {
  static let svmClassifier = ONNXOperator("SVMClassifier", domain: machineLearningDomain, versions: [1]) { n in
    let op = try SVMClassifier(
      kernel: SVMKernel(n.choice("kernel_type", default: .linear), parameters: n.floats("kernel_params") ?? []),
      vectors: n.floats("support_vectors") ?? [], vectorsPerClass: n.ints("vectors_per_class") ?? [],
      coefficients: n.floats("coefficients") ?? [], rho: n.floats("rho") ?? [], probA: n.floats("prob_a") ?? [],
      probB: n.floats("prob_b") ?? [], labels: n.labels("classlabels_ints", "classlabels_strings"),
      transform: n.choice("post_transform", default: .none))
    return try n.add(op, [n.required(0)])
  }
}
