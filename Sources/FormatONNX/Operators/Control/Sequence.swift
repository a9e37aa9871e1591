import InferenceGraph
import TensorCore

extension OperatorTable {
  static let sequenceConstruct = ONNXOperator("SequenceConstruct", versions: [11]) { n in
    try n.add(SequenceConstruct(), n.inputs)
  }

  static let sequenceEmpty = ONNXOperator("SequenceEmpty", versions: [11]) { n in
    [n.constant(.sequence([], element: .tensor(try n.dtype("dtype") ?? .float32)))]
  }

  static let sequenceInsert = ONNXOperator("SequenceInsert", versions: [11]) { n in
    try n.add(SequenceInsert(), [n.required(0), n.required(1), n.optional(2)])
  }

  static let sequenceErase = ONNXOperator("SequenceErase", versions: [11]) { n in
    try n.add(SequenceErase(), [n.required(0), n.optional(1)])
  }

  static let sequenceAt = ONNXOperator("SequenceAt", versions: [11]) { n in
    try n.add(SequenceAt(), [n.required(0), n.required(1)])
  }

  static let sequenceLength = ONNXOperator("SequenceLength", versions: [11]) { n in
    try n.add(SequenceLength(), [n.required(0)])
  }

  static let concatFromSequence = ONNXOperator("ConcatFromSequence", versions: [11]) { n in
    guard let axis = try n.int("axis") else {
      throw GraphError(.invalidModel, "attribute \"axis\" is required and missing")
    }
    let op = ConcatFromSequence(axis: axis, makesAxis: try n.int("new_axis", default: 0) == 1)
    return try n.add(op, [n.required(0)])
  }

  static let splitToSequence = ONNXOperator("SplitToSequence", versions: [11, 24]) { n in
    let op = SplitToSequence(axis: try n.int("axis", default: 0), keepsAxis: try n.int("keepdims", default: 1) != 0)
    return try n.add(op, [n.required(0)] + (n.optional(1).map { [$0] } ?? []))
  }

  static let sequenceMap = ONNXOperator("SequenceMap", versions: [17]) { n in
    let formals = n.inputs.map { id in
      guard let fact = id.map({ n.fact($0) }) else { return Fact(type: nil, shape: nil) }
      if case .sequence(let element)? = fact.type { return Fact(type: element, shape: nil) }
      return Fact(type: fact.type, shape: fact.shape)
    }
    let body = try n.graph("body", formals: formals)
    return try n.add(MapSequence(body: body.graph, formalCount: n.inputs.count), n.inputs + body.captures)
  }
}
