import KernelSlots
import Kernels
import TensorCore

/// Speed of the kernels in use, on one thread.
package enum Bench {
  /// The least time of one call, in seconds.
  static func time(_ seconds: Double, _ body: () -> Void) -> Double {
    let clock = ContinuousClock()
    let end = clock.now + .seconds(seconds)
    var best = Double.infinity
    body()
    repeat {
      let d = clock.measure(body)
      best = Swift.min(best, Double(d.components.seconds) + Double(d.components.attoseconds) * 1e-18)
    } while clock.now < end
    return best
  }

  private static func withPointers(
    _ a: [Float], _ b: [Float], _ c: inout [Float],
    _ body: (UnsafePointer<Float>, UnsafePointer<Float>, UnsafeMutablePointer<Float>) -> Void
  ) { body(a, b, &c) }

  package static func run() {
    var numbers = Checker.Numbers(9)
    print("kernels: \(KernelTable.current.name)")
    for (m, n, k) in [
      (2048, 2048, 2048), (1024, 1024, 1024), (512, 512, 512), (256, 256, 256), (128, 384, 384), (128, 1536, 384),
      (128, 384, 1536), (128, 128, 32), (128, 32, 128), (64, 64, 64), (16, 16, 16), (1, 1024, 1024), (4, 1024, 1024),
    ] {
      let a = numbers.array(m * k)
      let b = numbers.array(k * n)
      var c = [Float](repeating: 0, count: m * n)
      let packed = PackedMatrix(b, transposed: false, k: k, n: n)
      let flops = 2 * Double(m) * Double(n) * Double(k)
      let repeats = Swift.max(1, Int(2e6 / flops))
      withPointers(a, b, &c) { a, b, c in
        let constant = time(0.3) {
          for _ in 0..<repeats {
            MatrixMultiply.multiply(
              m: m, n: n, k: k, .strided(a, rowStride: k, columnStride: 1), .packed(packed.elements),
              into: c, cRowStride: n)
          }
        }
        let plain = time(0.3) {
          for _ in 0..<repeats {
            MatrixMultiply.multiply(
              m: m, n: n, k: k, .strided(a, rowStride: k, columnStride: 1), .strided(b, rowStride: n, columnStride: 1),
              into: c, cRowStride: n)
          }
        }
        let rate = { (t: Double) in "\((flops * Double(repeats) / t / 1e8).rounded() / 10)" }
        print("gemm \(m)x\(n)x\(k): \(rate(constant)) GFLOP/s with constant B, \(rate(plain)) without")
      }
    }
    for (m, n, k) in [(1024, 1024, 1024), (128, 384, 384), (128, 1536, 384), (128, 384, 1536), (1, 1024, 1024)] {
      let a = (0..<(m * k)).map { UInt8(truncatingIfNeeded: $0 * 37) }
      let b = (0..<(k * n)).map { UInt8(truncatingIfNeeded: $0 * 41) }
      var c = [Int32](repeating: 0, count: m * n)
      let packed = PackedIntegerMatrix(
        k: k, n: n, isSigned: true, transposed: false, in: .inMemory, as: "",
        withBytes: { use in
          b.withUnsafeBufferPointer { if let start = $0.baseAddress { use(start) } }
        })
      let operations = 2 * Double(m) * Double(n) * Double(k)
      let repeats = Swift.max(1, Int(2e6 / operations))
      a.withUnsafeBufferPointer { a in
        c.withUnsafeMutableBufferPointer { c in
          guard let from = a.baseAddress, let to = c.baseAddress else { return }
          let t = time(0.3) {
            for _ in 0..<repeats {
              IntegerMultiply.multiply(
                IntegerMultiply.Left(from, m: m, rowStride: k, isSigned: false, zeros: [128]), packed, zeros: [0],
                into: to)
            }
          }
          print("integer gemm \(m)x\(n)x\(k): \((operations * Double(repeats) / t / 1e8).rounded() / 10) GOP/s")
        }
      }
    }
    let x = numbers.array(4096, scale: 4)
    var y = [Float](repeating: 0, count: x.count)
    for check in unaryChecks {
      let slot = check.slot(KernelTable.current)
      let t = time(0.05) { slot(x, &y, x.count) }
      print("\(check.name): \((t / Double(x.count) * 1e12).rounded() / 1e3) ns an element")
    }
    let row = time(0.05) { KernelTable.current.softmax(x, &y, 128) }
    print("softmax of 128: \((row * 1e9).rounded()) ns")
    let norm = time(0.05) { KernelTable.current.layerNorm(x, x, x, 1e-5, &y, 384, nil) }
    print("layer norm of 384: \((norm * 1e9).rounded()) ns")
  }
}
