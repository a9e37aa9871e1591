import InferenceGraph
import TensorCore

extension OperatorTable {
  static let mod = ONNXOperator("Mod", versions: [10, 13, 28]) { n in
    let isC = try n.int("fmod", default: 0) != 0
    return try [n.add(Arithmetic(isC ? .remainder : .modulo), n.required(0), n.required(1))]
  }
}
