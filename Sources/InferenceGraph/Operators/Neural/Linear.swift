import Kernels
public import TensorCore

/// A float32 product with a constant matrix, with what follows it: `activation(alpha * X W + bias + residual)`.
///
/// What `MatMul` and `Gemm` become when their right operand is constant: W is packed once. Inputs: X `[..., k]`, and the
/// residual `[..., n]` when `addsResidual`.
public struct Linear: Operator {
  /// W, packed.
  let matrix: PackedMatrix
  var alpha: Float = 1
  /// `n` elements.
  var bias: Tensor?
  var activation = Activation.none
  /// True when a second input of the result's shape is added.
  var addsResidual = false
  /// True when X must be a matrix.
  var takesMatrix = false

  public var name: String { "Linear" }
  public var attributes: [(name: String, value: String)] {
    [("k", "\(matrix.k)"), ("n", "\(matrix.n)"), ("bias", "\(bias != nil)"), ("activation", "\(activation)")]
  }
  public func addHeld(to memory: inout HeldMemory) {
    memory.add(matrix.tensor)
    memory.add(bias)
  }

  /// Packs a matrix of rank 2 (`[k, n]`, or `[n, k]` when `transposed`).
  init(packing tensor: Tensor, transposed: Bool, _ constants: Constants) {
    self.init(
      k: tensor.shape[transposed ? 1 : 0], n: tensor.shape[transposed ? 0 : 1], transposed: transposed, constants
    ) { tensor.withElements($0, $1) }
  }

  /// Packs the matrix that `read` reads.
  init(k: Int, n: Int, transposed: Bool, _ constants: Constants, read: PackedMatrix.Reader) {
    matrix = PackedMatrix(k: k, n: n, transposed: transposed, in: constants, as: "matrix", read: read)
  }

  /// The same with a bias that was fused into it where `constants` keep it.
  public func specialized(
    _ inputs: [Fact?], _ constants: Constants
  ) throws -> (operator: any Operator, kept: [Int])? {
    guard let bias else { return nil }
    var settled = self
    settled.bias = bias.settled(in: constants, as: "bias")
    return (settled, Array(inputs.indices))
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0, "X")
    guard var shape = x.shape else { return [Fact(.float32, nil)] }
    guard let last = shape.last, !last.isProvablyDifferent(from: Dim(matrix.k)) else {
      throw GraphError(.invalidModel, "shape \(shape.text) does not fit a matrix of \(matrix.k) rows")
    }
    shape[shape.count - 1] = Dim(matrix.n)
    return [Fact(.float32, shape)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0, "X")
    guard x.dtype == .float32 else { throw Operand.unsupported(x.dtype, "float32") }
    guard x.shape.dims.last == matrix.k, !takesMatrix || x.shape.rank == 2 else {
      throw GraphError(
        .invalidInput, "shape \(x.shape) does not fit a matrix of \(matrix.k) rows and \(matrix.n) columns")
    }
    var shape = x.shape
    shape[shape.rank - 1] = matrix.n
    let out = try context.allocate(.float32, shape)
    var epilogue = MatrixMultiply.Epilogue(alpha: alpha, activation: activation.kind, p: activation.p, q: activation.q)
    let residual = addsResidual ? try Operand.tensor(inputs, 1, "residual") : nil
    if let residual, residual.dtype != .float32 { throw Operand.unsupported(residual.dtype, "float32") }
    let isApart = residual.map { $0.shape != shape } ?? false
    if isApart { epilogue.activation = .none }
    if let residual, !isApart {
      epilogue.residual = residual.unsafeElements(of: Float.self).baseAddress
      epilogue.residualRowStride = matrix.n
    }
    epilogue.columnBias = bias?.unsafeElements(of: Float.self).baseAddress
    if out.count > 0, let from = x.unsafeElements(of: Float.self).baseAddress,
      let to = out.unsafeMutableElements(of: Float.self).baseAddress
    {
      MatrixMultiply.multiply(
        m: out.count / matrix.n, n: matrix.n, k: matrix.k, .strided(from, rowStride: matrix.k, columnStride: 1),
        .packed(matrix.elements), into: to, cRowStride: matrix.n, epilogue, pool: context.pool)
    }
    withExtendedLifetime(bias) {}
    guard isApart, let residual else { return [.tensor(out)] }
    return [.tensor(try activation.applied(toSumOf: out, residual, context))]
  }
}

extension Tensor {
  /// Calls `body` with the float32 elements, which stay in memory for the call only where they are late ones.
  func withFloats<R>(_ body: (UnsafePointer<Float>) throws -> R) rethrows -> R {
    try withTransientBytes { try body(UnsafePointer($0.assumingMemoryBound(to: Float.self))) }
  }

  /// The same for the elements of `range`, in a walk through all of them. Pages of a file that they are in are let go of every
  /// few megabytes.
  func withElements<S>(_ range: Range<Int>, _ body: (UnsafePointer<S>) -> Void) {
    let width = MemoryLayout<S>.size
    let bytes = range.lowerBound * width..<range.upperBound * width
    withTransientBytes(bytes) { body(UnsafePointer($0.assumingMemoryBound(to: S.self))) }
    let part = 2 << 20
    if bytes.upperBound == byteCount || bytes.lowerBound / part != bytes.upperBound / part {
      dropMappedPages(max(0, bytes.upperBound - 2 * part)..<bytes.upperBound)
    }
  }
}
