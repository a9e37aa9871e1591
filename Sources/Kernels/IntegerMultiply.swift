public import KernelSlots
public import TensorCore

/// A right-hand matrix of 8-bit integers, packed for the kernels in use.
public final class PackedIntegerMatrix: Sendable {
  /// Rows.
  public let k: Int
  /// Columns.
  public let n: Int
  /// The panels, in one row.
  public let tensor: Tensor
  /// The sum of each column as it is packed, zeros to a whole number of panels.
  public let sums: Tensor
  /// What was taken from each byte: 128 where the matrix is unsigned.
  let moved: Int32

  /// Packs `[k, n]`, or `[n, k]` where it is `transposed`. `withBytes` passes the first byte to its argument; it is only called
  /// where `constants` do not have the packed matrix as `name`.
  public init(
    k: Int, n: Int, isSigned: Bool, transposed: Bool, in constants: Constants, as name: String,
    withBytes: ((UnsafePointer<UInt8>) -> Void) -> Void
  ) {
    self.k = k
    self.n = n
    moved = isSigned ? 0 : 128
    let width = KernelTable.current.gemmColumns
    let panels = (n + width - 1) / width
    let quads = (k + 3) / 4
    let shape: Shape = [panels * width * quads]
    let kernels = KernelTable.current.integer
    tensor = constants.tensor(name, .int32, shape) {
      let out = Tensor(lasting: .int32, shape)
      let to = out.storage.base.assumingMemoryBound(to: Int32.self)
      withBytes { bytes in
        kernels.packColumns(bytes, transposed ? 1 : n, transposed ? k : 1, k, n, isSigned ? 0 : 0x80, to)
      }
      return out
    }
    let packed = tensor
    sums = constants.tensor("\(name)-sums", .int32, [panels * width]) {
      let out = Tensor(lasting: .int32, [panels * width])
      let to = out.storage.base.assumingMemoryBound(to: Int32.self)
      for panel in 0..<panels {
        kernels.columnSums(
          packed.storage.base.assumingMemoryBound(to: Int32.self) + panel * width * quads, quads, to + panel * width)
      }
      return out
    }
  }

  /// Columns with those that fill up the last panel.
  public var paddedColumns: Int { sums.count }

  /// What a packed matrix takes.
  public static func byteCount(k: Int, n: Int) -> Int {
    let width = KernelTable.current.gemmColumns
    let (columns, isWide) = n.addingReportingOverflow(width - 1)
    let (bytes, isLarge) = (columns / width * width).multipliedReportingOverflow(by: (k / 4 + 1) * 4)
    return isWide || isLarge ? .max : bytes
  }

  var elements: UnsafePointer<Int32> { UnsafePointer(tensor.storage.base.assumingMemoryBound(to: Int32.self)) }
  var columnSums: UnsafePointer<Int32> { UnsafePointer(sums.storage.base.assumingMemoryBound(to: Int32.self)) }
}

/// Products of matrices of 8-bit integers less their zero points, exact to 32 bits.
public enum IntegerMultiply {
  /// The left operand, `m` x `k`: byte (i, j) at `base[i*rowStride + j*columnStride]`.
  public struct Left {
    public var base: UnsafePointer<UInt8>
    public var m: Int
    public var rowStride: Int
    public var columnStride: Int
    public var isSigned: Bool
    /// One for all rows, or one a row.
    public var zeros: [Int32]

    public init(
      _ base: UnsafePointer<UInt8>, m: Int, rowStride: Int, columnStride: Int = 1, isSigned: Bool, zeros: [Int32]
    ) {
      self.base = base
      self.m = m
      self.rowStride = rowStride
      self.columnStride = columnStride
      self.isSigned = isSigned
      self.zeros = zeros
    }
  }

  /// What becomes of the sums: `sum * scales + bias` by column in `float32`, and, for 8-bit outputs, that rounded to the
  /// nearest integer (the even one of two) plus `zero`, within the type's range.
  public struct Epilogue {
    public var output: IntegerGemmTask.Output
    /// By column, to a whole number of panels (`PackedIntegerMatrix.paddedColumns`).
    public var scales: UnsafePointer<Float>
    /// The same; nil: none.
    public var bias: UnsafePointer<Float>?
    public var zero: Int32

    public init(
      _ output: IntegerGemmTask.Output, scales: UnsafePointer<Float>, bias: UnsafePointer<Float>?, zero: Int32 = 0
    ) {
      self.output = output
      self.scales = scales
      self.bias = bias
      self.zero = zero
    }
  }

  /// Products below this many multiplications stay on one thread.
  private static let threadGrain = 800_000

  /// `c = (left - its zero points) (right - zeros)`, `[m, n]` in one row; sums that pass 32 bits wrap.
  ///
  /// - Parameters:
  ///   - zeros: the right operand's zero points: one for all columns, or one a column.
  ///   - mostPacked: elements of the left operand that are packed at a time.
  public static func multiply(
    _ left: Left, _ right: PackedIntegerMatrix, zeros: [Int32], into c: UnsafeMutablePointer<Int32>,
    pool: ComputePool = .inline, mostPacked: Int = 1 << 26
  ) {
    multiply(left, right, zeros: zeros, into: UnsafeMutableRawPointer(c), nil, pool: pool, mostPacked: mostPacked)
  }

