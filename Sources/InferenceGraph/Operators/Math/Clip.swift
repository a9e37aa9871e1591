import Kernels
public import TensorCore

/// Limits every element to `min...max`; a limit that is absent does not apply. With `min > max` the result is `max`.
public struct Clip: Operator {
  public var name: String { "Clip" }

  public init() {}

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0)
    if let dtype = x.dtype, !dtype.isArithmetic { throw Operand.unsupported(dtype, "numbers") }
    for (index, what) in [(1, "min"), (2, "max")] {
      guard let limit = try Operand.optionalFact(inputs, index, what) else { continue }
      try Operand.sameType(x.dtype, limit.dtype)
      if let count = limit.shape?.known?.elementCount, count != 1 {
        throw GraphError(.invalidModel, "\(what) must be one number and has shape \(limit.shape?.text ?? "")")
      }
    }
    return [Fact(type: x.type, shape: x.shape)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try RawOperand(inputs, 0)
    var limits: [Tensor?] = []
    for (index, what) in [(1, "min"), (2, "max")] {
      let limit = try Operand.optional(inputs, index, what)
      try Operand.sameType(x.dtype, limit?.dtype)
      if let limit, limit.count != 1 {
        throw GraphError(.invalidInput, "\(what) must be one number and has shape \(limit.shape)")
      }
      limits.append(limit)
    }
    let out = try context.output(overwriting: 0, of: &inputs, x.dtype, x.shape)
    let body = Body(x: x, lower: limits[0], upper: limits[1], out: out, pool: context.pool)
    guard try x.dtype.withNumeric(body) != nil else { throw Operand.unsupported(x.dtype, "numbers") }
    return [.tensor(out)]
  }

  private struct Body: NumericBody {
    let x: RawOperand
    let lower: Tensor?, upper: Tensor?
    let out: Tensor
    let pool: ComputePool

    func run<E: NumericElement>(_ type: E.Type) throws {
      let low = lower.map { $0.unsafeElements(of: E.self)[0].wide } ?? .lowest
      let high = upper.map { $0.unsafeElements(of: E.self)[0].wide } ?? .highest
      let from = x.elements(E.self)
      let to = out.writable(E.self)
      if E.self == Float.self {
        let kernel = KernelTable.current.clip
        let (from, to) = (x.elements(Float.self), out.writable(Float.self))
        let (p, q) = (Float(low.double), Float(high.double))
        pool.parallelFor(out.count, grain: BroadcastWalk.grain) { kernel(from + $0, p, q, to + $0, $1 - $0) }
        return
      }
      pool.parallelFor(out.count, grain: BroadcastWalk.grain) { begin, end in
        for i in begin..<end { to[i] = clipped(from[i], low, high) }
      }
    }

    /// A NaN compares false with both limits and stays.
    @inline(__always) private func clipped<E: NumericElement>(_ x: E, _ low: E.Wide, _ high: E.Wide) -> E {
      let w = x.wide
      let raised = w < low ? low : w
      return E(wide: raised > high ? high : raised)
    }
  }
}
