public import TensorCore

/// The inverses of the square matrices that the last two axes hold, by Gauss-Jordan elimination with partial pivoting.
/// A singular matrix gives infinities and NaN.
public struct MatrixInverse: Operator {
  public var name: String { "Inverse" }

  public init() {}

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0)
    try Operand.squareMatrices(x)
    return [Fact(type: x.type, shape: x.shape)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0)
    let n = try Operand.squareMatrices(x)
    var values = try Numbers.read(x)
    var matrix = [Double](repeating: 0, count: n &* n)
    for start in stride(from: 0, to: values.count, by: Swift.max(n &* n, 1)) {
      for i in 0..<(n &* n) { matrix[i] = values[start &+ i] }
      let inverse = MatrixInverse.inverse(&matrix, n)
      for i in 0..<(n &* n) { values[start &+ i] = inverse[i] }
    }
    return [try Numbers.write(values, x.dtype, x.shape, context)]
  }

  private static func inverse(_ m: inout [Double], _ n: Int) -> [Double] {
    var out = [Double](repeating: 0, count: n &* n)
    for i in 0..<n { out[i &* n &+ i] = 1 }
    for column in 0..<n {
      var pivot = column
      for row in column..<n where m[row &* n &+ column].magnitude > m[pivot &* n &+ column].magnitude { pivot = row }
      if pivot != column {
        for j in 0..<n {
          m.swapAt(pivot &* n &+ j, column &* n &+ j)
          out.swapAt(pivot &* n &+ j, column &* n &+ j)
        }
      }
      let top = m[column &* n &+ column]
      for j in 0..<n {
        m[column &* n &+ j] /= top
        out[column &* n &+ j] /= top
      }
      for row in 0..<n where row != column {
        let factor = m[row &* n &+ column]
        for j in 0..<n {
          m[row &* n &+ j] -= factor * m[column &* n &+ j]
          out[row &* n &+ j] -= factor * out[column &* n &+ j]
        }
      }
    }
    return out
  }
}
