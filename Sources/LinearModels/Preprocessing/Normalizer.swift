public import InferenceGraph
import Kernels
public import TensorCore

/// Divides every row by its norm, as `float32`. A row of zeros stays as it is.
public struct Normalizer: Operator {
  /// The norms, by the names of attribute `norm`.
  public enum Norm: String, Sendable, CaseIterable {
    /// The greatest element (not magnitude), as ONNX Runtime has it.
    case max = "MAX"
    case l1 = "L1"
    case l2 = "L2"
  }

  public let name = "Normalizer"
  let norm: Norm

  public init(_ norm: Norm) { self.norm = norm }

  public var attributes: [(name: String, value: String)] { [("norm", norm.rawValue)] }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    _ = try FeatureMatrix.extents(inputs.first ?? nil, columns: nil)
    return [Fact(.float32, (inputs.first ?? nil)?.shape)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Inputs.tensor(inputs[0])
    let (rows, columns) = try FeatureMatrix.extents(x.shape)
    let out = try context.reuse(&inputs, at: 0, dtype: .float32, shape: x.shape)
    let to = out.unsafeMutableElements(of: Float.self)
    try x.convert(to: to)
    context.pool.parallelFor(rows, grain: 1 + 100_000 / Swift.max(columns, 1)) { lower, upper in
      for i in lower..<upper {
        normalize(UnsafeMutableBufferPointer(rebasing: to[(i &* columns)..<((i &+ 1) &* columns)]))
      }
    }
    return [.tensor(out)]
  }

  private func normalize(_ row: UnsafeMutableBufferPointer<Float>) {
    var by: Float
    switch norm {
    case .max:
      by = -.greatestFiniteMagnitude
      for v in row where v > by { by = v }
    case .l1:
      by = 0
      for v in row { by += abs(v) }
    case .l2:
      by = 0
      for v in row { by += v * v }
      by = by.squareRoot()
    }
    if by != 0 { for i in row.indices { row[i] /= by } }
  }
}
