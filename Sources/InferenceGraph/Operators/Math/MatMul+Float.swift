import Kernels
import TensorCore

extension MatMul {
  /// The float32 product by the packed kernels: one product where the right operand is one matrix, else one a batch.
  static func multiply(
    _ a: Tensor, _ b: Tensor, into out: Tensor, _ layout: MatMulLayout, _ epilogue: MatrixMultiply.Epilogue = .init(),
    pool: ComputePool
  ) {
    let (m, k, n) = (layout.m, layout.k, layout.n)
    guard out.count > 0, let to = out.unsafeMutableElements(of: Float.self).baseAddress else { return }
    guard let x = a.unsafeElements(of: Float.self).baseAddress, let y = b.unsafeElements(of: Float.self).baseAddress
    else { return }
    if layout.isOneMatrixOnTheRight {
      MatrixMultiply.multiply(
        m: m &* layout.batches.count, n: n, k: k, .strided(x, rowStride: k, columnStride: 1),
        .strided(y, rowStride: n, columnStride: 1), into: to, cRowStride: n, epilogue, pool: pool)
      return
    }
    let batches = layout.batches
    pool.parallelFor(batches.count, grain: Swift.max(1, 200_000 / Swift.max(1, m &* n &* k))) { lower, upper in
      for batch in lower..<upper {
        MatrixMultiply.multiply(
          m: m, n: n, k: k, .strided(x + batches[batch].a, rowStride: k, columnStride: 1),
          .strided(y + batches[batch].b, rowStride: n, columnStride: 1), into: to + batch &* m &* n, cRowStride: n,
          epilogue, pool: batches.count == 1 ? pool : .inline)
      }
    }
  }
}

extension MatMulLayout {
  /// True when every batch multiplies with the same matrix and the left matrices lie one after the other.
  var isOneMatrixOnTheRight: Bool {
    batches.enumerated().allSatisfy { $0.element.b == 0 && $0.element.a == $0.offset &* m &* k }
  }
}
