import KernelSlots
import Kernels

extension Checker {
  /// Products of 8-bit integers of every height of a tile, with edges of columns and of the inner extent.
  package mutating func checkIntegerGemm() {
    let rows = table.integer.rows
    let columns = table.gemmColumns
    var seed: UInt64 = 77
    for m in Array(1...rows) + [rows + 1, 2 * rows + 3, 61] {
      for n in [1, 3, columns - 1, columns, columns + 1, 2 * columns + columns / 2] {
        for k in [1, 2, 3, 4, 5, 31, 64, 401] where m <= rows || k != 401 {
          seed += 1
          check(m, n, k, seed)
        }
      }
    }
    for (rows, length, step) in [(1, 40, 1), (5, 7, 1), (9, 13, 2), (28, 100, 1), (8, 9, 3)] {
      checkWindows(rows: rows, length: length, step: step)
    }
  }

  /// Between floats and bytes, with ties, limits, NaN and infinities.
  package mutating func checkQuantize() {
    var numbers = Numbers(5)
    for n in Array(0..<40) + [1000] {
      var x = numbers.array(n, scale: 300)
      for i in stride(from: 0, to: n, by: 3) { x[i] = (x[i] * 2).rounded() / 2 }
      for (i, edge) in Checker.edges.enumerated() where n == 1000 { x[i] = edge }
      for (isSigned, zero, scale) in [(false, 128, Float(1)), (true, -3, 0.5), (false, 0, 3), (true, 127, 1.25)] {
        let (low, high) = isSigned ? (Int32(-128), Int32(127)) : (0, 255)
        var y = [UInt8](repeating: 0xA5, count: n + 1)
        table.integer.quantize(x, scale, Int32(zero), low, high, &y, n)
        for i in 0..<n {
          let quotient = x[i] / scale
          let limited = quotient > -1e6 ? Swift.min(quotient, 1e6) : -1e6
          let want = Swift.min(Swift.max(Int32(limited.rounded(.toNearestOrEven)) + Int32(zero), low), high)
          let isSame = y[i] == UInt8(truncatingIfNeeded: want)
          expect("quantize", isSame, "\(x[i]) / \(scale) + \(zero): \(y[i]), expected \(want)")
        }
        expect("quantize", y[n] == 0xA5, "writes beyond \(n) elements")
        var z = [Float](repeating: 7, count: n + 1)
        table.integer.dequantize(y, isSigned, Float(zero), scale, &z, n)
        for i in 0..<n {
          let want = ((isSigned ? Float(Int8(bitPattern: y[i])) : Float(y[i])) - Float(zero)) * scale
          expect("dequantize", z[i] == want, "\(y[i]): \(z[i]), expected \(want)")
        }
        expect("dequantize", z[n] == 7, "writes beyond \(n) elements")
      }
    }
  }

  /// Conversions of 16-bit floats there and back, with what rounds, overflows and is no number.
  package mutating func checkHalf() {
    var numbers = Numbers(6)
    var x = Checker.edges
    for scale: Float in [1e-8, 1e-6, 1e-3, 1, 100, 7e4] { x += numbers.array(400, scale: scale) }
    for n in Array(0..<40) + [x.count] {
      var narrow = [UInt16](repeating: 0xA5A5, count: n + 1)
      var wide = [Float](repeating: 7, count: n + 1)
      table.half.toBFloat16(x, &narrow, n)
      table.half.fromBFloat16(narrow, &wide, n)
      for i in 0..<n {
        // To the nearest of the two that have 16 bits fewer.
        let below = Float(bitPattern: x[i].bitPattern & 0xFFFF_0000)
        let above = Float(bitPattern: (x[i].bitPattern | 0xFFFF) &+ 1)
        let isNear =
          x[i].isNaN
          ? wide[i].isNaN
          : wide[i] == below && Swift.abs(x[i] - below) <= Swift.abs(above - x[i])
            || wide[i] == above && Swift.abs(above - x[i]) <= Swift.abs(x[i] - below)
            || !x[i].isFinite && wide[i] == x[i] || Swift.abs(x[i]) > 3.39e38 && wide[i].isInfinite
        expect("bfloat16", isNear, "\(x[i]): \(wide[i])")
      }
      expect("bfloat16", narrow[n] == 0xA5A5 && wide[n] == 7, "writes beyond \(n) elements")
      #if !(os(macOS) && arch(x86_64))
      if let to = table.half.toFloat16, let from = table.half.fromFloat16 {
        to(x, &narrow, n)
        from(narrow, &wide, n)
        for i in 0..<n {
          let want = Float16(x[i])
          let isSame = want.isNaN ? wide[i].isNaN : narrow[i] == want.bitPattern && wide[i] == Float(want)
          expect("float16", isSame, "\(x[i]): \(wide[i]), expected \(want)")
        }
        expect("float16", narrow[n] == 0xA5A5 && wide[n] == 7, "writes beyond \(n) elements")
      }
      #endif
    }
  }

