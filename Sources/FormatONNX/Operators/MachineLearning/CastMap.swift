import InferenceGraph
import LinearModels
import TensorCore

extension OperatorTable {
  static let castMap = ONNXOperator("CastMap", domain: machineLearningDomain, versions: [1]) { n in
    let names: [String: DType] = ["TO_FLOAT": .float32, "TO_INT64": .int64, "TO_STRING": .string]
    let cast = try n.string("cast_to", default: "TO_FLOAT")
    guard let target = names[cast] else {
      throw GraphError(
        .invalidModel, "attribute \"cast_to\" is \"\(cast)\", expected \"TO_FLOAT\", \"TO_INT64\" or \"TO_STRING\"")
    }
    let form = try n.string("map_form", default: "DENSE")
    guard form == "DENSE" || form == "SPARSE" else {
      throw GraphError(.invalidModel, "attribute \"map_form\" is \"\(form)\", expected \"DENSE\" or \"SPARSE\"")
    }
    let columns = try n.int("max_map", default: 1)
    return try n.add(CastMap(to: target, form: form == "DENSE" ? .dense : .sparse(columns)), [n.required(0)])
  }
}
