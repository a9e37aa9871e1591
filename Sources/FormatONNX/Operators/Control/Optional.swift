import InferenceGraph
import TensorCore

extension OperatorTable {
  static let makeOptional = ONNXOperator("Optional", versions: [15, 28]) { n in
    try n.add(MakeOptional(element: n.type("type")?.valueType), [n.optional(0)])
  }

  static let optionalHasElement = ONNXOperator("OptionalHasElement", versions: [15, 18, 28]) { n in
    try n.add(OptionalHasElement(), [n.optional(0)])
  }

  static let optionalGetElement = ONNXOperator("OptionalGetElement", versions: [15, 18, 28]) { n in
    try n.add(OptionalGetElement(), [n.required(0)])
  }
}
