import Kernels
public import TensorCore

/// `alpha * A' * B' + beta * C`, where `A'` and `B'` are the matrices A and B or their transposes.
///
/// A is `[m, k]` (`[k, m]` when transposed), B `[k, n]`, and C, which may be absent, broadcasts to `[m, n]`.
public struct Gemm: Operator {
  public let alpha: Float
  public let beta: Float
  public let transposesA: Bool
  public let transposesB: Bool

  public var name: String { "Gemm" }
  public var attributes: [(name: String, value: String)] {
    [("alpha", "\(alpha)"), ("beta", "\(beta)"), ("transA", "\(transposesA)"), ("transB", "\(transposesB)")]
  }

  public init(alpha: Float = 1, beta: Float = 1, transposesA: Bool = false, transposesB: Bool = false) {
    self.alpha = alpha
    self.beta = beta
    self.transposesA = transposesA
    self.transposesB = transposesB
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let a = try Operand.fact(inputs, 0, "A")
    let b = try Operand.fact(inputs, 1, "B")
    let c = try Operand.optionalFact(inputs, 2, "C")
    try Operand.sameType(a.dtype, b.dtype)
    try Operand.sameType(a.dtype, c?.dtype)
    if let dtype = a.dtype ?? b.dtype, !dtype.isArithmetic { throw Operand.unsupported(dtype, "numbers") }
    for (name, fact) in [("A", a), ("B", b)] {
      if let shape = fact.shape, shape.count != 2 {
        throw GraphError(.invalidModel, "\(name) must be a matrix and has shape \(shape.text)")
      }
    }
    if let x = a.shape, let y = b.shape {
      let k = x[transposesA ? 0 : 1]
      let inner = y[transposesB ? 1 : 0]
      if k.isProvablyDifferent(from: inner) {
        throw GraphError(
          .invalidModel, "A of shape \(x.text) and B of shape \(y.text) do not fit: \(k) against \(inner)")
      }
    }
    let m = a.shape.map { $0[transposesA ? 1 : 0] } ?? .unknown
    let n = b.shape.map { $0[transposesB ? 0 : 1] } ?? .unknown
    if let shape = c?.shape {
      let out = try shape.broadcast(with: [m, n])
      if out.count != 2 || zip(out, [m, n]).contains(where: { $0.isProvablyDifferent(from: $1) }) {
        throw GraphError(.invalidModel, "C of shape \(shape.text) does not broadcast to \(m)x\(n)")
      }
    }
    return [Fact(type: a.type ?? b.type, shape: [m, n])]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let a = try Operand.tensor(inputs, 0, "A")
    let b = try Operand.tensor(inputs, 1, "B")
    let c = try Operand.optional(inputs, 2, "C")
    try Operand.sameType(a.dtype, b.dtype)
    try Operand.sameType(a.dtype, c?.dtype)
    if Widened.applies(to: a.dtype) { return try Widened(base: self, dtype: a.dtype).evaluate(&inputs, context) }
    guard a.shape.rank == 2, b.shape.rank == 2 else {
      throw GraphError(.invalidInput, "A and B must be matrices and have shapes \(a.shape) and \(b.shape)")
    }
    let m = a.shape[transposesA ? 1 : 0]
    let k = a.shape[transposesA ? 0 : 1]
    let n = b.shape[transposesB ? 0 : 1]
    guard k == b.shape[transposesB ? 1 : 0] else {
      throw GraphError(.invalidInput, "A of shape \(a.shape) and B of shape \(b.shape) do not fit")
    }
    let shape: Shape = [m, n]
    var bias: (tensor: Tensor, row: Int, column: Int)?
    if let c {
      guard c.shape.rank <= 2, c.shape.broadcast(with: shape) == shape else {
        throw GraphError(.invalidInput, "C of shape \(c.shape) does not broadcast to \(shape)")
      }
      let strides = c.shape.broadcastStrides(to: shape)
      bias = (c, strides[0], strides[1])
    }
    let out = try context.allocate(a.dtype, shape)
    let body = Body(gemm: self, a: a, b: b, bias: bias, out: out, m: m, k: k, n: n, context: context)
    if a.dtype == .float32 {
      body.runFloat()
      return [.tensor(out)]
    }
    guard try a.dtype.withNumeric(body) != nil else { throw Operand.unsupported(a.dtype, "numbers") }
    return [.tensor(out)]
  }

