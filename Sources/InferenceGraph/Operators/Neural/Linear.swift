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
  public var heldBytes: Int { matrix.byteCount + (bias?.byteCount ?? 0) }

  /// Packs a matrix of rank 2 (`[k, n]`, or `[n, k]` when `transposed`).
  init(packing tensor: Tensor, transposed: Bool) {
    let k = tensor.shape[transposed ? 1 : 0]
    let n = tensor.shape[transposed ? 0 : 1]
    matrix = tensor.withFloats {
      PackedMatrix($0, rowStride: transposed ? 1 : n, columnStride: transposed ? k : 1, k: k, n: n)
    }
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
    if let residual {
      guard residual.dtype == .float32, residual.shape == shape else {
        throw GraphError(.invalidInput, "the residual has shape \(residual.shape), the product \(shape)")
      }
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
    return [.tensor(out)]
  }
}

extension Tensor {
  /// Calls `body` with the float32 elements.
  func withFloats<R>(_ body: (UnsafePointer<Float>) throws -> R) rethrows -> R {
    let elements = unsafeElements(of: Float.self)
    return try withExtendedLifetime(storage) {
      try body(elements.baseAddress ?? UnsafePointer(storage.base.assumingMemoryBound(to: Float.self)))
    }
  }
}
