import InferenceGraph
import LinearModels

extension OperatorTable {
  static let scaler = ONNXOperator("Scaler", domain: machineLearningDomain, versions: [1]) { n in
    try n.add(Scaler(offset: n.floats("offset") ?? [0], scale: n.floats("scale") ?? [1]), [n.required(0)])
  }
}