  public func specialized(
    _ inputs: [Fact?], _ constants: Constants
  ) throws -> (operator: any Operator, kept: [Int])? {
    if Widened.applies(to: inputs.first??.dtype) { return try Widened.specialized(self, inputs, constants) }
    guard !transposesA, inputs.count >= 2, let matrix = inputs[1]?.tensor, matrix.dtype == .float32,
      matrix.shape.rank == 2, matrix.count > 0, inputs[0]?.dtype == .float32
    else { return nil }
    let n = matrix.shape[transposesB ? 0 : 1]
    var linear = Linear(packing: matrix, transposed: transposesB, constants)
    linear.alpha = alpha
    linear.takesMatrix = true
    if inputs.count > 2, let fact = inputs[2] {
      guard beta == 1, let bias = fact.tensor, bias.dtype == .float32, bias.count == n, bias.shape.dims.last == n else {
        return nil
      }
      linear.bias = bias.settled(in: constants, as: "bias")
    }
    return (linear, [0])
  }

  private struct Body: NumericBody {
    let gemm: Gemm
    let a: Tensor, b: Tensor
    let bias: (tensor: Tensor, row: Int, column: Int)?
    let out: Tensor
    let m: Int, k: Int, n: Int
    let context: EvaluationContext

    /// The float32 product by the packed kernels.
    func runFloat() {
      guard out.count > 0, let to = out.unsafeMutableElements(of: Float.self).baseAddress else { return }
      if let bias, let from = bias.tensor.unsafeElements(of: Float.self).baseAddress {
        for i in 0..<m {
          for j in 0..<n { to[i &* n &+ j] = gemm.beta * from[i &* bias.row &+ j &* bias.column] }
        }
      }
      guard let left = a.unsafeElements(of: Float.self).baseAddress,
        let right = b.unsafeElements(of: Float.self).baseAddress
      else { return }
      // `accumulate` adds before alpha is applied; a product with another factor goes through a matrix of its own.
      let x = MatrixMultiply.Left.strided(
        left, rowStride: gemm.transposesA ? 1 : k, columnStride: gemm.transposesA ? m : 1)
      let y = MatrixMultiply.Right.strided(
        right, rowStride: gemm.transposesB ? 1 : n, columnStride: gemm.transposesB ? k : 1)
      if bias == nil || gemm.alpha == 1 {
        MatrixMultiply.multiply(
          m: m, n: n, k: k, x, y, into: to, cRowStride: n, accumulate: bias != nil, .init(alpha: gemm.alpha),
          pool: context.pool)
        return
      }
      Scratch.with(floats: m &* n) { product in
        MatrixMultiply.multiply(
          m: m, n: n, k: k, x, y, into: product, cRowStride: n,
          .init(alpha: gemm.alpha, residual: to, residualRowStride: n), pool: context.pool)
        to.update(from: product, count: m &* n)
      }
    }

    func run<E: NumericElement>(_ type: E.Type) throws {
      let z = out.unsafeMutableElements(of: E.self)
      guard z.count > 0, let to = z.baseAddress, let left = a.unsafeElements(of: E.self).baseAddress,
        let right = b.unsafeElements(of: E.self).baseAddress
      else { return }
      let product = MatrixProduct<E>(
        a: left, aRow: gemm.transposesA ? 1 : k, aColumn: gemm.transposesA ? m : 1, b: right,
        bRow: gemm.transposesB ? 1 : n, bColumn: gemm.transposesB ? k : 1, k: k, n: n)
      let alpha = E.Wide(double: Double(gemm.alpha))
      let beta = E.Wide(double: Double(gemm.beta))
      let added = bias.flatMap { b in
        b.tensor.unsafeElements(of: E.self).baseAddress.map { (from: $0, row: b.row, column: b.column) }
      }
      context.interruptibleFor(m, grain: Swift.max(1, 32768 / Swift.max(1, n &* k))) { lower, upper in
        product.rows(lower, upper) { row, sums in
          let line = to + row &* n
          if let added {
            let from = added.from + row &* added.row
            for j in 0..<n {
              let c = E.Wide.multiply(beta, from[j &* added.column].wide)
              line[j] = E(wide: .add(.multiply(alpha, sums[j]), c))
            }
          } else {
            for j in 0..<n { line[j] = E(wide: .multiply(alpha, sums[j])) }
          }
        }
      }
    }
  }
}
