public import Kernels

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
