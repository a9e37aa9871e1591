import InferenceGraph
import LinearModels

extension OperatorTable {
  /// ONNX Runtime's own operator: skl2onnx writes nearest-neighbour models with it when asked to optimise them.
  static let cdist = ONNXOperator("CDist", domain: "com.microsoft", versions: [1]) { n in
    try n.add(PairwiseDistances(n.choice("metric", default: .squaredEuclidean)), [n.required(0), n.required(1)])
  }
}
