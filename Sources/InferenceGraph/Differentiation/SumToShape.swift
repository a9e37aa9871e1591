import TensorCore

/// Sums a tensor over the axes along which a tensor of another shape was broadcast to it: the adjoint of `Expand`.
///
/// Inputs: the tensor, and the shape (a list) that it is summed to, which broadcasts to the tensor's.
struct SumToShape: Operator {
  var name: String { "SumToShape" }

  func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0)
    let target = try Operand.fact(inputs, 1, "shape")
    if let dtype = x.dtype, !dtype.isArithmetic { throw Operand.unsupported(dtype, "numbers") }
    return [Fact(type: x.type, shape: target.integerElements ?? target.listCount.map(ShapeFacts.unknown))]
  }

  func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0)
    let target = Shape(try Operand.integers(inputs, 1, "shape"))
    guard target.checkedElementCount != nil, target.broadcast(with: x.shape) == x.shape else {
      throw GraphError(.invalidInput, "shape \(target) does not broadcast to \(x.shape)")
    }
    if target == x.shape { return [.tensor(x)] }
    let missing = x.shape.rank - target.rank
    let axes = (0..<x.shape.rank).filter { $0 < missing || target[$0 - missing] != x.shape[$0] }
    var operands: [Value?] = [.tensor(x)]
    if axes.isEmpty { return [.tensor(try x.viewed(target))] }
    let sums = try Reduce(.sum, axes: axes).evaluate(&operands, context)
    return [.tensor(try Operand.tensor(sums, 0).viewed(target))]
  }
}
