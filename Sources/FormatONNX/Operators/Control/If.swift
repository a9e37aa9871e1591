import InferenceGraph
import TensorCore

extension OperatorTable {
  /// Where the condition is a constant the branch's nodes take the node's place.
  static let conditional = ONNXOperator("If", versions: [1, 11, 13, 16, 19, 21, 23, 24, 25]) { n in
    let condition = try n.required(0)
    if let known = n.fact(condition).tensor?.array(of: Bool.self), known.count == 1 {
      return try n.inlinedGraph(known[0] ? "then_branch" : "else_branch")
    }
    let then = try n.graph("then_branch")
    let otherwise = try n.graph("else_branch")
    let op = try Conditional(then: then.graph, otherwise: otherwise.graph)
    return try n.add(op, [condition] + then.captures + otherwise.captures)
  }
}
