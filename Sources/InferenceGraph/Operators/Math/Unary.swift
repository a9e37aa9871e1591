import Kernels
public import TensorCore

/// A function of one number, element by element; the element type stays.
public struct Unary: Operator {
  /// The functions. `alpha` and `beta` are the operator's parameters.
  public enum Kind: String, Sendable, CaseIterable {
    case absolute = "Abs"
    case negate = "Neg"
    case sign = "Sign"
    case relu = "Relu"
    /// `x + beta` below `-alpha`, `x - beta` above `alpha`, 0 between.
    case shrink = "Shrink"
    case erf = "Erf"
    case ceil = "Ceil"
    case floor = "Floor"
    /// To the nearest integer, ties to even.
    case round = "Round"
    case squareRoot = "Sqrt"
    case reciprocal = "Reciprocal"
    case exp = "Exp"
    case log = "Log"
    case sin = "Sin"
    case cos = "Cos"
    case tan = "Tan"
    case asin = "Asin"
    case acos = "Acos"
    case atan = "Atan"
    case sinh = "Sinh"
    case cosh = "Cosh"
    case tanh = "Tanh"
    case asinh = "Asinh"
    case acosh = "Acosh"
    case atanh = "Atanh"
    case sigmoid = "Sigmoid"
    /// `max(0, min(1, alpha * x + beta))`.
    case hardSigmoid = "HardSigmoid"
    case hardSwish = "HardSwish"
    /// `alpha * (exp(x) - 1)` below 0.
    case elu = "Elu"
    /// `beta * alpha * (exp(x) - 1)` below 0, `beta * x` above.
    case selu = "Selu"
    /// `alpha * (exp(x / alpha) - 1)` below 0.
    case celu = "Celu"
    /// `alpha * x` below 0.
    case leakyRelu = "LeakyRelu"
    /// 0 up to `alpha`.
    case thresholdedRelu = "ThresholdedRelu"
    case softplus = "Softplus"
    case softsign = "Softsign"
    case mish = "Mish"
    /// By the error function.
    case gelu = "Gelu"
    /// By the approximation with the hyperbolic tangent.
    case geluTanh = "GeluTanh"
    /// `x * sigmoid(alpha * x)`.
    case swish = "Swish"

    /// True for the functions that integers have, too.
    var takesIntegers: Bool {
      switch self {
      case .absolute, .negate, .sign, .relu, .shrink, .erf: true
      default: false
      }
    }
  }

  public let kind: Kind
  public let alpha: Float
  public let beta: Float

  public var name: String { kind.rawValue }
  public var attributes: [(name: String, value: String)] {
    alpha == 0 && beta == 0 ? [] : [("alpha", "\(alpha)"), ("beta", "\(beta)")]
  }

  public init(_ kind: Kind, alpha: Float = 0, beta: Float = 0) {
    self.kind = kind
    self.alpha = alpha
    self.beta = beta
  }

  private func accepts(_ dtype: DType) -> Bool { kind.takesIntegers ? dtype.isArithmetic : dtype.isReal }
  private var expected: String { kind.takesIntegers ? "numbers" : "floating-point numbers" }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0)
    if let dtype = x.dtype, !accepts(dtype) { throw Operand.unsupported(dtype, expected) }
    var fact = Fact(type: x.type, shape: x.shape)
    if kind == .negate, let elements = x.elements, x.rank ?? 2 <= 1 { fact.elements = elements.map { Dim(0) - $0 } }
    return [fact]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try RawOperand(inputs, 0)
    guard accepts(x.dtype) else { throw Operand.unsupported(x.dtype, expected) }
    if Widened.applies(to: x.dtype) { return try Widened(base: self, dtype: x.dtype).evaluate(&inputs, context) }
    let out = try context.output(overwriting: 0, of: &inputs, x.dtype, x.shape)
    if try x.dtype.withReal(RealUnary(op: self, x: x, out: out, pool: context.pool)) == nil {
      _ = try x.dtype.withInteger(IntegerUnary(op: self, x: x, out: out, pool: context.pool))
    }
    return [.tensor(out)]
  }
}

