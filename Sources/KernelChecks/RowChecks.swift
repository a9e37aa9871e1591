import KernelSlots
import Kernels

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

extension Checker {
  package mutating func checkRows() {
    var numbers = Numbers(3)
    for n in Array(1..<40) + [100, 384, 1001] {
      let x = numbers.array(n, scale: 3)
      let g = numbers.array(n)
      let b = numbers.array(n)
      let d = x.map(Double.init)
      let magnitude = d.reduce(0) { $0 + Swift.abs($1) }
      close("sum", table.sum(x, n), d.reduce(0, +), magnitude, "n = \(n)")
      close("sumOfSquares", table.sumOfSquares(x, n), d.reduce(0) { $0 + $1 * $1 }, magnitude * 3, "n = \(n)")
      close("dot", table.dot(x, g, n), zip(d, g).reduce(0) { $0 + $1.0 * Double($1.1) }, magnitude, "n = \(n)")
      expect("max", table.max(x, n) == x.max()!, "n = \(n)")
      expect("min", table.min(x, n) == x.min()!, "n = \(n)")
      var withNaN = x
      withNaN[n / 2] = .nan
      expect("max", table.max(withNaN, n).isNaN, "NaN is lost, n = \(n)")
      expect("min", table.min(withNaN, n).isNaN, "NaN is lost, n = \(n)")

      var y = [Float](repeating: 7, count: n + 1)
      let top = d.max()!
      let total = d.reduce(0) { $0 + exp($1 - top) }
      table.softmax(x, &y, n)
      for i in 0..<n { close("softmax", y[i], exp(d[i] - top) / total, 1, "n = \(n), \(i)") }
      table.logSoftmax(x, &y, n)
      for i in 0..<n { close("logSoftmax", y[i], d[i] - top - log(total), 4, "n = \(n), \(i)") }
      let mean = d.reduce(0, +) / Double(n)
      let variance = d.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(n)
      let scale = 1 / (variance + 1e-5).squareRoot()
      var stats: [Float] = [0, 0]
      table.layerNorm(x, g, b, 1e-5, &y, n, &stats)
      close("layerNorm", stats[0], mean, 3, "mean, n = \(n)")
      for i in 0..<n {
        close(
          "layerNorm", y[i], (d[i] - mean) * scale * Double(g[i]) + Double(b[i]), Swift.max(4, scale), "n = \(n), \(i)")
      }
      table.layerNorm(x, nil, nil, 1e-5, &y, n, nil)
      for i in 0..<n { close("layerNorm", y[i], (d[i] - mean) * scale, Swift.max(4, scale), "plain, n = \(n), \(i)") }
      let rms = 1 / (d.reduce(0) { $0 + $1 * $1 } / Double(n) + 1e-6).squareRoot()
      table.rmsNorm(x, g, 1e-6, &y, n)
      for i in 0..<n { close("rmsNorm", y[i], d[i] * rms * Double(g[i]), 4, "n = \(n), \(i)") }
      var axpy = g
      table.axpy(x, 0.5, &axpy, n)
      for i in 0..<n { close("axpy", axpy[i], Double(g[i]) + 0.5 * d[i], 4, "n = \(n), \(i)") }
      expect("rows", y[n] == 7, "writes beyond \(n) elements")
    }
    for (rows, columns) in [(1, 1), (3, 5), (4, 4), (5, 17), (16, 16), (33, 7), (40, 21)] {
      let x = numbers.array(rows * columns)
      var y = [Float](repeating: 7, count: rows * columns + 1)
      table.transpose(x, columns, &y, rows, rows, columns)
      var right = true
      for r in 0..<rows { for c in 0..<columns where y[c * rows + r] != x[r * columns + c] { right = false } }
      expect("transpose", right && y[rows * columns] == 7, "\(rows)x\(columns)")
    }
  }

  /// One product as the checks vary it.
  private struct Product {
    var m: Int
    var n: Int
    var k: Int
    var packedA = false
    var directB = false
    var transposedA = false
    var transposedB = false
    var accumulate = false
    var finish = false
  }

