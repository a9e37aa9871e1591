import Kernels
public import TensorCore

/// A function of the bits of two integers or booleans, element by element with broadcasting.
public struct Bitwise: Operator {
  /// The functions.
  public enum Kind: String, Sendable, CaseIterable {
    case and = "And"
    case or = "Or"
    case xor = "Xor"
    /// Shifts by the width or more, or by a negative number, leave what sign extension alone gives.
    case shiftLeft = "ShiftLeft"
    case shiftRight = "ShiftRight"
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
    dtype.isInteger && dtype.isArithmetic || dtype == .bool && kind != .shiftLeft && kind != .shiftRight
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    [
      try ElementwiseFacts.binary(
        inputs, alignment: alignment, where: accepts, expected: "integers or booleans")
    ]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let a = try RawOperand(inputs, 0)
    let b = try RawOperand(inputs, 1)
    try Operand.sameType(a.dtype, b.dtype)
    guard accepts(a.dtype) else { throw Operand.unsupported(a.dtype, "integers or booleans") }
    let aligned = try alignment.aligned(b.shape, rank: a.shape.rank)
    let shape = try Shape.broadcasting([a.shape, aligned])
    let out = try context.output(overwriting: 0, 1, of: &inputs, a.dtype, shape)
    let body = Body(
      kind: kind, a: a, b: b, out: out, walk: BroadcastWalk([a.shape, aligned], shape), pool: context.pool)
    if a.dtype == .bool { try body.run(UInt8.self) } else { _ = try a.dtype.withInteger(body) }
    return [.tensor(out)]
  }

  private struct Body: IntegerBody {
    let kind: Kind
    let a: RawOperand, b: RawOperand
    let out: Tensor
    let walk: BroadcastWalk
    let pool: ComputePool

    func run<E: IntegerElement>(_ type: E.Type) throws {
      switch kind {
      case .and: AndElements<E>().apply(a, b, out, walk, pool)
      case .or: OrElements<E>().apply(a, b, out, walk, pool)
      case .xor: XorElements<E>().apply(a, b, out, walk, pool)
      case .shiftLeft: ShiftLeftElements<E>().apply(a, b, out, walk, pool)
      case .shiftRight: ShiftRightElements<E>().apply(a, b, out, walk, pool)
      }
    }
  }
}

private struct AndElements<E: IntegerElement>: BinaryFunction {
  @inline(__always) func of(_ a: E, _ b: E) -> E { a & b }
}
private struct OrElements<E: IntegerElement>: BinaryFunction {
  @inline(__always) func of(_ a: E, _ b: E) -> E { a | b }
}
private struct XorElements<E: IntegerElement>: BinaryFunction {
  @inline(__always) func of(_ a: E, _ b: E) -> E { a ^ b }
}
private struct ShiftLeftElements<E: IntegerElement>: BinaryFunction {
  @inline(__always) func of(_ a: E, _ b: E) -> E {
    b < 0 || b >= E(E.bitWidth) ? 0 : a &<< b
  }
}
private struct ShiftRightElements<E: IntegerElement>: BinaryFunction {
  @inline(__always) func of(_ a: E, _ b: E) -> E {
    b < 0 || b >= E(E.bitWidth) ? (a < 0 ? ~0 : 0) : a &>> b
  }
}
