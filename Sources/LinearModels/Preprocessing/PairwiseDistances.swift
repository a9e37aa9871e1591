public import InferenceGraph
import Kernels
public import TensorCore

/// Distances of every row of one matrix to every row of another: ONNX Runtime's `CDist`, which nearest-neighbour models
/// use.
public struct PairwiseDistances: Operator {
  /// The distances, by the names of attribute `metric`.
  public enum Metric: String, Sendable, CaseIterable {
    case squaredEuclidean = "sqeuclidean"
    case euclidean
    case cityblock
    case manhattan
    case chebyshev
  }

  public let name = "CDist"
  let metric: Metric

  public init(_ metric: Metric) { self.metric = metric }

  public var attributes: [(name: String, value: String)] { [("metric", metric.rawValue)] }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    guard inputs.count == 2, let a = inputs[0], let b = inputs[1] else {
      throw GraphError(.invalidModel, "expected 2 inputs")
    }
    if let x = a.shape, let y = b.shape {
      guard x.count == 2, y.count == 2, !x[1].isProvablyDifferent(from: y[1]) else {
        throw GraphError(.invalidModel, "the inputs are \(a) and \(b), expected matrices of as many columns")
      }
    }
    return [Fact(type: a.type, shape: [a.shape?.first ?? .unknown, b.shape?.first ?? .unknown])]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let a = try Inputs.tensor(inputs[0])
    let b = try Inputs.tensor(inputs.count > 1 ? inputs[1] : nil)
    guard a.shape.rank == 2, b.shape.rank == 2, a.shape[1] == b.shape[1], a.dtype == b.dtype else {
      throw GraphError(
        .invalidInput,
        "the inputs are \(a.dtype) \(a.shape) and \(b.dtype) \(b.shape), expected matrices of as many columns")
    }
    switch a.dtype {
    case .float32: return [.tensor(try distances(Float.self, a, b, context))]
    case .float64: return [.tensor(try distances(Double.self, a, b, context))]
    default: throw GraphError(.invalidInput, "the inputs are \(a.dtype), expected float32 or float64")
    }
  }

  private func distances<T: TensorElement & BinaryFloatingPoint>(
    _ type: T.Type, _ a: Tensor, _ b: Tensor, _ context: EvaluationContext
  ) throws -> Tensor {
    let (m, n, k) = (a.shape[0], b.shape[0], a.shape[1])
    let out = try context.allocate(T.dtype, [m, n])
    // Columns of b side by side: the inner loop runs over points, however few features there are.
    let transposed = try context.allocate(T.dtype, [k, n])
    let x = a.unsafeElements(of: type).baseAddress!
    let y = b.unsafeElements(of: type).baseAddress!
    let columns = transposed.unsafeMutableElements(of: type).baseAddress!
    let to = out.unsafeMutableElements(of: type).baseAddress!
    for j in 0..<n { for c in 0..<k { columns[c &* n &+ j] = y[j &* k &+ c] } }
    let metric = self.metric
    context.pool.parallelFor(m, grain: 1 + 50_000 / Swift.max(1, n &* k)) { lower, upper in
      for i in lower..<upper {
        let row = to + i &* n
        for j in 0..<n { row[j] = 0 }
        for c in 0..<k {
          let v = x[i &* k &+ c]
          let column = columns + c &* n
          switch metric {
          case .squaredEuclidean, .euclidean:
            for j in 0..<n {
              let d = v - column[j]
              row[j] += d * d
            }
          case .cityblock, .manhattan: for j in 0..<n { row[j] += abs(v - column[j]) }
          case .chebyshev: for j in 0..<n { row[j] = Swift.max(row[j], abs(v - column[j])) }
          }
        }
        if metric == .euclidean { for j in 0..<n { row[j] = row[j].squareRoot() } }
      }
    }
    context.arena.recycle(.tensor(transposed))
    return out
  }
}
