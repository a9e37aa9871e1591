import Kernels
public import TensorCore

/// Where along an axis the greatest (or least) element stands, as `int64`. NaN counts as greatest and least.
public struct ArgReduce: Operator {
  public let findsMaximum: Bool
  public let axis: Int
  public let keepsAxis: Bool
  /// Among equals the last counts, not the first.
  public let selectsLast: Bool

  public var name: String { findsMaximum ? "ArgMax" : "ArgMin" }
  public var attributes: [(name: String, value: String)] {
    [("axis", "\(axis)"), ("keepdims", "\(keepsAxis)"), ("select_last_index", "\(selectsLast)")]
  }

  public init(findsMaximum: Bool, axis: Int, keepsAxis: Bool = true, selectsLast: Bool = false) {
    self.findsMaximum = findsMaximum
    self.axis = axis
    self.keepsAxis = keepsAxis
    self.selectsLast = selectsLast
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0)
    if let dtype = x.dtype, !dtype.isArithmetic { throw Operand.unsupported(dtype, "numbers") }
    guard var shape = x.shape else { return [Fact(.int64, nil)] }
    let at = try Shape([Int](repeating: 1, count: shape.count)).checkedAxis(axis)
    if keepsAxis { shape[at] = 1 } else { shape.remove(at: at) }
    return [Fact(.int64, shape)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0)
    let at = try x.shape.checkedAxis(axis)
    var dims = x.shape.dims
    if keepsAxis { dims[at] = 1 } else { dims.remove(at: at) }
    let out = try context.allocate(.int64, Shape(dims))
    guard x.shape[at] > 0 || out.count == 0 else {
      throw GraphError(.invalidInput, "axis \(axis) of shape \(x.shape) is empty")
    }
    let body = Body(
      op: self, x: x, out: out, count: x.shape[at], inner: x.shape.product((at + 1)..<x.shape.rank), pool: context.pool)
    guard try x.dtype.withNumeric(body) != nil else { throw Operand.unsupported(x.dtype, "numbers") }
    return [.tensor(out)]
  }

  private struct Body: NumericBody {
    let op: ArgReduce
    let x: Tensor
    let out: Tensor
    let count: Int, inner: Int
    let pool: ComputePool

    func run<E: NumericElement>(_ type: E.Type) throws {
      guard out.count > 0 else { return }
      let from = x.readable(E.self)
      let to = out.writable(Int64.self)
      pool.parallelFor(out.count, grain: Swift.max(1, BroadcastWalk.grain / count)) { lower, upper in
        for group in lower..<upper {
          let line = from + (group / inner &* inner &* count &+ group % inner)
          var best = 0
          var top = line[0].wide
          for i in 1..<Swift.max(count, 1) {
            let value = line[i &* inner].wide
            let beats = op.findsMaximum ? value > top : value < top
            if beats || (value.isNaNValue && !top.isNaNValue) || (op.selectsLast && value == top) {
              best = i
              top = value
            }
          }
          to[group] = Int64(best)
        }
      }
    }
  }
}