/// A function of one floating-point number.
private protocol RealFunction {
  func of<T: RealScalar>(_ x: T) -> T
}

private struct RealUnary: RealBody {
  let op: Unary
  let x: RawOperand
  let out: Tensor
  let pool: ComputePool

  func run<E: RealElement>(_ type: E.Type) throws {
    if E.self == Float.self, applyFloatKernel() { return }
    switch op.kind {
    case .absolute: apply(Absolute(), type)
    case .negate: apply(Negate(), type)
    case .sign: apply(Sign(), type)
    case .relu: apply(Relu(), type)
    case .shrink: apply(Shrink(lambda: op.alpha, bias: op.beta), type)
    case .erf: apply(Erf(), type)
    case .ceil: apply(Ceil(), type)
    case .floor: apply(Floor(), type)
    case .round: apply(Round(), type)
    case .squareRoot: apply(SquareRoot(), type)
    case .reciprocal: apply(Reciprocal(), type)
    case .exp: apply(Exp(), type)
    case .log: apply(Log(), type)
    case .sin: apply(Sin(), type)
    case .cos: apply(Cos(), type)
    case .tan: apply(Tan(), type)
    case .asin: apply(Asin(), type)
    case .acos: apply(Acos(), type)
    case .atan: apply(Atan(), type)
    case .sinh: apply(Sinh(), type)
    case .cosh: apply(Cosh(), type)
    case .tanh: apply(Tanh(), type)
    case .asinh: apply(Asinh(), type)
    case .acosh: apply(Acosh(), type)
    case .atanh: apply(Atanh(), type)
    case .sigmoid: apply(Sigmoid(), type)
    case .hardSigmoid: apply(HardSigmoid(alpha: op.alpha, beta: op.beta), type)
    case .hardSwish: apply(HardSwish(), type)
    case .elu: apply(Elu(alpha: op.alpha), type)
    case .selu: apply(Selu(alpha: op.alpha, gamma: op.beta), type)
    case .celu: apply(Celu(alpha: op.alpha), type)
    case .leakyRelu: apply(LeakyRelu(alpha: op.alpha), type)
    case .thresholdedRelu: apply(ThresholdedRelu(alpha: op.alpha), type)
    case .softplus: apply(Softplus(), type)
    case .softsign: apply(Softsign(), type)
    case .mish: apply(Mish(), type)
    case .gelu: apply(Gelu(), type)
    case .geluTanh: apply(GeluTanh(), type)
    case .swish: apply(Swish(alpha: op.alpha), type)
    }
  }

  /// Runs the vector kernel for `float32`, where there is one.
  private func applyFloatKernel() -> Bool {
    let table = KernelTable.current
    let (from, to) = (x.elements(Float.self), out.writable(Float.self))
    let count = out.count
    func unary(_ kernel: KernelTable.Unary, grain: Int = 1 << 13) -> Bool {
      pool.parallelFor(count, grain: grain) { kernel(from + $0, to + $0, $1 - $0) }
      return true
    }
    func parametric(_ kernel: KernelTable.Parametric, _ p: Float, _ q: Float = 0) -> Bool {
      pool.parallelFor(count, grain: 1 << 13) { kernel(from + $0, p, q, to + $0, $1 - $0) }
      return true
    }
    switch op.kind {
    case .absolute: return unary(table.absolute, grain: BroadcastWalk.grain)
    case .negate: return unary(table.negate, grain: BroadcastWalk.grain)
    case .relu: return unary(table.relu, grain: BroadcastWalk.grain)
    case .squareRoot: return unary(table.sqrt)
    case .reciprocal: return unary(table.reciprocal)
    case .exp: return unary(table.exp)
    case .log: return unary(table.log)
    case .tanh: return unary(table.tanh)
    case .erf: return unary(table.erf)
    case .sigmoid: return unary(table.sigmoid)
    case .softplus: return unary(table.softplus)
    case .gelu: return unary(table.gelu)
    case .geluTanh: return unary(table.geluTanh)
    case .swish where op.alpha == 1: return unary(table.silu)
    case .leakyRelu: return parametric(table.leakyRelu, op.alpha)
    case .elu: return parametric(table.elu, op.alpha, 1)
    case .selu: return parametric(table.elu, op.beta * op.alpha, op.beta)
    case .hardSigmoid: return parametric(table.hardSigmoid, op.alpha, op.beta)
    default: return false
    }
  }

