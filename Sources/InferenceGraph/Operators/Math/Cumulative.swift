public import TensorCore

/// Running sums or products along an axis, which the second input (one integer) names.
public struct Cumulative: Operator {
  public let isProduct: Bool
  /// An element's own value is left out of its result.
  public let isExclusive: Bool
  /// Runs from the end.
  public let isReversed: Bool

  public var name: String { isProduct ? "CumProd" : "CumSum" }
  public var attributes: [(name: String, value: String)] {
    [("exclusive", "\(isExclusive)"), ("reverse", "\(isReversed)")]
  }

  public init(isProduct: Bool = false, isExclusive: Bool = false, isReversed: Bool = false) {
    self.isProduct = isProduct
    self.isExclusive = isExclusive
    self.isReversed = isReversed
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0)
    _ = try Operand.fact(inputs, 1, "axis")
    if let dtype = x.dtype, !dtype.isArithmetic { throw Operand.unsupported(dtype, "numbers") }
    return [Fact(type: x.type, shape: x.shape)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let axis = try Operand.integer(try Operand.tensor(inputs, 1, "axis"), "axis")
    let x = try RawOperand(inputs, 0)
    let at = try x.shape.checkedAxis(axis)
    let out = try context.output(overwriting: 0, of: &inputs, x.dtype, x.shape)
    let body = Body(
      op: self, x: x, out: out, outer: x.shape.product(0..<at), count: x.shape[at],
      inner: x.shape.product((at + 1)..<x.shape.rank))
    guard try x.dtype.withNumeric(body) != nil else { throw Operand.unsupported(x.dtype, "numbers") }
    return [.tensor(out)]
  }

  private struct Body: NumericBody {
    let op: Cumulative
    let x: RawOperand
    let out: Tensor
    let outer: Int, count: Int, inner: Int

    func run<E: NumericElement>(_ type: E.Type) throws {
      guard out.count > 0 else { return }
      let from = x.elements(E.self)
      let to = out.writable(E.self)
      for group in 0..<(outer &* inner) {
        let base = group / inner &* inner &* count &+ group % inner
        var total: E.Wide = op.isProduct ? .one : .zero
        for step in 0..<count {
          let i = base &+ (op.isReversed ? count &- 1 &- step : step) &* inner
          let value = from[i].wide
          let next: E.Wide = op.isProduct ? .multiply(total, value) : .add(total, value)
          to[i] = E(wide: op.isExclusive ? total : next)
          total = next
        }
      }
    }
  }
}
