import Kernels
public import TensorCore

/// The matrix product of the last two axes, with the axes before them broadcast (NumPy's `matmul`).
///
/// A one-dimensional operand is a row on the left and a column on the right, and its axis is dropped from the result.
public struct MatMul: Operator {
  public var name: String { "MatMul" }

  public init() {}

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let a = try Operand.fact(inputs, 0, "A")
    let b = try Operand.fact(inputs, 1, "B")
    try Operand.sameType(a.dtype, b.dtype)
    if let dtype = a.dtype ?? b.dtype, !dtype.isArithmetic { throw Operand.unsupported(dtype, "numbers") }
    return [
      Fact(
        type: a.type ?? b.type, shape: try a.shape.flatMap { a in try b.shape.map { try MatMul.shape(a, $0) } })
    ]
  }

  /// The shape of the product.
  ///
  /// - Throws: `GraphError` when the operands provably do not fit.
  static func shape(_ a: [Dim], _ b: [Dim]) throws -> [Dim] {
    guard !a.isEmpty, !b.isEmpty else {
      throw GraphError(.invalidModel, "a matrix product takes no scalars (shapes \(a.text) and \(b.text))")
    }
    let inner = b.count == 1 ? b[0] : b[b.count - 2]
    if a[a.count - 1].isProvablyDifferent(from: inner) {
      throw GraphError(.invalidModel, "shapes \(a.text) and \(b.text) do not fit: \(a[a.count - 1]) against \(inner)")
    }
    var out = try [Dim](a.dropLast(2)).broadcast(with: [Dim](b.dropLast(2)))
    if a.count > 1 { out.append(a[a.count - 2]) }
    if b.count > 1 { out.append(b[b.count - 1]) }
    return out
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let a = try Operand.tensor(inputs, 0, "A")
    let b = try Operand.tensor(inputs, 1, "B")
    try Operand.sameType(a.dtype, b.dtype)
    if Widened.applies(to: a.dtype) { return try Widened(base: self, dtype: a.dtype).evaluate(&inputs, context) }
    let layout = try MatMulLayout(a.shape, b.shape)
    let out = try context.allocate(a.dtype, layout.output)
    if a.dtype == .float32 {
      MatMul.multiply(a, b, into: out, layout, pool: context.pool)
      return [.tensor(out)]
    }
    guard try a.dtype.withNumeric(Body(a: a, b: b, out: out, layout: layout, context: context)) != nil else {
      throw Operand.unsupported(a.dtype, "numbers")
    }
    return [.tensor(out)]
  }

  public func specialized(
    _ inputs: [Fact?], _ constants: Constants
  ) throws -> (operator: any Operator, kept: [Int])? {
    if Widened.applies(to: inputs.first??.dtype) { return try Widened.specialized(self, inputs, constants) }
    guard inputs.count == 2, let matrix = inputs[1]?.tensor, matrix.dtype == .float32, matrix.shape.rank == 2,
      matrix.count > 0,
      inputs[0]?.dtype == .float32
    else { return nil }
    return (Linear(packing: matrix, transposed: false, constants), [0])
  }

  private struct Body: NumericBody {
    let a: Tensor, b: Tensor, out: Tensor
    let layout: MatMulLayout
    let context: EvaluationContext

    func run<E: NumericElement>(_ type: E.Type) throws {
      let (m, k, n) = (layout.m, layout.k, layout.n)
      let x = a.unsafeElements(of: E.self)
      let y = b.unsafeElements(of: E.self)
      let z = out.unsafeMutableElements(of: E.self)
      guard z.count > 0, let to = z.baseAddress, let left = x.baseAddress, let right = y.baseAddress else { return }
      for (batch, offset) in layout.batches.enumerated() {
        let product = MatrixProduct<E>(
          a: left + offset.a, aRow: k, aColumn: 1, b: right + offset.b, bRow: n, bColumn: 1, k: k, n: n)
        let target = to + batch &* m &* n
        context.interruptibleFor(m, grain: Swift.max(1, 32768 / Swift.max(1, n &* k))) { lower, upper in
          product.rows(lower, upper) { row, sums in
            let line = target + row &* n
            for j in 0..<n { line[j] = E(wide: sums[j]) }
          }
        }
      }
    }
  }
}

