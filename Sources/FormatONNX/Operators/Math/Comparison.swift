import InferenceGraph

extension OperatorTable {
  /// Comparisons and tests, by their ONNX names.
  static let comparison: [ONNXOperator] = [
    comparison("Equal", .equal, [1, 7, 11, 13, 19]),
    comparison("Less", .less, [1, 7, 9, 13]),
    comparison("Greater", .greater, [1, 7, 9, 13]),
    comparison("LessOrEqual", .lessOrEqual, [12, 16]),
    comparison("GreaterOrEqual", .greaterOrEqual, [12, 16]),
    ONNXOperator("IsNaN", versions: [9, 13, 20]) { n in try [n.add(Classify(.nan), n.required(0))] },
    ONNXOperator("IsInf", versions: [10, 20]) { n in
      let kind = Classify.Kind.infinite(
        negative: try n.int("detect_negative", default: 1) != 0, positive: try n.int("detect_positive", default: 1) != 0
      )
      return try [n.add(Classify(kind), n.required(0))]
    },
  ]

  private static func comparison(_ name: String, _ kind: Comparison.Kind, _ versions: [Int]) -> ONNXOperator {
    ONNXOperator(name, versions: versions) { n in
      try [n.add(Comparison(kind, axis: n.legacyAxis()), n.required(0), n.required(1))]
    }
  }
}
