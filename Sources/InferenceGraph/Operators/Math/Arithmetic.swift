import Kernels
public import TensorCore

/// A function of two numbers, element by element with broadcasting.
public struct Arithmetic: Operator {
  /// The functions.
  public enum Kind: String, Sendable, CaseIterable {
    case add = "Add"
    case subtract = "Sub"
    case multiply = "Mul"
    /// The quotient; integers truncate towards zero.
    case divide = "Div"
    case power = "Pow"
    /// The remainder with the sign of the divisor.
    case modulo = "Mod"
    /// The remainder with the sign of the dividend.
    case remainder = "Fmod"
    /// The lesser; NaN when either is.
    case minimum = "Min"
    /// The greater; NaN when either is.
    case maximum = "Max"
    /// The first where it is not negative, the product elsewhere.
    case parametricRelu = "PRelu"
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

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    var fact = try ElementwiseFacts.binary(
      inputs, alignment: alignment, where: { $0.isArithmetic }, expected: "numbers")
    if let dtype = fact.dtype, dtype.isInteger, let pairs = ElementwiseFacts.pairedElements(inputs) {
      fact.elements = pairs.map(combined)
    }
    return [fact]
  }

  private func combined(_ a: Dim, _ b: Dim) -> Dim {
    switch kind {
    case .add: return a + b
    case .subtract: return a - b
    case .multiply: return a * b
    case .divide:
      guard let x = a.value, let y = b.value else { return a.divided(exactlyBy: b) ?? .unknown }
      return y == 0 ? .unknown : Dim(Int.divide(x, y))
    case .minimum, .maximum:
      if a.isProvablyEqual(to: b) { return a }
      guard let x = a.value, let y = b.value else { return .unknown }
      return Dim(kind == .minimum ? Swift.min(x, y) : Swift.max(x, y))
    case .modulo, .remainder:
      guard let x = a.value, let y = b.value, y != 0 else { return .unknown }
      return Dim(kind == .modulo ? Int.modulo(x, y) : Int.remainder(x, y))
    case .power, .parametricRelu: return .unknown
    }
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let a = try RawOperand(inputs, 0)
    let b = try RawOperand(inputs, 1)
    try Operand.sameType(a.dtype, b.dtype)
    if Widened.applies(to: a.dtype) { return try Widened(base: self, dtype: a.dtype).evaluate(&inputs, context) }
    let aligned = try alignment.aligned(b.shape, rank: a.shape.rank)
    let shape = try Shape.broadcasting([a.shape, aligned])
    let out = try context.output(overwriting: 0, 1, of: &inputs, a.dtype, shape)
    let body = Body(
      kind: kind, a: a, b: b, out: out, walk: BroadcastWalk([a.shape, aligned], shape), pool: context.pool)
    guard try a.dtype.withNumeric(body) != nil else { throw Operand.unsupported(a.dtype, "numbers") }
    return [.tensor(out)]
  }

  private struct Body: NumericBody {
    let kind: Kind
    let a: RawOperand, b: RawOperand
    let out: Tensor
    let walk: BroadcastWalk
    let pool: ComputePool

    func run<E: NumericElement>(_ type: E.Type) throws {
      if E.self == Float.self, walk.inner >= 16, let kernels = FloatKernels(kind) {
        kernels.apply(a, b, out, walk, pool)
        return
      }
      switch kind {
      case .add: AddElements<E>().apply(a, b, out, walk, pool)
      case .subtract: SubtractElements<E>().apply(a, b, out, walk, pool)
      case .multiply: MultiplyElements<E>().apply(a, b, out, walk, pool)
      case .divide: DivideElements<E>().apply(a, b, out, walk, pool)
      case .power: PowerElements<E>().apply(a, b, out, walk, pool)
      case .modulo: ModuloElements<E>().apply(a, b, out, walk, pool)
      case .remainder: RemainderElements<E>().apply(a, b, out, walk, pool)
      case .minimum: LeastElements<E>().apply(a, b, out, walk, pool)
      case .maximum: GreatestElements<E>().apply(a, b, out, walk, pool)
      case .parametricRelu: ParametricReluElements<E>().apply(a, b, out, walk, pool)
      }
    }
  }
}