/// How the operands of a matrix product lie: extents, the result's shape, and where each batch's matrices begin.
struct MatMulLayout {
  let m: Int, k: Int, n: Int
  /// The result's shape.
  let output: Shape
  /// Offsets in elements of each batch's matrices.
  let batches: [(a: Int, b: Int)]

  /// - Throws: `GraphError` when the shapes do not fit.
  init(_ a: Shape, _ b: Shape) throws {
    guard a.rank > 0, b.rank > 0 else {
      throw GraphError(.invalidInput, "a matrix product takes no scalars (shapes \(a) and \(b))")
    }
    m = a.rank > 1 ? a[a.rank - 2] : 1
    k = a[a.rank - 1]
    n = b.rank > 1 ? b[b.rank - 1] : 1
    let inner = b.rank > 1 ? b[b.rank - 2] : b[0]
    guard k == inner else {
      throw GraphError(.invalidInput, "shapes \(a) and \(b) do not fit: \(k) against \(inner)")
    }
    let aBatch = Shape(Array(a.dims.dropLast(2)))
    let bBatch = Shape(Array(b.dims.dropLast(2)))
    guard let batch = aBatch.broadcast(with: bBatch) else {
      throw GraphError(.invalidInput, "the leading axes of shapes \(a) and \(b) cannot be broadcast together")
    }
    var dims = batch.dims
    if a.rank > 1 { dims.append(m) }
    if b.rank > 1 { dims.append(n) }
    output = Shape(dims)
    guard let count = output.checkedElementCount else {
      throw GraphError(.limit, "an output of shape \(output) is too large")
    }
    if count == 0 {
      batches = []
    } else if batch.elementCount == 1 {
      batches = [(0, 0)]
    } else {
      let aStrides = aBatch.broadcastStrides(to: batch)
      let bStrides = bBatch.broadcastStrides(to: batch)
      var offsets: [(a: Int, b: Int)] = []
      offsets.reserveCapacity(batch.elementCount)
      var index = [Int](repeating: 0, count: batch.rank)
      var (x, y) = (0, 0)
      for _ in 0..<batch.elementCount {
        offsets.append((x &* m &* k, y &* k &* n))
        for axis in stride(from: batch.rank - 1, through: 0, by: -1) {
          index[axis] += 1
          x &+= aStrides[axis]
          y &+= bStrides[axis]
          if index[axis] < batch[axis] { break }
          x &-= aStrides[axis] &* index[axis]
          y &-= bStrides[axis] &* index[axis]
          index[axis] = 0
        }
      }
      batches = offsets
    }
  }
}

/// A plain matrix product for any element type: the reference that fast kernels stand in for.
struct MatrixProduct<E: NumericElement> {
  let a: UnsafePointer<E>
  let aRow: Int, aColumn: Int
  let b: UnsafePointer<E>
  let bRow: Int, bColumn: Int
  let k: Int, n: Int

  /// Computes rows `lower..<upper` and hands each to `store` as `n` sums.
  @inline(__always)
  func rows(_ lower: Int, _ upper: Int, _ store: (_ row: Int, _ sums: UnsafeMutablePointer<E.Wide>) -> Void) {
    withUnsafeTemporaryAllocation(of: E.Wide.self, capacity: Swift.max(n, 1)) { buffer in
      guard let sums = buffer.baseAddress else { return }
      for row in lower..<upper {
        let line = a + row &* aRow
        for j in 0..<n { sums[j] = .zero }
        if bColumn == 1 {
          for p in 0..<k {
            let x = line[p &* aColumn].wide
            let other = b + p &* bRow
            for j in 0..<n { sums[j] = .add(sums[j], .multiply(x, other[j].wide)) }
          }
        } else {
          for j in 0..<n {
            let other = b + j &* bColumn
            var sum = E.Wide.zero
            for p in 0..<k { sum = .add(sum, .multiply(line[p &* aColumn].wide, other[p &* bRow].wide)) }
            sums[j] = sum
          }
        }
        store(row, sums)
      }
    }
  }
}
