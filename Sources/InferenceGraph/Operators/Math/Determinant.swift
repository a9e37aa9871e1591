public import TensorCore

/// The determinants of the square matrices that the last two axes hold, by elimination with partial pivoting.
public struct Determinant: Operator {
  public var name: String { "Det" }

  public init() {}

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0)
    try Operand.squareMatrices(x)
    return [Fact(type: x.type, shape: x.shape.map { [Dim]($0.dropLast(2)) })]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0)
    let n = try Operand.squareMatrices(x)
    let out = try context.allocate(x.dtype, Shape([Int](x.shape.dims.dropLast(2))))
    guard try x.dtype.withReal(Body(x: x, out: out, n: n)) != nil else {
      throw Operand.unsupported(x.dtype, "floating-point numbers")
    }
    return [.tensor(out)]
  }

  private struct Body: RealBody {
    let x: Tensor
    let out: Tensor
    let n: Int

    func run<E: RealElement>(_ type: E.Type) throws {
      guard out.count > 0 else { return }
      let from = x.readable(E.self)
      let to = out.writable(E.self)
      var m = [Double](repeating: 0, count: n &* n)
      for batch in 0..<out.count {
        for i in 0..<(n &* n) { m[i] = from[batch &* n &* n &+ i].wide.double }
        to[batch] = E(wide: E.Wide(double: determinant(&m)))
      }
    }

    private func determinant(_ m: inout [Double]) -> Double {
      var product = 1.0
      for column in 0..<n {
        var pivot = column
        for row in column..<n where m[row * n + column].magnitude > m[pivot * n + column].magnitude { pivot = row }
        let top = m[pivot * n + column]
        if top == 0 { return 0 }
        if pivot != column {
          for j in 0..<n { m.swapAt(pivot * n + j, column * n + j) }
          product = -product
        }
        product *= top
        for row in (column + 1)..<Swift.max(n, column + 1) {
          let factor = m[row * n + column] / top
          if factor == 0 { continue }
          for j in column..<n { m[row * n + j] -= factor * m[column * n + j] }
        }
      }
      return product
    }
  }
}
