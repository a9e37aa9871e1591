import Kernels
import TensorCore
import Testing

@Suite struct PackedMatrixTests {
  /// Sizes on both sides of what is read at a time, and of a panel's width.
  @Test(arguments: [(1, 1), (3, 17), (1500, 1101), (1101, 1500), (3, 1_100_000), (100_000, 40)], [false, true])
  func `what is packed a few rows at a time is what packing at once gives`(size: (k: Int, n: Int), isTransposed: Bool) {
    let (k, n) = size
    let elements = (0..<k * n).map { Float($0 % 8191) }
    var ranges: [Range<Int>] = []
    let packed = PackedMatrix(k: k, n: n, transposed: isTransposed, in: .inMemory, as: "") { range, use in
      ranges.append(range)
      // No more than the range can be read.
      Array(elements[range]).withUnsafeBufferPointer { use($0.baseAddress!) }
    }
    var whole = [Float](repeating: -1, count: MatrixMultiply.packedCount(k: k, n: n))
    whole.withUnsafeMutableBufferPointer {
      KernelTable.current.packB(elements, isTransposed ? 1 : n, isTransposed ? k : 1, k, n, $0.baseAddress!)
    }
    #expect(packed.tensor.array(of: Float.self) == whole)
    #expect(ranges.first?.lowerBound == 0 && ranges.last?.upperBound == k * n)
    #expect(zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
    #expect(ranges.count > 1 || k * n < 1 << 21)
  }
}