  private func apply<F: RealFunction, E: RealElement>(_ f: F, _ type: E.Type) {
    let from = x.elements(E.self)
    let to = out.writable(E.self)
    let inPlace = isSamePlace(from, to)
    pool.parallelFor(out.count, grain: 1 << 14) { lower, upper in
      if E.self == Float.self, inPlace {
        for i in lower..<upper { to[i] = E(wide: f.of(to[i].wide)) }
      } else {
        for i in lower..<upper { to[i] = E(wide: f.of(from[i].wide)) }
      }
    }
  }
}

private struct IntegerUnary: IntegerBody {
  let op: Unary
  let x: RawOperand
  let out: Tensor
  let pool: ComputePool

  func run<E: IntegerElement>(_ type: E.Type) throws {
    let from = x.elements(E.self)
    let to = out.writable(E.self)
    let n = out.count
    switch op.kind {
    case .absolute: for i in 0..<n { to[i] = from[i].magnitudeValue }
    case .negate: for i in 0..<n { to[i] = 0 &- from[i] }
    case .sign: for i in 0..<n { to[i] = from[i].signum() }
    case .relu: for i in 0..<n { to[i] = Swift.max(from[i], 0) }
    case .erf: for i in 0..<n { to[i] = E(double: Double.erf(from[i].double)) }
    case .shrink:
      let f = Shrink(lambda: op.alpha, bias: op.beta)
      for i in 0..<n { to[i] = E(double: f.of(from[i].double)) }
    default: throw GraphError(.unsupported, "\(op.name) of integers")
    }
  }
}

