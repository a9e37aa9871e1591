import InferenceGraph
import TensorCore

extension OperatorTable {
  /// Functions of booleans and of bits, by their ONNX names.
  static let logic: [ONNXOperator] = [
    logical("And", .and), logical("Or", .or), logical("Xor", .xor),
    bitwise("BitwiseAnd", .and), bitwise("BitwiseOr", .or), bitwise("BitwiseXor", .xor),
    ONNXOperator("Not", versions: [1]) { n in try [n.add(Complement(), n.required(0))] },
    ONNXOperator("BitwiseNot", versions: [18]) { n in try [n.add(Complement(), n.required(0))] },
    ONNXOperator("BitShift", versions: [11, 28]) { n in
      switch try n.string("direction", default: "") {
      case "LEFT": return try [n.add(Bitwise(.shiftLeft), n.required(0), n.required(1))]
      case "RIGHT": return try [n.add(Bitwise(.shiftRight), n.required(0), n.required(1))]
      case let other:
        throw GraphError(.invalidModel, "attribute \"direction\" must be LEFT or RIGHT and is \"\(other)\"")
      }
    },
  ]

  private static func logical(_ name: String, _ kind: Bitwise.Kind) -> ONNXOperator {
    ONNXOperator(name, versions: [1, 7]) { n in
      try [n.add(Bitwise(kind, axis: n.legacyAxis()), n.required(0), n.required(1))]
    }
  }

  private static func bitwise(_ name: String, _ kind: Bitwise.Kind) -> ONNXOperator {
    ONNXOperator(name, versions: [18]) { n in try [n.add(Bitwise(kind), n.required(0), n.required(1))] }
  }
}
