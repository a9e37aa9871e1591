import Kernels
public import TensorCore

/// A comparison, element by element with broadcasting; the result is `bool`.
public struct Comparison: Operator {
  /// The relations.
  public enum Kind: String, Sendable, CaseIterable {
    case equal = "Equal"
    case less = "Less"
    case lessOrEqual = "LessOrEqual"
    case greater = "Greater"
    case greaterOrEqual = "GreaterOrEqual"
  }

  public let kind: Kind
  /// The axis of the first operand at which the second begins; nil: aligned at the last axes.
  public let axis: Int?

  public var name: String { kind.rawValue }
  public var attributes: [(name: String, value: String)] { axis.map { [("axis", "\($0)")] } ?? [] }
  private var alignment: OperandAlignment { OperandAlignment(axis: axis) }

  public init(_ kind: Kind, axis: Int? = nil) {
    self.kind = kind
    self.axis = axis
  }

  private func accepts(_ dtype: DType) -> Bool {
    dtype.isArithmetic || kind == .equal && (dtype == .bool || dtype == .string)
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let fact = try ElementwiseFacts.binary(
      inputs, alignment: alignment, result: .bool, where: accepts, expected: "comparable elements")
    guard let pairs = ElementwiseFacts.pairedElements(inputs), let shape = fact.shape?.known else { return [fact] }
    var known: [Bool] = []
    for (a, b) in pairs {
      guard let answer = decided(a, b) else { return [fact] }
      known.append(answer)
    }
    guard let tensor = try? Tensor(known, shape: shape) else { return [fact] }
    return [Fact(constant: .tensor(tensor))]
  }

  /// The answer where it is the same for every extent; extents are not negative.
  private func decided(_ a: Dim, _ b: Dim) -> Bool? {
    if let x = a.value, let y = b.value {
      switch kind {
      case .equal: return x == y
      case .less: return x < y
      case .lessOrEqual: return x <= y
      case .greater: return x > y
      case .greaterOrEqual: return x >= y
      }
    }
    guard kind == .equal else { return nil }
    if a.isProvablyEqual(to: b) { return true }
    if a.isProvablyDifferent(from: b) { return false }
    if a.isNeverNegative, let y = b.value, y < 0 { return false }
    if b.isNeverNegative, let x = a.value, x < 0 { return false }
    return nil
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let a = try RawOperand(inputs, 0)
    let b = try RawOperand(inputs, 1)
    try Operand.sameType(a.dtype, b.dtype)
    guard accepts(a.dtype) else { throw Operand.unsupported(a.dtype, "comparable elements") }
    let aligned = try alignment.aligned(b.shape, rank: a.shape.rank)
    let shape = try Shape.broadcasting([a.shape, aligned])
    let walk = BroadcastWalk([a.shape, aligned], shape)
    if a.dtype == .string {
      let out = try context.allocate(.bool, shape)
      compareStrings(try Operand.tensor(inputs, 0), try Operand.tensor(inputs, 1), out, walk)
      return [.tensor(out)]
    }
    let out = try context.output(overwriting: 0, 1, of: &inputs, .bool, shape)
    let body = Body(kind: kind, a: a, b: b, out: out, walk: walk, pool: context.pool)
    if a.dtype == .bool { try body.run(UInt8.self) } else { _ = try a.dtype.withNumeric(body) }
    return [.tensor(out)]
  }

  private func compareStrings(_ a: Tensor, _ b: Tensor, _ out: Tensor, _ walk: BroadcastWalk) {
    let (x, y) = (a.strings, b.strings)
    let to = out.writable(Bool.self)
    walk.runs(0, walk.outer) { run, i, j, _ in
      for n in 0..<walk.inner {
        to[run &* walk.inner &+ n] =
          x[x.startIndex + i + n * walk.steps[0]] == y[y.startIndex + j + n * walk.steps[1]]
      }
    }
  }

  private struct Body: NumericBody {
    let kind: Kind
    let a: RawOperand, b: RawOperand
    let out: Tensor
    let walk: BroadcastWalk
    let pool: ComputePool

    func run<E: NumericElement>(_ type: E.Type) throws {
      switch kind {
      case .equal: EqualElements<E>().apply(a, b, out, walk, pool)
      case .less: LessElements<E>().apply(a, b, out, walk, pool)
      case .lessOrEqual: LessOrEqualElements<E>().apply(a, b, out, walk, pool)
      case .greater: GreaterElements<E>().apply(a, b, out, walk, pool)
      case .greaterOrEqual: GreaterOrEqualElements<E>().apply(a, b, out, walk, pool)
      }
    }
  }
}

extension Dim {
  /// True where no extents of the symbols can make the value negative.
  fileprivate var isNeverNegative: Bool {
    switch form {
    case .known(let value): value >= 0
    case .polynomial(let terms): terms.values.allSatisfy { $0 >= 0 }
    case .unknown: false
    }
  }
}

private struct EqualElements<E: NumericElement>: BinaryFunction {
  @inline(__always) func of(_ a: E, _ b: E) -> Bool { a.wide == b.wide }
}
private struct LessElements<E: NumericElement>: BinaryFunction {
  @inline(__always) func of(_ a: E, _ b: E) -> Bool { a.wide < b.wide }
}
private struct LessOrEqualElements<E: NumericElement>: BinaryFunction {
  @inline(__always) func of(_ a: E, _ b: E) -> Bool { a.wide <= b.wide }
}
private struct GreaterElements<E: NumericElement>: BinaryFunction {
  @inline(__always) func of(_ a: E, _ b: E) -> Bool { a.wide > b.wide }
}
private struct GreaterOrEqualElements<E: NumericElement>: BinaryFunction {
  @inline(__always) func of(_ a: E, _ b: E) -> Bool { a.wide >= b.wide }
}