  /// Pools and depthwise convolutions of every length of a run.
  package mutating func checkWindows() {
    var numbers = Numbers(8)
    for n in 1..<70 {
      for step in [1, 2, 3] {
        let offsets = [0, 1, 2, 100, 101, 102, 5]
        let source = numbers.array((n - 1) * step + 103)
        let weights = numbers.array(offsets.count)
        for kind in 0..<3 {
          var out = [Float](repeating: 7, count: n + 1)
          source.withUnsafeBufferPointer {
            let start = $0.baseAddress!
            if kind == 2 {
              table.depthwise(start, start + $0.count, offsets, weights, offsets.count, step, 0.5, &out, n)
            } else {
              table.poolWindows(start, start + $0.count, offsets, offsets.count, step, kind == 0, &out, n)
            }
          }
          for i in 0..<n {
            let taps = offsets.map { Double(source[$0 + i * step]) }
            let want =
              switch kind {
              case 0: taps.max() ?? 0
              case 1: taps.reduce(0, +)
              default: zip(taps, weights).reduce(0.5) { $0 + $1.0 * Double($1.1) }
              }
            let isNear = Swift.abs(Double(out[i]) - want) < 1e-5
            expect("windows", isNear, "\(kind) of \(n), step \(step): \(out[i]), expected \(want)")
          }
          expect("windows", out[n] == 7, "\(kind) writes beyond \(n) elements")
        }
      }
    }
  }

  private func bytes(_ count: Int, _ numbers: inout Numbers) -> [UInt8] {
    (0..<count).map { _ in
      let x = numbers.next()
      return x > 0.95 ? 255 : x < -0.95 ? 0 : UInt8(truncatingIfNeeded: Int(x * 200))
    }
  }

  private mutating func check(_ m: Int, _ n: Int, _ k: Int, _ seed: UInt64) {
    var numbers = Numbers(seed)
    let kernels = table.integer
    let a = bytes(m * k, &numbers)
    let b = bytes(k * n, &numbers)
    let aFlip: UInt8 = seed % 2 == 0 ? 0x80 : 0
    let bFlip: UInt8 = seed % 3 == 0 ? 0x80 : 0
    let (ars, acs) = seed % 5 == 0 ? (1, m) : (k, 1)
    let (brs, bcs) = seed % 7 < 3 ? (1, k) : (n, 1)
    let output = IntegerGemmTask.Output(rawValue: UInt8(seed % 4)) ?? .int32
    let quads = (k + 3) / 4
    let columnPanels = (n + table.gemmColumns - 1) / table.gemmColumns
    let padded = columnPanels * table.gemmColumns
    var packedA = [Int32](repeating: -1, count: m * quads * kernels.rowUnit)
    var packedB = [Int32](repeating: -1, count: padded * quads)
    kernels.packRows(a, ars, acs, m, k, aFlip, &packedA)
    kernels.packColumns(b, brs, bcs, k, n, bFlip, &packedB)
    var sums = [Int32](repeating: 0, count: padded)
    for panel in 0..<columnPanels {
      packedB.withUnsafeBufferPointer { from in
        sums.withUnsafeMutableBufferPointer {
          kernels.columnSums(
            from.baseAddress! + panel * table.gemmColumns * quads, quads, $0.baseAddress! + panel * table.gemmColumns)
        }
      }
    }
    func left(_ i: Int, _ p: Int) -> Int { Int(a[i * ars + p * acs] ^ aFlip) }
    func right(_ p: Int, _ j: Int) -> Int { Int(Int8(bitPattern: b[p * brs + j * bcs] ^ bFlip)) }
    for j in 0..<padded {
      let want = j < n ? (0..<k).reduce(0) { $0 + right($1, j) } : 0
      expect("integer column sums", Int(sums[j]) == want, "\(m)x\(n)x\(k), column \(j): \(sums[j]), expected \(want)")
    }

    let terms = (0..<(2 * m + 2 * padded)).map { _ in Int32(numbers.next() * 90) }
    let (rowZero, rowSum) = (Array(terms[..<m]), Array(terms[m..<(2 * m)]))
    let (columnTerm, columnZero) = (Array(terms[(2 * m)..<(2 * m + padded)]), Array(terms[(2 * m + padded)...]))
    let rowScale = (0..<m).map { _ in numbers.next() / 256 }
    let columnScale = numbers.array(padded)
    let columnBias = numbers.array(padded)
    let zero: Int32 = output == .int8 ? -5 : 130
    var c = [UInt8](repeating: 0xA5, count: (m * n + 1) * 4)
    let held = Held()
    c.withUnsafeMutableBytes { c in
      var task = IntegerGemmTask(
        m: m, n: n, quads: quads, a: held(packedA), b: held(packedB), c: c.baseAddress!, cRowStride: n, output: output,
        rowZero: held(rowZero), columnTerm: held(columnTerm),
        scratch: UnsafeMutablePointer(mutating: held([Int32](repeating: 0, count: IntegerGemmTask.scratchCount))),
        columnPanels: 0..<columnPanels, rowPanels: 0..<((m + kernels.rows - 1) / kernels.rows))
      if seed % 4 != 1 {
        task.columnZero = held(columnZero)
        task.rowSum = held(rowSum)
      }
      task.rowBias = held(rowSum)
      task.rowScale = held(rowScale)
      task.columnScale = held(columnScale)
      task.columnBias = held(columnBias)
      task.outputZero = zero
      withUnsafePointer(to: &task) { kernels.gemm(UnsafeRawPointer($0)) }
    }
    withExtendedLifetime(held) {}
    let size = output == .int32 || output == .float32 ? 4 : 1
    for i in 0..<m {
      for j in 0..<n {
        var sum = (0..<k).reduce(0) { $0 + left(i, $1) * right($1, j) } - Int(rowZero[i]) * Int(columnTerm[j])
        if seed % 4 != 1 { sum -= Int(columnZero[j]) * Int(rowSum[i]) }
        sum += Int(rowSum[i])
        let real = Float(sum) * rowScale[i] * columnScale[j] + columnBias[j]
        let (got, want) = c.withUnsafeBytes { c -> (Double, Double) in
          let at = (i * n + j) * size
          switch output {
          case .int32: return (Double(c.loadUnaligned(fromByteOffset: at, as: Int32.self)), Double(sum))
          case .float32: return (Double(c.loadUnaligned(fromByteOffset: at, as: Float.self)), Double(real))
          case .uint8:
            let nearest = Swift.min(Swift.max(Int(real.rounded(.toNearestOrEven)) + Int(zero), 0), 255)
            return (Double(c[at]), Double(nearest))
          case .int8:
            let nearest = Swift.min(Swift.max(Int(real.rounded(.toNearestOrEven)) + Int(zero), -128), 127)
            return (Double(Int8(bitPattern: c[at])), Double(nearest))
          }
        }
        // A fused multiplication rounds once.
        let tolerance = output == .float32 ? 1e-5 + Swift.abs(want) * 1e-6 : output == .int32 ? 0 : 1
        let isNear = Swift.abs(got - want) <= tolerance
        expect("integer gemm", isNear, "\(m)x\(n)x\(k) \(output) at (\(i), \(j)): \(got), expected \(want)")
      }
    }
    expect("integer gemm", c[(m * n * size)...].allSatisfy { $0 == 0xA5 }, "\(m)x\(n)x\(k) \(output) writes beyond C")
  }

