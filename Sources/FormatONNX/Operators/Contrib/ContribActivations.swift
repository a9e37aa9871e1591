import InferenceGraph
import TensorCore

extension OperatorTable {
  /// Activations with what stands before them.
  static let contribActivations: [ONNXOperator] = [
    contrib("Gelu") { n in [try n.add(Unary(.gelu), n.required(0))] },
    contrib("BiasGelu") { n in [try n.add(Unary(.gelu), n.sum(n.required(0), n.required(1)))] },
    contrib("FastGelu") { n in
      let x = try n.required(0)
      return [try n.add(Unary(.geluTanh), n.optional(1).map { try n.sum(x, $0) } ?? x)]
    },
    contrib("QuickGelu") { n in [try n.add(Unary(.swish, alpha: n.float("alpha", default: 1.702)), n.required(0))] },
    contrib("BiasSplitGelu") { n in
      let halves = try n.parts(n.sum(n.required(0), n.required(1)), axis: -1, count: 2)
      return [try n.product(halves[0], n.add(Unary(.gelu), halves[1]))]
    },
    contrib("BiasAdd") { n in [try n.sum(n.sum(n.required(0), n.required(1)), n.required(2))] },
    contrib("BiasSoftmax") { n in
      // Both kinds of broadcasting (`is_inner_broadcast`) are those of shapes that are aligned at their ends.
      let op = Softmax(.softmax, axis: try n.int("axis", default: 1), coerces: true)
      return [try n.add(op, n.sum(n.required(0), n.required(1)))]
    },
  ]
}
