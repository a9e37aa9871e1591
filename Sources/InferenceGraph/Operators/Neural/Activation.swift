public import Kernels
import TensorCore

/// An elementwise function that a product or a convolution applies before it stores.
public struct Activation: Sendable, Hashable, CustomStringConvertible {
  public var kind: GemmTask.Activation
  /// Parameters, as `GemmTask.Activation` names them.
  public var p: Float
  public var q: Float

  public init(_ kind: GemmTask.Activation, p: Float = 0, q: Float = 0) {
    self.kind = kind
    self.p = p
    self.q = q
  }

  public static let none = Activation(.none)

  public var description: String {
    switch kind {
    case .clip: "clip(\(p), \(q))"
    case .leakyRelu: "leakyRelu(\(p))"
    default: "\(kind)"
    }
  }
}

extension Activation {
  /// The function of a sum that a product or a convolution was to add by itself, and cannot: the addend has another shape than
  /// the model says.
  func applied(toSumOf product: Tensor, _ addend: Tensor, _ context: EvaluationContext) throws -> Tensor {
    var operands: [Value?] = [.tensor(product), .tensor(addend)]
    guard case .tensor(let sum)? = try Arithmetic(.add).evaluate(&operands, context).first else { return product }
    let elements = sum.unsafeMutableElements(of: Float.self)
    if let first = elements.baseAddress { apply(first, elements.count, .current) }
    return sum
  }

  /// Applies the function in place.
  func apply(_ x: UnsafeMutablePointer<Float>, _ n: Int, _ table: KernelTable) {
    switch kind {
    case .none: break
    case .relu: table.relu(x, x, n)
    case .gelu: table.gelu(x, x, n)
    case .geluTanh: table.geluTanh(x, x, n)
    case .sigmoid: table.sigmoid(x, x, n)
    case .tanh: table.tanh(x, x, n)
    case .silu: table.silu(x, x, n)
    case .clip: table.clip(x, p, q, x, n)
    case .leakyRelu: table.leakyRelu(x, p, 0, x, n)
    }
  }
}
