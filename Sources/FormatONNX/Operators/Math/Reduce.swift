import InferenceGraph

extension OperatorTable {
  /// Reductions, by their ONNX names. `axes` became an input at opset 18 (`ReduceSum`: 13).
  static let reductions: [ONNXOperator] = [
    reduction("ReduceSum", .sum, [1, 11, 13]),
    reduction("ReduceMean", .mean, [1, 11, 13, 18]),
    reduction("ReduceMax", .maximum, [1, 11, 12, 13, 18, 20]),
    reduction("ReduceMin", .minimum, [1, 11, 12, 13, 18, 20]),
    reduction("ReduceProd", .product, [1, 11, 13, 18]),
    reduction("ReduceL1", .l1, [1, 11, 13, 18]),
    reduction("ReduceL2", .l2, [1, 11, 13, 18]),
    reduction("ReduceSumSquare", .sumSquare, [1, 11, 13, 18]),
    reduction("ReduceLogSum", .logSum, [1, 11, 13, 18, 28]),
    reduction("ReduceLogSumExp", .logSumExp, [1, 11, 13, 18, 28]),
  ]

  private static func reduction(_ name: String, _ kind: Reduce.Kind, _ versions: [Int]) -> ONNXOperator {
    ONNXOperator(name, versions: versions) { n in
      let keeps = try n.int("keepdims", default: 1) != 0
      guard n.version >= (kind == .sum ? 13 : 18) else {
        return try [n.add(Reduce(kind, axes: n.ints("axes") ?? [], keepsAxes: keeps), n.required(0))]
      }
      let noop = try n.int("noop_with_empty_axes", default: 0) != 0
      guard let axes = n.optional(1) else {
        return try [n.add(Reduce(kind, axes: [], keepsAxes: keeps, keepsWithoutAxes: noop), n.required(0))]
      }
      if let known = n.constantIntegers(1) {
        return try [n.add(Reduce(kind, axes: known, keepsAxes: keeps, keepsWithoutAxes: noop), n.required(0))]
      }
      return try [n.add(Reduce(kind, axes: nil, keepsAxes: keeps, keepsWithoutAxes: noop), n.required(0), axes)]
    }
  }
}
