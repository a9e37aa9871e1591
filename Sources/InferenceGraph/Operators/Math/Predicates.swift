public import TensorCore

/// The complement of every bit of an integer, or of a boolean.
public struct Complement: Operator {
  public var name: String { "Not" }

  public init() {}

  private func accepts(_ dtype: DType) -> Bool { dtype == .bool || dtype.isInteger && dtype.isArithmetic }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0)
    if let dtype = x.dtype, !accepts(dtype) { throw Operand.unsupported(dtype, "booleans or integers") }
    return [Fact(type: x.type, shape: x.shape)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try RawOperand(inputs, 0)
    guard accepts(x.dtype) else { throw Operand.unsupported(x.dtype, "booleans or integers") }
    let out = try context.output(overwriting: 0, of: &inputs, x.dtype, x.shape)
    let bytes = out.unsafeMutableBytes
    let from = x.elements(UInt8.self)
    let mask: UInt8 = x.dtype == .bool ? 1 : 0xFF
    for i in 0..<bytes.count { bytes[i] = from[i] ^ mask }
    return [.tensor(out)]
  }
}

/// Where floating-point numbers are of a class; the result is `bool`.
public struct Classify: Operator {
  /// The classes.
  public enum Kind: Sendable, Hashable {
    case nan
    case infinite(negative: Bool, positive: Bool)
  }

  public let kind: Kind
  public var name: String { kind == .nan ? "IsNaN" : "IsInf" }

  public init(_ kind: Kind) { self.kind = kind }

  private func accepts(_ dtype: DType) -> Bool { dtype.isReal || dtype.isMiniFloat }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0)
    if let dtype = x.dtype, !accepts(dtype) { throw Operand.unsupported(dtype, "floating-point numbers") }
    return [Fact(.bool, x.shape)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try RawOperand(inputs, 0)
    let out = try context.allocate(.bool, x.shape)
    if x.dtype.isMiniFloat {
      let table = MiniFloat.values(of: x.dtype)
      let from = x.elements(UInt8.self)
      let to = out.writable(Bool.self)
      for i in 0..<out.count { to[i] = Body.test(table[Int(from[i])], kind) }
    } else if try x.dtype.withReal(Body(kind: kind, x: x, out: out)) == nil {
      throw Operand.unsupported(x.dtype, "floating-point numbers")
    }
    return [.tensor(out)]
  }

  private struct Body: RealBody {
    let kind: Kind
    let x: RawOperand
    let out: Tensor

    func run<E: RealElement>(_ type: E.Type) throws {
      let from = x.elements(E.self)
      let to = out.writable(Bool.self)
      for i in 0..<out.count { to[i] = Body.test(from[i].wide, kind) }
    }

    static func test<T: RealScalar>(_ x: T, _ kind: Kind) -> Bool {
      switch kind {
      case .nan: x.isNaN
      case .infinite(let negative, let positive): x == .infinity && positive || x == -.infinity && negative
      }
    }
  }
}
