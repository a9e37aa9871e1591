public import TensorCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Normalisations over chosen axes without parameters of their own.
public struct AxisNormalization: Operator {
  public enum Kind: Sendable, Hashable {
    /// Divided by the p-norm (1 or 2) over the axes; where that is 0 the result is 0.
    case norm(p: Int)
    /// Mean 0 and variance 1 over the axes.
    case meanVariance
    /// `x / (bias + alpha/size * sum of squares of neighbouring channels)^beta`.
    case localResponse(size: Int, alpha: Float, beta: Float, bias: Float)
  }

  public var kind: Kind
  public var axes: [Int]

  public var name: String {
    switch kind {
    case .norm: "LpNormalization"
    case .meanVariance: "MeanVarianceNormalization"
    case .localResponse: "LRN"
    }
  }

  public init(_ kind: Kind, axes: [Int]) {
    self.kind = kind
    self.axes = axes
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0, "X")
    if let dtype = x.dtype, !dtype.isReal { throw Operand.unsupported(dtype, "floating-point numbers") }
    if let rank = x.rank { for axis in axes { _ = try Shape([Int](repeating: 1, count: rank)).checkedAxis(axis) } }
    return [Fact(type: x.type, shape: x.shape)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0, "X")
    var values = try Numbers.read(x)
    let reduced = Set(try axes.map { try x.shape.checkedAxis($0) })
    if case .localResponse(let size, let alpha, let beta, let bias) = kind {
      values = localResponse(values, x.shape, size, Double(alpha), Double(beta), Double(bias))
    } else {
      normalize(&values, x.shape, reduced)
    }
    return [try Numbers.write(values, x.dtype, x.shape, context)]
  }

  private func normalize(_ values: inout [Double], _ shape: Shape, _ reduced: Set<Int>) {
    // The group of each element: its place with the reduced axes left out.
    let kept = shape.dims.enumerated().map { reduced.contains($0.offset) ? 1 : $0.element }
    let strides = Shape(kept).strides.enumerated().map { reduced.contains($0.offset) ? 0 : $0.element }
    let groups = kept.reduce(1, &*)
    var index = [Int](repeating: 0, count: values.count)
    var at = PositionCounter(shape.dims)
    for i in values.indices {
      for axis in strides.indices { index[i] &+= at.position[axis] &* strides[axis] }
      at.advance()
    }
    var first = [Double](repeating: 0, count: Swift.max(1, groups))
    var second = first
    switch kind {
    case .norm(let p):
      for i in values.indices { first[index[i]] += p == 1 ? abs(values[i]) : values[i] * values[i] }
      if p != 1 { for g in first.indices { first[g] = first[g].squareRoot() } }
      for i in values.indices { values[i] = first[index[i]] == 0 ? 0 : values[i] / first[index[i]] }
    default:
      let count = groups == 0 ? 1 : Double(values.count / groups)
      for i in values.indices { first[index[i]] += values[i] / count }
      for i in values.indices {
        let d = values[i] - first[index[i]]
        second[index[i]] += d * d / count
      }
      for i in values.indices { values[i] = (values[i] - first[index[i]]) / (second[index[i]].squareRoot() + 1e-9) }
    }
  }

  private func localResponse(
    _ values: [Double], _ shape: Shape, _ size: Int, _ alpha: Double, _ beta: Double, _ bias: Double
  ) -> [Double] {
    guard shape.rank >= 2 else { return values }
    let channels = shape[1]
    let inner = shape.product(2..<shape.rank)
    let before = (size - 1) / 2
    let after = size - 1 - before
    return values.indices.map { i in
      let c = i / inner % channels
      var sum = 0.0
      for other in Swift.max(0, c - before)...Swift.min(channels - 1, c + after) {
        let v = values[i + (other - c) * inner]
        sum += v * v
      }
      return values[i] / pow(bias + alpha / Double(size) * sum, beta)
    }
  }
}
