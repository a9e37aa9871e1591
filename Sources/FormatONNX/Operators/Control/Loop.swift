import InferenceGraph
import TensorCore

extension OperatorTable {
  static let loop = ONNXOperator("Loop", versions: [1, 11, 13, 16, 19, 21, 23, 24, 25]) { n in
    let state = Array(n.inputs.dropFirst(2))
    // Of the state only the kind is sure to stay from turn to turn.
    let open = Fact(type: nil, shape: nil)
    let formals =
      [Fact(.int64, nil), Fact(.bool, nil)]
      + state.map { id in id.map { Fact(type: n.fact($0).type, shape: nil) } ?? open }
    let body = try n.graph("body", formals: formals)
    let op = try Loop(body: body.graph, stateCount: state.count)
    return try n.add(op, [n.optional(0), n.optional(1)] + state + body.captures)
  }
}
