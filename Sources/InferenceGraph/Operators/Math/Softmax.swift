import Kernels
public import TensorCore

/// Normalises along an axis: exponentials to a sum of 1, their logarithms, or 1 at the first maximum and 0 elsewhere.
public struct Softmax: Operator {
  /// The functions.
  public enum Kind: String, Sendable, CaseIterable {
    case softmax = "Softmax"
    case logSoftmax = "LogSoftmax"
    case hardmax = "Hardmax"
  }

  public let kind: Kind
  public let axis: Int
  /// True: the axes from `axis` on count as one (opsets before 13).
  public let coerces: Bool

  public var name: String { kind.rawValue }
  public var attributes: [(name: String, value: String)] { [("axis", "\(axis)"), ("coerces", "\(coerces)")] }

  public init(_ kind: Kind, axis: Int = -1, coerces: Bool = false) {
    self.kind = kind
    self.axis = axis
    self.coerces = coerces
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0)
    if let dtype = x.dtype, !dtype.isReal { throw Operand.unsupported(dtype, "floating-point numbers") }
    if let rank = x.rank { _ = try span([Int](repeating: 1, count: rank)) }
    return [Fact(type: x.type, shape: x.shape)]
  }

  /// How many groups there are, their length, and how far apart their elements lie.
  private func span(_ dims: [Int]) throws -> (outer: Int, count: Int, inner: Int) {
    let shape = Shape(dims)
    if shape.rank == 0, axis == 0 || axis == -1 { return (1, 1, 1) }
    if coerces, axis == shape.rank { return (shape.elementCount, 1, 1) }
    let at = try shape.checkedAxis(axis)
    if coerces { return (shape.product(0..<at), shape.product(at..<shape.rank), 1) }
    return (shape.product(0..<at), shape[at], shape.product((at + 1)..<shape.rank))
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try RawOperand(inputs, 0)
    let span = try span(x.shape.dims)
    let out = try context.output(overwriting: 0, of: &inputs, x.dtype, x.shape)
    let body = Body(
      kind: kind, x: x, out: out, count: span.count, outer: span.outer, inner: span.inner, pool: context.pool)
    guard try x.dtype.withReal(body) != nil else { throw Operand.unsupported(x.dtype, "floating-point numbers") }
    return [.tensor(out)]
  }

  private struct Body: RealBody {
    let kind: Kind
    let x: RawOperand
    let out: Tensor
    let count: Int, outer: Int, inner: Int
    let pool: ComputePool

    func run<E: RealElement>(_ type: E.Type) throws {
      guard out.count > 0 else { return }
      let from = x.elements(E.self)
      let to = out.writable(E.self)
      if E.self == Float.self, inner == 1, kind != .hardmax {
        let kernel = kind == .softmax ? KernelTable.current.softmax : KernelTable.current.logSoftmax
        let (from, to) = (x.elements(Float.self), out.writable(Float.self))
        pool.parallelFor(outer, grain: Swift.max(1, 4096 / count)) { lower, upper in
          for row in lower..<upper { kernel(from + row &* count, to + row &* count, count) }
        }
        return
      }
      if out.dtype == .float16, inner == 1, kind == .softmax, let half = HalfRows(KernelTable.current) {
        let (from, to) = (x.elements(UInt16.self), out.writable(UInt16.self))
        pool.parallelFor(outer, grain: Swift.max(1, 4096 / count)) { lower, upper in
          Scratch.with(floats: count) { wide in
            for row in lower..<upper { half.softmax(from + row &* count, to + row &* count, wide, count) }
          }
        }
        return
      }
      pool.parallelFor(outer &* inner, grain: Swift.max(1, 4096 / count)) { lower, upper in
        for group in lower..<upper {
          let base = inner == 1 ? group &* count : group / inner &* inner &* count &+ group % inner
          switch kind {
          case .softmax: softmax(from + base, to + base)
          case .logSoftmax: logSoftmax(from + base, to + base)
          case .hardmax: hardmax(from + base, to + base)
          }
        }
      }
    }

    @inline(__always) private func greatest<E: RealElement>(_ x: UnsafePointer<E>) -> E.Wide {
      var top = x[0].wide
      for i in 1..<Swift.max(count, 1) { top = .greatest(top, x[i &* inner].wide) }
      return top
    }

    private func softmax<E: RealElement>(_ x: UnsafePointer<E>, _ z: UnsafeMutablePointer<E>) {
      let top = greatest(x)
      if E.Wide.self == E.self {
        var sum = E.Wide.zero
        for i in 0..<count {
          let e = E.Wide.exp(x[i &* inner].wide - top)
          z[i &* inner] = E(wide: e)
          sum += e
        }
        let scale = 1 / sum
        for i in 0..<count { z[i &* inner] = E(wide: z[i &* inner].wide * scale) }
      } else if out.dtype == .float16 {
        // The standard's function body has a float16 tensor after each step; its reference evaluator rounds likewise.
        var sum = E.Wide.zero
        for i in 0..<count {
          let e = E(wide: .exp(E(wide: x[i &* inner].wide - top).wide))
          z[i &* inner] = e
          sum += e.wide
        }
        let total = E(wide: sum).wide
        for i in 0..<count { z[i &* inner] = E(wide: z[i &* inner].wide / total) }
      } else {
        var sum = E.Wide.zero
        for i in 0..<count { sum += .exp(x[i &* inner].wide - top) }
        for i in 0..<count { z[i &* inner] = E(wide: .exp(x[i &* inner].wide - top) / sum) }
      }
    }

    private func logSoftmax<E: RealElement>(_ x: UnsafePointer<E>, _ z: UnsafeMutablePointer<E>) {
      let top = greatest(x)
      var sum = E.Wide.zero
      for i in 0..<count { sum += .exp(x[i &* inner].wide - top) }
      let shift = E.Wide.log(sum)
      for i in 0..<count { z[i &* inner] = E(wide: x[i &* inner].wide - top - shift) }
    }

    private func hardmax<E: RealElement>(_ x: UnsafePointer<E>, _ z: UnsafeMutablePointer<E>) {
      var best = 0
      for i in 1..<Swift.max(count, 1) where x[i &* inner].wide > x[best &* inner].wide { best = i }
      for i in 0..<count { z[i &* inner] = E(wide: i == best ? 1 : 0) }
    }
  }
}

/// Softmax of rows of float16, rounded after each step as `Softmax.Body` does element by element.
private struct HalfRows {
  let table: KernelTable
  let narrow: HalfKernels.Narrow
  let widen: HalfKernels.Widen

  /// nil: the instruction set has no conversions of vectors.
  init?(_ table: KernelTable) {
    guard let narrow = table.half.toFloat16, let widen = table.half.fromFloat16 else { return nil }
    (self.table, self.narrow, self.widen) = (table, narrow, widen)
  }

  func softmax(
    _ x: UnsafePointer<UInt16>, _ z: UnsafeMutablePointer<UInt16>, _ wide: UnsafeMutablePointer<Float>, _ count: Int
  ) {
    func round() {
      narrow(wide, z, count)
      widen(z, wide, count)
    }
    widen(x, wide, count)
    table.subtractScalar(wide, table.max(wide, count), wide, count)
    round()
    table.exp(wide, wide, count)
    round()
    var total = table.sum(wide, count)
    var bits: UInt16 = 0
    narrow(&total, &bits, 1)
    widen(&bits, &total, 1)
    table.divideScalar(wide, total, wide, count)
    narrow(wide, z, count)
  }
}
