import InferenceGraph
import LinearModels

extension OperatorTable {
  static let zipMap = ONNXOperator("ZipMap", domain: machineLearningDomain, versions: [1]) { n in
    try n.add(ZipMap(n.labels("classlabels_int64s", "classlabels_strings")), [n.required(0)])
  }
}
