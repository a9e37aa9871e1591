import InferenceGraph

extension OperatorTable {
  /// Functions of two numbers, by their ONNX names.
  static let arithmetic: [ONNXOperator] = [
    arithmetic("Add", .add),
    arithmetic("Sub", .subtract),
    arithmetic("Mul", .multiply),
    arithmetic("Div", .divide),
  ]

  private static func arithmetic(_ name: String, _ kind: Arithmetic.Kind) -> ONNXOperator {
    ONNXOperator(name, versions: [1, 6, 7, 13, 14]) { n in
      try [n.add(Arithmetic(kind, axis: n.legacyAxis()), n.required(0), n.required(1))]
    }
  }
}

extension Lowering {
  /// The axis at which the second operand of an elementwise operator begins, as opsets before 7 may say.
  ///
  /// With `broadcast` unset the shapes must be equal, which needs no axis.
  func legacyAxis() throws -> Int? {
    guard version < 7, try int("broadcast", default: 0) != 0 else { return nil }
    return try int("axis")
  }
}
