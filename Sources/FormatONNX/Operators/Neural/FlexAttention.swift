import InferenceGraph
import TensorCore

extension OperatorTable {
  /// Attention whose scores and probabilities may pass through graphs of the model. The root of the scale multiplies
  /// queries and keys each, as the standard's function body has it.
  static let flexAttention = ONNXOperator("FlexAttention", domain: "ai.onnx.preview", versions: [1]) { n in
    let query = try n.required(0)
    var (key, value) = (try n.required(1), try n.required(2))
    for (id, what) in [(query, "Q"), (key, "K"), (value, "V")] {
      if let rank = n.fact(id).rank, rank != 4 {
        throw GraphError(.invalidModel, "\(what) must have rank 4 and has rank \(rank)")
      }
    }
    let dtype = try n.elementType(query, "Q")
    let precision = try n.dtype("softmax_precision") ?? (dtype == .float64 ? .float64 : .float32)
    var scale = try n.float("scale").map { try n.scalar($0) }
    if scale == nil {
      scale = try n.add(Unary(.reciprocal), n.squareRoot(n.cast(n.extents(query, 3, 4), to: .float32)))
    }
    let root = try n.cast(n.squareRoot(scale ?? n.scalar(1)), to: dtype)
    if let a = n.fact(query).extent(1), let b = n.fact(key).extent(1), !a.isProvablyEqual(to: b) {
      if let a = a.value, let b = b.value, b == 0 || a % b != 0 {
        throw GraphError(.invalidModel, "\(a) query heads are no multiple of \(b) key heads")
      }
      key = try n.headsRepeated(key, like: query)
      value = try n.headsRepeated(value, like: query)
    }
    let columns = try n.transposed(n.product(key, root), [0, 1, 3, 2])
    var scores = try n.cast(n.add(MatMul(), n.product(query, root), columns), to: precision)
    if n.has("score_mod") { scores = try n.modified(scores, by: "score_mod") }
    var probabilities = try n.add(Softmax(.softmax, axis: -1), scores)
    if n.has("prob_mod") { probabilities = try n.modified(probabilities, by: "prob_mod") }
    let y = try n.add(MatMul(), probabilities, n.cast(value, to: precision))
    return [try n.cast(y, to: n.elementType(value, "V"))]
  }
}

extension Lowering {
  /// `[batch, groups, length, size]` with every head repeated so that there are as many as `query` has (axis 1).
  func headsRepeated(_ x: ValueID, like query: ValueID) throws -> ValueID {
    let heads = try extents(query, 1, 2)
    let times = try quotient(heads, extents(x, 1, 2))
    let wide = try add(
      Expand(), unsqueezed(x, [2]), list([extents(x, 0, 2), times, extents(x, 2, 4)]))
    return try reshaped(wide, list([extents(x, 0, 1), heads, extents(x, 2, 4)]))
  }

  /// What a graph attribute of one input and one output makes of a value, which must keep its shape and type.
  fileprivate func modified(_ x: ValueID, by name: String) throws -> ValueID {
    let outputs = try inlinedGraph(name, arguments: [x])
    guard outputs.count == 1, let y = outputs.first else {
      throw GraphError(.invalidModel, "graph \"\(name)\" must have one output and has \(outputs.count)")
    }
    if let dtype = fact(y).dtype, let own = fact(x).dtype, dtype != own {
      throw GraphError(.invalidModel, "graph \"\(name)\" must give \(own) and gives \(dtype)")
    }
    return y
  }
}
