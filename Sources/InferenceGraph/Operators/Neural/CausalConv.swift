import Kernels
public import TensorCore

/// Convolution of each channel with a kernel of its own that sees the present and the past only, and carries the last
/// elements over to the next run (`CausalConvWithState` of the ONNX standard).
///
/// Inputs: x `[batch, channels, length]`, weights `[channels, 1, k]`, optionally a bias `[channels]` and the state
/// `[batch, channels, k - 1]` that an earlier run left (zeros without). Outputs: the result, of x's shape, and the state.
public struct CausalConv: Operator {
  /// True: the result y becomes `y * sigmoid(y)`.
  public var isSwish: Bool

  public var name: String { "CausalConv" }
  public var attributes: [(name: String, value: String)] { [("swish", "\(isSwish)")] }

  public init(isSwish: Bool) { self.isSwish = isSwish }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0, "input")
    let w = try Operand.fact(inputs, 1, "weight")
    let bias = try Operand.optionalFact(inputs, 2, "bias")
    let past = try Operand.optionalFact(inputs, 3, "past_state")
    if let dtype = x.dtype, !dtype.isReal { throw Operand.unsupported(dtype, "floating-point numbers") }
    for other in [w, bias, past] { try Operand.sameType(x.dtype, other?.dtype) }
    let shape = x.shape ?? [.unknown, .unknown, .unknown]
    guard shape.count == 3 else {
      throw GraphError(.invalidModel, "input must have shape BxCxL and has shape \(shape.text)")
    }
    var k = Dim.unknown
    if let ws = w.shape {
      guard ws.count == 3, !ws[1].isProvablyDifferent(from: 1), !ws[0].isProvablyDifferent(from: shape[1]),
        ws[2].value != 0
      else { throw GraphError(.invalidModel, "weight of shape \(ws.text) does not fit an input of \(shape.text)") }
      k = ws[2]
    }
    if let b = bias?.shape, b.count != 1 || b[0].isProvablyDifferent(from: shape[1]) {
      throw GraphError(.invalidModel, "bias of shape \(b.text) does not fit an input of shape \(shape.text)")
    }
    let state = [shape[0], shape[1], k - 1]
    if let p = past?.shape, p.count != 3 || zip(p, state).contains(where: { $0.isProvablyDifferent(from: $1) }) {
      throw GraphError(.invalidModel, "past_state must have shape \(state.text) and has shape \(p.text)")
    }
    return [Fact(type: x.type, shape: x.shape), Fact(type: x.type, shape: state)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0, "input")
    let w = try Operand.tensor(inputs, 1, "weight")
    let bias = try Operand.optional(inputs, 2, "bias")
    let past = try Operand.optional(inputs, 3, "past_state")
    for other in [w, bias, past] { try Operand.sameType(x.dtype, other?.dtype) }
    guard x.shape.rank == 3, w.shape.rank == 3, w.shape[0] == x.shape[1], w.shape[1] == 1, w.shape[2] >= 1,
      bias.map({ $0.shape.dims == [x.shape[1]] }) ?? true,
      past.map({ $0.shape.dims == [x.shape[0], x.shape[1], w.shape[2] - 1] }) ?? true
    else {
      throw GraphError(
        .invalidInput, "weight of shape \(w.shape), or bias or past_state, does not fit an input of shape \(x.shape)")
    }
    let y = try context.allocate(x.dtype, x.shape)
    let state = try context.allocate(x.dtype, [x.shape[0], x.shape[1], w.shape[2] - 1])
    guard y.count > 0 || state.count > 0 else { return [.tensor(y), .tensor(state)] }
    let body = Body(isSwish: isSwish, x: x, w: w, bias: bias, past: past, y: y, state: state, context: context)
    guard try x.dtype.withReal(body) != nil else { throw Operand.unsupported(x.dtype, "floating-point numbers") }
    return [.tensor(y), .tensor(state)]
  }

  private struct Body: RealBody {
    let isSwish: Bool
    let x: Tensor, w: Tensor
    let bias: Tensor?, past: Tensor?
    let y: Tensor, state: Tensor
    let context: EvaluationContext

    func run<E: RealElement>(_ type: E.Type) throws {
      let (from, weights) = (x.unsafeElements(of: E.self), w.unsafeElements(of: E.self))
      let (added, before) = (bias?.unsafeElements(of: E.self), past?.unsafeElements(of: E.self))
      let (to, kept) = (y.unsafeMutableElements(of: E.self), state.unsafeMutableElements(of: E.self))
      let (channels, length, k) = (x.shape[1], x.shape[2], w.shape[2])
      let isSwish = isSwish
      context.pool.parallelFor(x.shape[0] &* channels, grain: 1) { lower, upper in
        for row in lower..<upper {
          let c = row % channels
          /// Element `i` of the state followed by the input.
          func element(_ i: Int) -> E.Wide {
            if i >= k &- 1 { return from[row &* length &+ i &- k &+ 1].wide }
            return before.map { $0[row &* (k &- 1) &+ i].wide } ?? .zero
          }
          for t in 0..<length {
            var sum = added.map { $0[c].wide } ?? .zero
            for j in 0..<k { sum = .add(sum, .multiply(element(t &+ j), weights[c &* k &+ j].wide)) }
            var result = E(wide: sum)
            if isSwish {
              let v = result.wide.double
              result = E(wide: E.Wide(double: v / (1 + Double.exp(-v))))
            }
            to[row &* length &+ t] = result
          }
          for i in 0..<(k &- 1) { kept[row &* (k &- 1) &+ i] = E(wide: element(length &+ i)) }
        }
      }
    }
  }
}
