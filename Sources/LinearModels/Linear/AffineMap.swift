import Kernels
import TensorCore

/// `y = W x + b` for rows of features, the weights packed for the kernels in use. A row's result does not depend on the
/// other rows.
struct AffineMap: Sendable {
  private let weights: PackedMatrix
  private let intercepts: [Float]
  private let columns: Int

  /// - Parameters:
  ///   - coefficients: one row of weights an output, row-major.
  ///   - intercepts: one an output, or none.
  init(_ coefficients: [Float], _ intercepts: [Float], outputs: Int) {
    let columns = coefficients.count / outputs
    weights = coefficients.withUnsafeBufferPointer {
      PackedMatrix($0.baseAddress!, transposed: true, k: columns, n: outputs)
    }
    self.intercepts = intercepts
    self.columns = columns
  }

  /// Writes the outputs of row `i` of `x` at `out + i * rowStride`.
  func apply(_ x: FeatureMatrix, _ out: UnsafeMutablePointer<Float>, rowStride: Int, _ pool: ComputePool) {
    intercepts.withUnsafeBufferPointer { bias in
      MatrixMultiply.multiply(
        m: x.rows, n: weights.n, k: columns, .strided(x.values, rowStride: columns, columnStride: 1),
        .packed(weights.elements), into: out, cRowStride: rowStride,
        MatrixMultiply.Epilogue(columnBias: bias.isEmpty ? nil : bias.baseAddress), pool: pool)
    }
  }

  func addHeld(to memory: inout HeldMemory) {
    memory.add(weights.tensor)
    memory.add(privateBytes: intercepts.count * 4)
  }
}