/// The vector kernels of a function for `float32`.
private struct FloatKernels {
  let vectors: KernelTable.Binary
  /// The second operand is one number.
  let scalar: KernelTable.BinaryScalar
  /// The first operand is one number.
  let reversed: KernelTable.BinaryScalar

  init?(_ kind: Arithmetic.Kind) {
    let table = KernelTable.current
    switch kind {
    case .add: (vectors, scalar, reversed) = (table.add, table.addScalar, table.addScalar)
    case .subtract: (vectors, scalar, reversed) = (table.subtract, table.subtractScalar, table.reversedSubtractScalar)
    case .multiply: (vectors, scalar, reversed) = (table.multiply, table.multiplyScalar, table.multiplyScalar)
    case .divide: (vectors, scalar, reversed) = (table.divide, table.divideScalar, table.reversedDivideScalar)
    case .maximum: (vectors, scalar, reversed) = (table.maximum, table.maximumScalar, table.maximumScalar)
    case .minimum: (vectors, scalar, reversed) = (table.minimum, table.minimumScalar, table.minimumScalar)
    default: return nil
    }
  }

  func apply(_ a: RawOperand, _ b: RawOperand, _ out: Tensor, _ walk: BroadcastWalk, _ pool: ComputePool) {
    let (x, y, z) = (a.elements(Float.self), b.elements(Float.self), out.writable(Float.self))
    let (xStep, yStep) = (walk.steps[0], walk.steps[1])
    walk.pieces(pool) { i, j, _, k, count in
      if xStep == yStep {
        vectors(x + i, y + j, z + k, count)
      } else if xStep == 1 {
        scalar(x + i, y[j], z + k, count)
      } else {
        reversed(y + j, x[i], z + k, count)
      }
    }
  }
}

extension Int: MathScalar {}

private struct AddElements<E: NumericElement>: BinaryFunction {
  @inline(__always) func of(_ a: E, _ b: E) -> E { E(wide: .add(a.wide, b.wide)) }
}
private struct SubtractElements<E: NumericElement>: BinaryFunction {
  @inline(__always) func of(_ a: E, _ b: E) -> E { E(wide: .subtract(a.wide, b.wide)) }
}
private struct MultiplyElements<E: NumericElement>: BinaryFunction {
  @inline(__always) func of(_ a: E, _ b: E) -> E { E(wide: .multiply(a.wide, b.wide)) }
}
private struct DivideElements<E: NumericElement>: BinaryFunction {
  @inline(__always) func of(_ a: E, _ b: E) -> E { E(wide: .divide(a.wide, b.wide)) }
}
private struct PowerElements<E: NumericElement>: BinaryFunction {
  @inline(__always) func of(_ a: E, _ b: E) -> E { E(wide: .power(a.wide, b.wide)) }
}
private struct ModuloElements<E: NumericElement>: BinaryFunction {
  @inline(__always) func of(_ a: E, _ b: E) -> E { E(wide: .modulo(a.wide, b.wide)) }
}
private struct RemainderElements<E: NumericElement>: BinaryFunction {
  @inline(__always) func of(_ a: E, _ b: E) -> E { E(wide: .remainder(a.wide, b.wide)) }
}
private struct LeastElements<E: NumericElement>: BinaryFunction {
  @inline(__always) func of(_ a: E, _ b: E) -> E { E(wide: .least(a.wide, b.wide)) }
}
private struct GreatestElements<E: NumericElement>: BinaryFunction {
  @inline(__always) func of(_ a: E, _ b: E) -> E { E(wide: .greatest(a.wide, b.wide)) }
}
private struct ParametricReluElements<E: NumericElement>: BinaryFunction {
  @inline(__always) func of(_ a: E, _ b: E) -> E { a.wide < .zero ? E(wide: .multiply(a.wide, b.wide)) : a }
}
