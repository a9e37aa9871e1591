package import KernelSlots
import Kernels

/// Compares the slots of one table with scalar references, and counts what differs.
package struct Checker {
  let table: KernelTable
  package private(set) var failures = 0
  package private(set) var checks = 0

  package init(_ table: KernelTable) { self.table = table }

  /// Arguments that go wrong first: signed zeros, denormals, infinities, NaN, the borders of the approximations.
  static let edges: [Float] = [
    0, -0.0, 1, -1, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, -.leastNonzeroMagnitude,
    .leastNormalMagnitude, -.leastNormalMagnitude, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 88.7, 88.8,
    89, -87.3, -87.4, -103, -103.9, -104, -105, 0.625, -0.625, 0.9, -0.9, 4, 9, 10, 20, -20, 1e-8, -1e-8, 1e10, 30, 17,
  ]

  /// A fixed sequence of numbers in -1..<1.
  struct Numbers {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }
    mutating func next() -> Float {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Float(Int64(bitPattern: state) >> 40) / Float(1 << 23)
    }
    mutating func array(_ count: Int, scale: Float = 1) -> [Float] { (0..<count).map { _ in next() * scale } }
  }

  mutating func expect(_ name: String, _ ok: Bool, _ detail: @autoclosure () -> String) {
    checks += 1
    if !ok {
      failures += 1
      if failures <= 40 { print("  \(table.name) \(name): \(detail())") }
    }
  }

  /// Error in units in the last place of the float nearest to `want`.
  static func ulps(_ got: Float, _ want: Double) -> Double {
    if want.isNaN { return got.isNaN ? 0 : .infinity }
    if got.isNaN { return .infinity }
    let nearest = Float(want)
    if nearest.isInfinite || got.isInfinite { return got == nearest ? 0 : .infinity }
    let unit = Double(Swift.max(nearest.ulp, Float.leastNonzeroMagnitude))
    return Swift.abs(Double(got) - want) / unit
  }

  package mutating func checkUnary() {
    var numbers = Numbers(1)
    for check in unaryChecks {
      var x = Checker.edges
      for scale: Float in [1e-4, 0.5, 1, 3, 10, 60, 110] { x += numbers.array(1500, scale: scale) }
      var y = [Float](repeating: 0, count: x.count)
      check.slot(table)(x, &y, x.count)
      for (a, b) in zip(x, y) {
        let want = check.reference(Double(a))
        let off = Checker.ulps(b, want)
        expect(
          check.name, off <= check.ulps || Swift.abs(Double(b) - want) <= check.absolute,
          "f(\(a)) = \(b), expected \(want), \(off) ulp")
      }
      for n in 0..<40 {
        var z = [Float](repeating: 7, count: 41)
        check.slot(table)(x, &z, n)
        expect(check.name, z[n...].allSatisfy { $0 == 7 }, "writes beyond \(n) elements")
        for i in 0..<n { expect(check.name, same(z[i], y[i]), "n = \(n): element \(i) differs") }
      }
    }
  }

  private func same(_ a: Float, _ b: Float) -> Bool { a == b || a.isNaN && b.isNaN }

  package mutating func checkBinary() {
    var numbers = Numbers(2)
    for check in binaryChecks {
      for n in Array(0..<40) + [1000] {
        var a = numbers.array(n, scale: 4)
        var b = numbers.array(n, scale: 4)
        for i in 0..<Swift.min(n, 12) where n > 30 {
          a[i] = Checker.edges[i]
          b[i] = Checker.edges[(i * 5) % 12]
        }
        var y = [Float](repeating: 7, count: n + 1)
        if let slot = check.vector {
          slot(table)(a, b, &y, n)
          for i in 0..<n { expect(check.name, same(y[i], check.reference(a[i], b[i])), "(\(a[i]), \(b[i])) = \(y[i])") }
          expect(check.name, y[n] == 7, "writes beyond \(n) elements")
        }
        if let slot = check.scalar {
          slot(table)(a, 1.5, &y, n)
          for i in 0..<n { expect(check.name, same(y[i], check.reference(a[i], 1.5)), "scalar: (\(a[i])) = \(y[i])") }
          expect(check.name, y[n] == 7, "scalar: writes beyond \(n) elements")
        }
      }
    }
    for check in parametricChecks {
      for n in Array(0..<40) + [1000] {
        let x = numbers.array(n, scale: 5)
        var y = [Float](repeating: 7, count: n + 1)
        check.slot(table)(x, check.p, check.q, &y, n)
        for i in 0..<n {
          let want = check.reference(Double(x[i]), Double(check.p), Double(check.q))
          expect(
            check.name, Swift.abs(Double(y[i]) - want) <= check.tolerance * Swift.max(1, Swift.abs(want)),
            "f(\(x[i])) = \(y[i]), expected \(want)")
        }
        expect(check.name, y[n] == 7, "writes beyond \(n) elements")
      }
    }
  }

  mutating func close(_ name: String, _ got: Float, _ want: Double, _ scale: Double, _ detail: String) {
    expect(name, Swift.abs(Double(got) - want) <= 2e-6 * Swift.max(scale, 1), "\(detail): \(got), expected \(want)")
  }
}
