import InferenceGraph

extension OperatorTable {
  /// Before opset 7 the slope has one element, or one for each channel (axis 1).
  static let pRelu = ONNXOperator("PRelu", versions: [1, 6, 7, 9, 16]) { n in
    let (x, slope) = (try n.required(0), try n.required(1))
    let perChannel = n.version < 7 && n.fact(slope).rank == 1 && n.fact(x).rank ?? 0 > 1
    return [try n.add(Arithmetic(.parametricRelu, axis: perChannel ? 1 : nil), x, slope)]
  }
}
