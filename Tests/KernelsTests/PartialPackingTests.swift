import Kernels
import TensorCore
import Testing

/// Operands that are too large to be packed whole.
@Suite struct PartialPackingTests {
  private static func numbers(_ count: Int, _ seed: Int) -> [Int] { (0..<count).map { ($0 * 37 + seed) % 19 - 9 } }

  private static func product(_ a: [Int], _ b: [Int], _ m: Int, _ n: Int, _ k: Int) -> [Int] {
    (0..<m * n).map { i in (0..<k).reduce(0) { $0 + a[i / n * k + $1] * b[$1 * n + i % n] } }
  }

  @Test(arguments: [1, 640, 5000, 1 << 20])
  func floatsArePackedInParts(_ mostPacked: Int) {
    let (m, n, k) = (33, 77, 150)
    let (a, b) = (Self.numbers(m * k, 1), Self.numbers(k * n, 2))
    let (bias, residual) = (Self.numbers(n, 3), Self.numbers(m * n, 4))
    let (left, right) = (a.map(Float.init), b.map(Float.init))
    let (columns, added) = (bias.map(Float.init), residual.map(Float.init))
    for accumulates in [false, true] {
      var c = [Float](repeating: 2, count: m * n)
      left.withUnsafeBufferPointer { left in
        right.withUnsafeBufferPointer { right in
          columns.withUnsafeBufferPointer { columns in
            added.withUnsafeBufferPointer { added in
              c.withUnsafeMutableBufferPointer { c in
                guard let x = left.baseAddress, let y = right.baseAddress, let z = c.baseAddress else { return }
                MatrixMultiply.multiply(
                  m: m, n: n, k: k, .strided(x, rowStride: k, columnStride: 1),
                  .strided(y, rowStride: n, columnStride: 1), into: z, cRowStride: n, accumulate: accumulates,
                  .init(
                    alpha: 2, columnBias: columns.baseAddress, residual: added.baseAddress, residualRowStride: n,
                    activation: .relu),
                  mostPacked: mostPacked)
              }
            }
          }
        }
      }
      let want = Self.product(a, b, m, n, k).enumerated().map { i, sum in
        max(0, 2 * (sum + (accumulates ? 2 : 0)) + bias[i % n] + residual[i])
      }
      #expect(c == want.map(Float.init))
    }
  }

  @Test(arguments: [1, 640, 5000, 1 << 20])
  func integersArePackedInParts(_ mostPacked: Int) {
    let (m, n, k) = (33, 77, 150)
    let (a, b) = (Self.numbers(m * k, 1), Self.numbers(k * n, 2))
    let zeros = (0..<m).map { Int32($0 % 5) - 2 }
    let left = a.map { UInt8(bitPattern: Int8($0)) }
    let right = b.map { UInt8($0 + 100) }
    let packed = PackedIntegerMatrix(
      k: k, n: n, isSigned: false, transposed: false, in: .inMemory, as: "b"
    ) { use in right.withUnsafeBufferPointer { if let start = $0.baseAddress { use(start) } } }
    var c = [Int32](repeating: 7, count: m * n)
    left.withUnsafeBufferPointer { left in
      c.withUnsafeMutableBufferPointer { c in
        guard let x = left.baseAddress, let z = c.baseAddress else { return }
        IntegerMultiply.multiply(
          .init(x, m: m, rowStride: k, isSigned: true, zeros: zeros), packed, zeros: [100], into: z,
          mostPacked: mostPacked)
      }
    }
    let moved = a.enumerated().map { $0.element - Int(zeros[$0.offset / k]) }
    #expect(c == Self.product(moved, b, m, n, k).map { Int32($0) })
  }
}
