import InferenceGraph
import TensorCore

extension OperatorTable {
  static let constantOfShape = ONNXOperator("ConstantOfShape", versions: [9, 20, 21, 23, 24, 25]) { n in
    let value = try n.tensor("value") ?? Tensor(scalar: Float(0))
    guard value.count == 1 else {
      throw GraphError(.invalidModel, "attribute \"value\" must hold one element, not \(value.count)")
    }
    return [try n.add(ConstantOfShape(value: value), n.required(0))]
  }
}
