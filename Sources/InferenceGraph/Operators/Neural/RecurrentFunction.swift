import Kernels
import TensorCore

/// An activation of a recurrent network's gate.
public struct RecurrentFunction: Sendable, Hashable {
  /// The functions of the standard.
  public enum Kind: String, Sendable, Hashable {
    case affine, elu, hardSigmoid, leakyRelu, relu, scaledTanh, sigmoid, softplus, softsign, tanh, thresholdedRelu
  }

  public var kind: Kind
  public var alpha: Float
  public var beta: Float

  public init(_ kind: Kind, alpha: Float = 0, beta: Float = 0) {
    self.kind = kind
    self.alpha = alpha
    self.beta = beta
  }

  /// The function that the standard calls `name` (letter case does not count), with the parameters that it has when
  /// none are given; `uses` says which of them it takes.
  public static func named(_ name: String) -> (function: RecurrentFunction, usesAlpha: Bool, usesBeta: Bool)? {
    switch name.lowercased() {
    case "affine": (RecurrentFunction(.affine, alpha: 1), true, true)
    case "elu": (RecurrentFunction(.elu, alpha: 1), true, false)
    case "hardsigmoid": (RecurrentFunction(.hardSigmoid, alpha: 0.2, beta: 0.5), true, true)
    case "leakyrelu": (RecurrentFunction(.leakyRelu, alpha: 0.01), true, false)
    case "relu": (RecurrentFunction(.relu), false, false)
    case "scaledtanh": (RecurrentFunction(.scaledTanh, alpha: 1, beta: 1), true, true)
    case "sigmoid": (RecurrentFunction(.sigmoid), false, false)
    case "softplus": (RecurrentFunction(.softplus), false, false)
    case "softsign": (RecurrentFunction(.softsign), false, false)
    case "tanh": (RecurrentFunction(.tanh), false, false)
    case "thresholdedrelu": (RecurrentFunction(.thresholdedRelu, alpha: 1), true, false)
    default: nil
    }
  }

  /// The function of one number.
  func callAsFunction<S: RealScalar>(_ x: S) -> S {
    let a = S(double: Double(alpha))
    let b = S(double: Double(beta))
    switch kind {
    case .affine: return a * x + b
    case .elu: return x >= 0 ? x : a * S.expm1(x)
    case .hardSigmoid: return Swift.min(Swift.max(a * x + b, 0), 1)
    case .leakyRelu: return x >= 0 ? x : a * x
    case .relu: return x < 0 ? 0 : x
    case .scaledTanh: return a * S.tanh(b * x)
    case .sigmoid: return 1 / (1 + S.exp(-x))
    case .softplus: return x > 0 ? x + S.log1p(S.exp(-x)) : S.log1p(S.exp(x))
    case .softsign: return x / (1 + x.magnitudeValue)
    case .tanh: return S.tanh(x)
    case .thresholdedRelu: return x > a ? x : 0
    }
  }
}

/// A number that recurrent networks compute with.
protocol RecurrentScalar: RealScalar {
  /// A constant right operand `[k, n]`, given as its transpose `[n, k]`: `read` calls its second argument with the address
  /// of the first element of the range.
  associatedtype Matrix
  static func pack(
    k: Int, n: Int, _ constants: Constants, _ name: String,
    _ read: (Range<Int>, (UnsafePointer<Self>) -> Void) -> Void
  ) -> Matrix
  static func addHeld(_ matrix: Matrix, to memory: inout HeldMemory)
  /// `c = a b`, or `c += a b`; A has rows of `k`, C of `cRowStride`.
  static func multiply(
    _ m: Int, _ a: UnsafePointer<Self>, _ b: Matrix, _ c: UnsafeMutablePointer<Self>, _ cRowStride: Int,
    accumulate: Bool, _ pool: ComputePool)
  static func apply(_ f: RecurrentFunction, _ x: UnsafeMutablePointer<Self>, _ n: Int)
}

extension Float: RecurrentScalar {
  static func pack(
    k: Int, n: Int, _ constants: Constants, _ name: String,
    _ read: PackedMatrix.Reader
  ) -> PackedMatrix {
    PackedMatrix(k: k, n: n, transposed: true, in: constants, as: name, read: read)
  }

  static func addHeld(_ matrix: PackedMatrix, to memory: inout HeldMemory) { memory.add(matrix.tensor) }

  static func multiply(
    _ m: Int, _ a: UnsafePointer<Float>, _ b: PackedMatrix, _ c: UnsafeMutablePointer<Float>, _ cRowStride: Int,
    accumulate: Bool, _ pool: ComputePool
  ) {
    MatrixMultiply.multiply(
      m: m, n: b.n, k: b.k, .strided(a, rowStride: b.k, columnStride: 1), .packed(b.elements), into: c,
      cRowStride: cRowStride, accumulate: accumulate, pool: pool)
  }

  static func apply(_ f: RecurrentFunction, _ x: UnsafeMutablePointer<Float>, _ n: Int) {
    let table = KernelTable.current
    switch f.kind {
    case .sigmoid: table.sigmoid(x, x, n)
    case .tanh: table.tanh(x, x, n)
    case .relu: table.relu(x, x, n)
    default: for i in 0..<n { x[i] = f(x[i]) }
    }
  }
}

extension Double: RecurrentScalar {
  struct Transposed {
    let elements: [Double]
    let k: Int, n: Int
  }

  static func pack(
    k: Int, n: Int, _ constants: Constants, _ name: String,
    _ read: (Range<Int>, (UnsafePointer<Double>) -> Void) -> Void
  ) -> Transposed {
    var elements: [Double] = []
    read(0..<k &* n) { elements = Array(UnsafeBufferPointer(start: $0, count: k &* n)) }
    return Transposed(elements: elements, k: k, n: n)
  }

  static func addHeld(_ matrix: Transposed, to memory: inout HeldMemory) {
    memory.add(privateBytes: matrix.elements.count * 8)
  }

  static func multiply(
    _ m: Int, _ a: UnsafePointer<Double>, _ b: Transposed, _ c: UnsafeMutablePointer<Double>, _ cRowStride: Int,
    accumulate: Bool, _ pool: ComputePool
  ) {
    b.elements.withUnsafeBufferPointer { w in
      for i in 0..<m {
        for j in 0..<b.n {
          var sum = accumulate ? c[i &* cRowStride &+ j] : 0
          for p in 0..<b.k { sum += a[i &* b.k &+ p] * w[j &* b.k &+ p] }
          c[i &* cRowStride &+ j] = sum
        }
      }
    }
  }

  static func apply(_ f: RecurrentFunction, _ x: UnsafeMutablePointer<Double>, _ n: Int) {
    for i in 0..<n { x[i] = f(x[i]) }
  }
}
