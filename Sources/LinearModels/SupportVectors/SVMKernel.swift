import InferenceGraph
import Kernels

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The kernel function of a support vector machine.
public struct SVMKernel: Sendable {
  /// The functions, by the names of `kernel_type`.
  public enum Kind: String, Sendable, CaseIterable {
    case linear = "LINEAR"
    case poly = "POLY"
    case rbf = "RBF"
    case sigmoid = "SIGMOID"
  }

  public var kind: Kind
  public var gamma: Float
  public var coef0: Float
  public var degree: Float

  /// - Parameter parameters: gamma, coef0, degree (`kernel_params`), or none.
  /// - Throws: `GraphError` when some are given, but not three.
  public init(_ kind: Kind, parameters: [Float]) throws {
    guard parameters.isEmpty || parameters.count >= 3 else {
      throw GraphError(.invalidModel, "attribute \"kernel_params\" has \(parameters.count) values, expected 3")
    }
    self.kind = kind
    gamma = parameters.isEmpty ? 0 : parameters[0]
    coef0 = parameters.isEmpty ? 0 : parameters[1]
    degree = parameters.isEmpty ? 0 : parameters[2]
  }

  /// `out[v] = kernel(row, vectors[v])`; the linear kernel adds `shift`.
  func evaluate(
    _ row: UnsafePointer<Float>, _ columns: Int, _ vectors: UnsafePointer<Float>, _ count: Int, shift: Float = 0,
    _ out: UnsafeMutablePointer<Float>
  ) {
    switch kind {
    case .linear:
      for v in 0..<count { out[v] = DotProducts.dot(row, vectors + v &* columns, columns) + shift }
    case .rbf:
      for v in 0..<count { out[v] = -gamma * DotProducts.squaredDistance(row, vectors + v &* columns, columns) }
      KernelTable.current.exp(out, out, count)
    case .poly:
      for v in 0..<count {
        let s = gamma * DotProducts.dot(row, vectors + v &* columns, columns) + coef0
        out[v] = degree == 2 ? s * s : degree == 3 ? s * s * s : powf(s, degree)
      }
    case .sigmoid:
      for v in 0..<count {
        out[v] = tanhf(gamma * DotProducts.dot(row, vectors + v &* columns, columns) + coef0)
      }
    }
  }
}