  package mutating func checkGemm() {
    var shapes: [(Int, Int, Int)] = [
      (0, 3, 4), (3, 0, 4), (1, 1, 1), (2, 3, 0), (1, 70, 33), (5, 5, 1000), (200, 40, 390),
    ]
    for m in 1...17 { shapes.append((m, 1 + (m * 13) % 70, 1 + (m * 7) % 50)) }
    for (m, n, k) in shapes {
      for transposedA in [false, true] {
        for transposedB in [false, true] {
          check(Product(m: m, n: n, k: k, transposedA: transposedA, transposedB: transposedB))
        }
      }
      check(Product(m: m, n: n, k: k, packedA: true, finish: true))
      check(Product(m: m, n: n, k: k, directB: true, accumulate: true))
      check(Product(m: m, n: n, k: k, directB: true, finish: true))
    }
  }

  private mutating func check(_ s: Product) {
    var numbers = Numbers(UInt64(s.m * 1000 + s.n * 31 + s.k))
    let (m, n, k) = (s.m, s.n, s.k)
    let a = numbers.array(Swift.max(1, m * k))
    let b = numbers.array(Swift.max(1, k * n))
    let initial = numbers.array(m * n + 1)
    let (ars, acs) = s.transposedA ? (1, m) : (k, 1)
    let (brs, bcs) = s.transposedB ? (1, k) : (n, 1)
    let columnBias = numbers.array(n + 1)
    let rowBias = numbers.array(m + 1)
    let residual = numbers.array(m * n + 1)
    var c = initial
    var packedA = [Float](repeating: 0, count: Swift.max(1, m * k))
    let panels = (n + table.gemmColumns - 1) / table.gemmColumns
    var packedB = [Float](repeating: 0, count: Swift.max(1, panels * table.gemmColumns * k))
    if s.packedA, m > 0 { table.packA(a, ars, acs, m, k, &packedA) }
    if !s.directB { table.packB(b, brs, bcs, k, n, &packedB) }
    let columns = panels
    let rows = (m + table.gemmRows - 1) / table.gemmRows
    guard m > 0, n > 0 else { return }
    c.withUnsafeMutableBufferPointer { c in
      (s.packedA ? packedA : a).withUnsafeBufferPointer { a in
        (s.directB ? b : packedB).withUnsafeBufferPointer { b in
          columnBias.withUnsafeBufferPointer { columnBias in
            rowBias.withUnsafeBufferPointer { rowBias in
              residual.withUnsafeBufferPointer { residual in
                Scratch.with(floats: GemmTask.scratchCount) { scratch in
                  var task = GemmTask(
                    m: m, n: n, k: k, a: a.baseAddress!, aRowStride: ars, aColumnStride: acs, b: b.baseAddress!,
                    c: c.baseAddress!, cRowStride: n, scratch: scratch, columnPanels: 0..<columns, rowPanels: 0..<rows)
                  task.aIsPacked = s.packedA
                  task.bRowStride = s.directB ? n : 0
                  task.accumulate = s.accumulate
                  if s.finish {
                    task.alpha = 0.5
                    task.columnBias = columnBias.baseAddress
                    task.rowBias = rowBias.baseAddress
                    task.residual = residual.baseAddress
                    task.residualRowStride = n
                    task.activation = GemmTask.Activation.leakyRelu.rawValue
                    task.p = 0.25
                  }
                  withUnsafePointer(to: &task) { table.gemm(UnsafeRawPointer($0)) }
                }
              }
            }
          }
        }
      }
    }
    for i in 0..<m {
      for j in 0..<n {
        var want = 0.0
        for p in 0..<k { want += Double(a[i * ars + p * acs]) * Double(b[p * brs + j * bcs]) }
        if s.accumulate { want += Double(initial[i * n + j]) }
        if s.finish {
          want = want * 0.5 + Double(columnBias[j]) + Double(rowBias[i]) + Double(residual[i * n + j])
          if want < 0 { want *= 0.25 }
        }
        close("gemm", c[i * n + j], want, Double(k).squareRoot() + 2, "\(s) at (\(i), \(j))")
      }
    }
    expect("gemm", c[m * n] == initial[m * n], "\(s) writes beyond C")
  }
}