private struct Absolute: RealFunction { func of<T: RealScalar>(_ x: T) -> T { x.magnitude } }
private struct Negate: RealFunction { func of<T: RealScalar>(_ x: T) -> T { -x } }
private struct Sign: RealFunction { func of<T: RealScalar>(_ x: T) -> T { x > 0 ? 1 : x < 0 ? -1 : x } }
private struct Relu: RealFunction { func of<T: RealScalar>(_ x: T) -> T { x < 0 ? 0 : x } }
private struct Shrink: RealFunction {
  let lambda: Float, bias: Float
  func of<T: RealScalar>(_ x: T) -> T { x < T(-lambda) ? x + T(bias) : x > T(lambda) ? x - T(bias) : 0 }
}
private struct Erf: RealFunction { func of<T: RealScalar>(_ x: T) -> T { .erf(x) } }
private struct Ceil: RealFunction { func of<T: RealScalar>(_ x: T) -> T { x.rounded(.up) } }
private struct Floor: RealFunction { func of<T: RealScalar>(_ x: T) -> T { x.rounded(.down) } }
private struct Round: RealFunction { func of<T: RealScalar>(_ x: T) -> T { x.rounded(.toNearestOrEven) } }
private struct SquareRoot: RealFunction { func of<T: RealScalar>(_ x: T) -> T { x.squareRoot() } }
private struct Reciprocal: RealFunction { func of<T: RealScalar>(_ x: T) -> T { 1 / x } }
private struct Exp: RealFunction { func of<T: RealScalar>(_ x: T) -> T { .exp(x) } }
private struct Log: RealFunction { func of<T: RealScalar>(_ x: T) -> T { .log(x) } }
private struct Sin: RealFunction { func of<T: RealScalar>(_ x: T) -> T { .sin(x) } }
private struct Cos: RealFunction { func of<T: RealScalar>(_ x: T) -> T { .cos(x) } }
private struct Tan: RealFunction { func of<T: RealScalar>(_ x: T) -> T { .tan(x) } }
private struct Asin: RealFunction { func of<T: RealScalar>(_ x: T) -> T { .asin(x) } }
private struct Acos: RealFunction { func of<T: RealScalar>(_ x: T) -> T { .acos(x) } }
private struct Atan: RealFunction { func of<T: RealScalar>(_ x: T) -> T { .atan(x) } }
private struct Sinh: RealFunction { func of<T: RealScalar>(_ x: T) -> T { .sinh(x) } }
private struct Cosh: RealFunction { func of<T: RealScalar>(_ x: T) -> T { .cosh(x) } }
private struct Tanh: RealFunction { func of<T: RealScalar>(_ x: T) -> T { .tanh(x) } }
private struct Asinh: RealFunction { func of<T: RealScalar>(_ x: T) -> T { .asinh(x) } }
private struct Acosh: RealFunction { func of<T: RealScalar>(_ x: T) -> T { .acosh(x) } }
private struct Atanh: RealFunction { func of<T: RealScalar>(_ x: T) -> T { .atanh(x) } }
private struct Sigmoid: RealFunction { func of<T: RealScalar>(_ x: T) -> T { 1 / (1 + .exp(-x)) } }
private struct HardSigmoid: RealFunction {
  let alpha: Float, beta: Float
  func of<T: RealScalar>(_ x: T) -> T { .least(1, .greatest(0, T(alpha) * x + T(beta))) }
}
private struct HardSwish: RealFunction {
  func of<T: RealScalar>(_ x: T) -> T { x * .least(1, .greatest(0, x / 6 + 0.5)) }
}
private struct Elu: RealFunction {
  let alpha: Float
  func of<T: RealScalar>(_ x: T) -> T { x < 0 ? T(alpha) * .expm1(x) : x }
}
private struct Selu: RealFunction {
  let alpha: Float, gamma: Float
  func of<T: RealScalar>(_ x: T) -> T { x > 0 ? T(gamma) * x : T(gamma) * T(alpha) * .expm1(x) }
}
private struct Celu: RealFunction {
  let alpha: Float
  func of<T: RealScalar>(_ x: T) -> T { x > 0 ? x : T(alpha) * .expm1(x / T(alpha)) }
}
private struct LeakyRelu: RealFunction {
  let alpha: Float
  func of<T: RealScalar>(_ x: T) -> T { x < 0 ? T(alpha) * x : x }
}
private struct ThresholdedRelu: RealFunction {
  let alpha: Float
  func of<T: RealScalar>(_ x: T) -> T { x > T(alpha) ? x : 0 }
}
private struct Softplus: RealFunction {
  func of<T: RealScalar>(_ x: T) -> T { x > 0 ? x + .log1p(.exp(-x)) : .log1p(.exp(x)) }
}
private struct Softsign: RealFunction { func of<T: RealScalar>(_ x: T) -> T { x / (1 + x.magnitude) } }
private struct Mish: RealFunction {
  func of<T: RealScalar>(_ x: T) -> T { x * .tanh(Softplus().of(x)) }
}
private struct Gelu: RealFunction {
  func of<T: RealScalar>(_ x: T) -> T { 0.5 * x * (1 + .erf(x * 0.70710678118654752)) }
}
private struct GeluTanh: RealFunction {
  func of<T: RealScalar>(_ x: T) -> T {
    0.5 * x * (1 + .tanh(0.79788456080286536 * (x + 0.044715 * x * x * x)))
  }
}
private struct Swish: RealFunction {
  let alpha: Float
  func of<T: RealScalar>(_ x: T) -> T { x / (1 + .exp(-(T(alpha) * x))) }
}