  /// The same, of what `epilogue` makes of the sums; nil: the sums themselves, as `Int32`.
  public static func multiply(
    _ left: Left, _ right: PackedIntegerMatrix, zeros: [Int32], into c: UnsafeMutableRawPointer,
    _ epilogue: Epilogue?, pool: ComputePool = .inline, mostPacked: Int = 1 << 26
  ) {
    let (m, n, k) = (left.m, right.n, right.k)
    guard m > 0, n > 0 else { return }
    let output = epilogue?.output ?? .int32
    let most = Swift.max(1, mostPacked / Swift.max(1, k))
    if m > most {
      for start in stride(from: 0, to: m, by: most) {
        var part = left
        part.m = Swift.min(most, m - start)
        part.base += start * left.rowStride
        if left.zeros.count > 1 { part.zeros = Array(left.zeros[start..<(start + part.m)]) }
        multiply(
          part, right, zeros: zeros, into: c + start * n * output.byteWidth, epilogue, pool: pool,
          mostPacked: mostPacked)
      }
      return
    }
    let kernels = KernelTable.current.integer
    let width = KernelTable.current.gemmColumns
    let quads = (k &+ 3) / 4
    let columnPanels = (n &+ width &- 1) / width
    let padded = columnPanels &* width
    let rowPanels = RowPanels(m, tallest: kernels.rows)
    let flip: UInt8 = left.isSigned ? 0x80 : 0
    func columnZero(_ j: Int) -> Int32 { (zeros.count == 1 ? zeros[0] : zeros[j]) &- right.moved }
    let sumsRows = zeros.contains { $0 != right.moved }
    // Packed rows; by row its zero point and its sum; by column its term and its zero point.
    scratch(m &* quads &* kernels.rowUnit) { packed in
      scratch(2 &* m) { byRow in
        scratch(2 &* padded) { byColumn in
          pool.parallelFor(rowPanels.count, grain: Swift.max(1, 65536 / Swift.max(1, k &* kernels.rows))) {
            let from = rowPanels.start($0)
            let rows = rowPanels.start($1) &- from
            for panel in $0..<$1 {
              let start = rowPanels.start(panel)
              kernels.packRows(
                left.base + start &* left.rowStride, left.rowStride, left.columnStride,
                rowPanels.start(panel &+ 1) &- start, k, flip, packed + start &* quads &* kernels.rowUnit)
            }
            for i in from..<(from &+ rows) {
              byRow[i] = (left.zeros.count == 1 ? left.zeros[0] : left.zeros[i]) &+ (left.isSigned ? 128 : 0)
              byRow[m &+ i] = sumsRows ? sum(left.base + i &* left.rowStride, left.columnStride, k, flip) : 0
            }
          }
          let depth = Int32(truncatingIfNeeded: k)
          for j in 0..<padded {
            let zero = j < n ? columnZero(j) : 0
            byColumn[j] = right.columnSums[j] &- depth &* zero
            byColumn[padded &+ j] = zero
          }
          func run(_ columns: Range<Int>, _ rows: Range<Int>) {
            scratch(IntegerGemmTask.scratchCount) { tile in
              var task = IntegerGemmTask(
                m: m, n: n, quads: quads, a: packed, b: right.elements, c: c, cRowStride: n, output: output,
                rowZero: byRow, columnTerm: byColumn, scratch: tile, columnPanels: columns, rowPanels: rows)
              if sumsRows {
                task.columnZero = UnsafePointer(byColumn + padded)
                task.rowSum = UnsafePointer(byRow + m)
              }
              if let epilogue {
                task.columnScale = epilogue.scales
                task.columnBias = epilogue.bias
                task.outputZero = epilogue.zero
              }
              withUnsafePointer(to: &task) { kernels.gemm(UnsafeRawPointer($0)) }
            }
          }
          let work = m &* n &* Swift.max(k, 1)
          if pool.threadCount == 1 || work <= threadGrain {
            run(0..<columnPanels, 0..<rowPanels.count)
          } else if columnPanels >= rowPanels.count {
            pool.parallelFor(columnPanels, grain: Swift.max(1, threadGrain / Swift.max(1, work / columnPanels))) {
              run($0..<$1, 0..<rowPanels.count)
            }
          } else {
            pool.parallelFor(
              rowPanels.count, grain: Swift.max(1, threadGrain / Swift.max(1, work / rowPanels.count))
            ) { run(0..<columnPanels, $0..<$1) }
          }
        }
      }
    }
  }

  private static func scratch<R>(_ count: Int, _ body: (UnsafeMutablePointer<Int32>) -> R) -> R {
    Scratch.with(floats: count) { body(UnsafeMutableRawPointer($0).assumingMemoryBound(to: Int32.self)) }
  }

  private static func sum(_ row: UnsafePointer<UInt8>, _ stride: Int, _ k: Int, _ flip: UInt8) -> Int32 {
    var sum: Int32 = 0
    for j in 0..<k { sum &+= Int32(row[j &* stride] ^ flip) }
    return sum
  }
}
