import InferenceGraph
import TensorCore

extension OperatorTable {
  /// Functions of any number of operands, as chains of functions of two.
  static let variadic: [ONNXOperator] = [
    chain("Sum", .add, [1, 6, 8, 13]),
    chain("Max", .maximum, [1, 6, 8, 12, 13]),
    chain("Min", .minimum, [1, 6, 8, 12, 13]),
    ONNXOperator("Mean", versions: [1, 6, 8, 13]) { n in
      let sum = try n.chained(.add)
      if n.inputs.count == 1 { return [sum] }
      guard let dtype = n.fact(sum).dtype else { throw GraphError(.invalidModel, "the operands' type is not known") }
      let count = try n.add(Cast(to: dtype), n.constant(Tensor(scalar: Float(n.inputs.count))))
      return [try n.add(Arithmetic(.divide), sum, count)]
    },
  ]

  private static func chain(_ name: String, _ kind: Arithmetic.Kind, _ versions: [Int]) -> ONNXOperator {
    ONNXOperator(name, versions: versions) { n in [try n.chained(kind)] }
  }
}

extension Lowering {
  fileprivate func chained(_ kind: Arithmetic.Kind) throws -> ValueID {
    var out = try required(0)
    for index in 1..<Swift.max(1, inputs.count) { out = try add(Arithmetic(kind), out, required(index)) }
    return out
  }
}