  /// What is gathered is what would be packed of the windows' matrix.
  private mutating func checkWindows(rows: Int, length: Int, step: Int) {
    var numbers = Numbers(UInt64(rows * 100 + length))
    let width = table.gemmColumns
    let source = bytes(rows * 3 + 4 * width * step + 4 * length, &numbers)
    let offsets = (0..<rows).map { $0 * 3 }
    var segments: [Int] = []
    var column = 0
    while column < width {
      let run = Swift.min(length, width - column)
      segments += [column, column * step + segments.count / 3, run]
      column += run
    }
    for filled in [width, Swift.max(1, width - 3)] {
      var kept = segments
      var count = 0
      while count < kept.count / 3, kept[3 * count] < filled {
        kept[3 * count + 2] = Swift.min(kept[3 * count + 2], filled - kept[3 * count])
        count += 1
      }
      var matrix = [UInt8](repeating: 0, count: rows * filled)
      for s in 0..<count {
        for i in 0..<rows {
          for j in 0..<kept[3 * s + 2] {
            matrix[i * filled + kept[3 * s] + j] = source[offsets[i] + kept[3 * s + 1] + j * step]
          }
        }
      }
      let quads = (rows + 3) / 4
      var want = [Int32](repeating: 0, count: quads * width)
      var got = [Int32](repeating: -1, count: quads * width)
      table.integer.packColumns(matrix, filled, 1, rows, filled, 0x80, &want)
      var scratch = [UInt8](repeating: 0, count: 4 * width)
      source.withUnsafeBufferPointer {
        let start = $0.baseAddress!
        table.integer.gatherWindows(
          start, start + $0.count, offsets, rows, kept, count, step, 0x80, &scratch, &got)
      }
      expect("integer windows", got == want, "\(rows) rows, runs of \(length), step \(step), \(filled) columns")
    }
  }
}

/// Copies of arrays that stay where they are until this is gone.
private final class Held {
  private var blocks: [UnsafeMutableRawPointer] = []

  func callAsFunction<T: BitwiseCopyable>(_ values: [T]) -> UnsafePointer<T> {
    let copy = UnsafeMutablePointer<T>.allocate(capacity: Swift.max(values.count, 1))
    copy.initialize(from: values, count: values.count)
    blocks.append(UnsafeMutableRawPointer(copy))
    return UnsafePointer(copy)
  }

  deinit { for block in blocks { block.deallocate() } }
}
