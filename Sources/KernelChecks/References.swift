import KernelSlots

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A one-argument slot with its definition in double precision.
struct UnaryCheck: Sendable {
  let name: String
  let slot: @Sendable (KernelTable) -> KernelTable.Unary
  let reference: @Sendable (Double) -> Double
  /// Units in the last place that the result may be off.
  let ulps: Double
  /// Errors below this are not counted (functions that cancel by definition).
  var absolute = 0.0
}

let unaryChecks: [UnaryCheck] = [
  UnaryCheck(name: "exp", slot: { $0.exp }, reference: { exp($0) }, ulps: 2),
  UnaryCheck(name: "log", slot: { $0.log }, reference: { log($0) }, ulps: 2),
  UnaryCheck(name: "tanh", slot: { $0.tanh }, reference: { tanh($0) }, ulps: 3),
  UnaryCheck(name: "erf", slot: { $0.erf }, reference: { erf($0) }, ulps: 3),
  UnaryCheck(name: "sigmoid", slot: { $0.sigmoid }, reference: { 1 / (1 + exp(-$0)) }, ulps: 3),
  UnaryCheck(name: "relu", slot: { $0.relu }, reference: { $0 < 0 ? 0 : $0 }, ulps: 0),
  UnaryCheck(
    name: "gelu", slot: { $0.gelu }, reference: { $0 == -.infinity ? .nan : $0 / 2 * (1 + erf($0 * 0.5.squareRoot())) },
    ulps: 4, absolute: 1e-6),
  UnaryCheck(
    name: "geluTanh", slot: { $0.geluTanh },
    reference: {
      $0 == -.infinity ? .nan : $0 / 2 * (1 + tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0)))
    }, ulps: 4, absolute: 1e-6),
  UnaryCheck(name: "silu", slot: { $0.silu }, reference: { $0 / (1 + exp(-$0)) }, ulps: 3, absolute: 1e-37),
  UnaryCheck(name: "softplus", slot: { $0.softplus }, reference: { $0 > 30 ? $0 + exp(-$0) : log1p(exp($0)) }, ulps: 4),
  UnaryCheck(name: "sqrt", slot: { $0.sqrt }, reference: { $0.squareRoot() }, ulps: 0.5),
  UnaryCheck(name: "reciprocal", slot: { $0.reciprocal }, reference: { 1 / $0 }, ulps: 0.5),
  UnaryCheck(name: "negate", slot: { $0.negate }, reference: { -$0 }, ulps: 0),
  UnaryCheck(name: "absolute", slot: { $0.absolute }, reference: { abs($0) }, ulps: 0),
  UnaryCheck(name: "square", slot: { $0.square }, reference: { $0 * $0 }, ulps: 0.5),
]

/// A slot of two vectors, or of a vector and a scalar, with its definition.
struct BinaryCheck: Sendable {
  let name: String
  let vector: (@Sendable (KernelTable) -> KernelTable.Binary)?
  let scalar: (@Sendable (KernelTable) -> KernelTable.BinaryScalar)?
  let reference: @Sendable (Float, Float) -> Float
}

/// The greater, NaN where either is NaN.
@Sendable func greater(_ a: Float, _ b: Float) -> Float { a.isNaN || b.isNaN ? .nan : a > b ? a : b }
/// The lesser, NaN where either is NaN.
@Sendable func lesser(_ a: Float, _ b: Float) -> Float { a.isNaN || b.isNaN ? .nan : a < b ? a : b }

let binaryChecks: [BinaryCheck] = [
  BinaryCheck(name: "add", vector: { $0.add }, scalar: { $0.addScalar }, reference: { $0 + $1 }),
  BinaryCheck(name: "subtract", vector: { $0.subtract }, scalar: { $0.subtractScalar }, reference: { $0 - $1 }),
  BinaryCheck(name: "reversedSubtract", vector: nil, scalar: { $0.reversedSubtractScalar }, reference: { $1 - $0 }),
  BinaryCheck(name: "multiply", vector: { $0.multiply }, scalar: { $0.multiplyScalar }, reference: { $0 * $1 }),
  BinaryCheck(name: "divide", vector: { $0.divide }, scalar: { $0.divideScalar }, reference: { $0 / $1 }),
  BinaryCheck(name: "reversedDivide", vector: nil, scalar: { $0.reversedDivideScalar }, reference: { $1 / $0 }),
  BinaryCheck(name: "maximum", vector: { $0.maximum }, scalar: { $0.maximumScalar }, reference: greater),
  BinaryCheck(name: "minimum", vector: { $0.minimum }, scalar: { $0.minimumScalar }, reference: lesser),
]

/// A slot with parameters, with its definition in double precision.
struct ParametricCheck: Sendable {
  let name: String
  let slot: @Sendable (KernelTable) -> KernelTable.Parametric
  let p: Float
  let q: Float
  let reference: @Sendable (Double, Double, Double) -> Double
  let tolerance: Double
}

let parametricChecks: [ParametricCheck] = [
  ParametricCheck(
    name: "affine", slot: { $0.affine }, p: 1.5, q: -0.25, reference: { $0 * $1 + $2 }, tolerance: 1e-6),
  ParametricCheck(
    name: "clip", slot: { $0.clip }, p: -1, q: 2, reference: { $0 < $1 ? $1 : $0 > $2 ? $2 : $0 }, tolerance: 0),
  ParametricCheck(
    name: "leakyRelu", slot: { $0.leakyRelu }, p: 0.1, q: 0, reference: { x, p, _ in x < 0 ? x * p : x },
    tolerance: 1e-6),
  ParametricCheck(
    name: "elu", slot: { $0.elu }, p: 1.2, q: 1.05, reference: { $0 < 0 ? $1 * expm1($0) : $2 * $0 }, tolerance: 1e-6),
  ParametricCheck(
    name: "hardSigmoid", slot: { $0.hardSigmoid }, p: 0.2, q: 0.5,
    reference: { Swift.min(Swift.max($0 * $1 + $2, 0), 1) },
    tolerance: 1e-6),
]
