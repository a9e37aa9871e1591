public import KernelSlots
public import TensorCore

/// A constant right-hand matrix of products, packed once for the kernels in use.
public final class PackedMatrix: Sendable {
  /// Rows.
  public let k: Int
  /// Columns.
  public let n: Int
  /// The panels, in one row.
  public let tensor: Tensor

  /// Reads matrices: calls its second argument with the address of the first element of the range.
  public typealias Reader = (Range<Int>, (UnsafePointer<Float>) -> Void) -> Void

  /// Elements that are read at a time, about: a matrix that has to be made to be read is never there whole, and what is made
  /// of it is still in the cache when it is packed.
  fileprivate static let elementsAtATime = 1 << 15
  /// Rows that are at least read at a time, up to 32 times as many elements: the panels of a wide matrix lie far apart, and a
  /// row's share of one is less than the cache fetches.
  private static let rowsAtATime = 32

  /// Packs the matrix `[k, n]` at `b`, or `[n, k]` where it is `transposed`.
  public convenience init(_ b: UnsafePointer<Float>, transposed: Bool, k: Int, n: Int) {
    self.init(k: k, n: n, transposed: transposed, in: .inMemory, as: "") { $1(b + $0.lowerBound) }
  }

  /// The same for a matrix that `read` reads, a few rows of it at a time, in order; it is only called where `constants` do not
  /// have the packed matrix as `name`.
  public init(k: Int, n: Int, transposed: Bool, in constants: Constants, as name: String, read: Reader) {
    self.k = k
    self.n = n
    let shape: Shape = [MatrixMultiply.packedCount(k: k, n: n)]
    tensor = constants.tensor(name, .float32, shape) {
      let out = Tensor(lasting: .float32, shape)
      let to = out.storage.base.assumingMemoryBound(to: Float.self)
      transposed ? PackedMatrix.packTransposed(k, n, read, to) : PackedMatrix.pack(k, n, read, to)
      return out
    }
  }

  /// Rows are parts of all panels.
  private static func pack(_ k: Int, _ n: Int, _ read: Reader, _ to: UnsafeMutablePointer<Float>) {
    let table = KernelTable.current
    let width = table.gemmColumns
    let step = max(1, max(elementsAtATime, min(rowsAtATime * n, elementsAtATime * rowsAtATime)) / max(n, 1))
    for row in stride(from: 0, to: k, by: step) {
      let rows = min(step, k - row)
      read(row * n..<(row + rows) * n) { from in
        for column in stride(from: 0, to: n, by: width) {
          table.packB(from + column, n, 1, rows, min(width, n - column), to + column * k + row * width)
        }
      }
    }
  }

  /// Rows are columns of the product's operand: each panel is made of a few.
  private static func packTransposed(_ k: Int, _ n: Int, _ read: Reader, _ to: UnsafeMutablePointer<Float>) {
    let table = KernelTable.current
    let width = table.gemmColumns
    let step = max(1, elementsAtATime / max(k, 1) / width) * width
    for column in stride(from: 0, to: n, by: step) {
      let columns = min(step, n - column)
      read(column * k..<(column + columns) * k) { table.packB($0, 1, k, k, columns, to + column * k) }
    }
  }

  /// Panel after panel, as `KernelTable.packB` writes them.
  public var elements: UnsafePointer<Float> { UnsafePointer(tensor.storage.base.assumingMemoryBound(to: Float.self)) }
}

/// Constant left-hand matrices of products (the weights of a convolution's groups), packed once for the kernels in use.
public final class PackedRows: Sendable {
  public let groups: Int
  public let m: Int
  public let k: Int
  /// The groups one after the other, each from a multiple of 64 bytes on.
  public let tensor: Tensor
  private let each: Int

  /// Packs `groups` matrices `[m, k]` that lie one after the other, row by row. `read` reads them, some rows at a time, in
  /// order; it is only called where `constants` do not have them packed as `name`.
  public init(groups: Int, m: Int, k: Int, in constants: Constants, as name: String, read: PackedMatrix.Reader) {
    self.groups = groups
    self.m = m
    self.k = k
    let each = (m * k + 15) / 16 * 16
    self.each = each
    let shape: Shape = [groups * each]
    tensor = constants.tensor(name, .float32, shape) {
      let out = Tensor(lasting: .float32, shape)
      let to = out.storage.base.assumingMemoryBound(to: Float.self)
      for g in 0..<groups {
        PackedRows.pack(m, k, from: g * m * k, read, to + g * each)
        for rest in m * k..<each { to[g * each + rest] = 0 }
      }
      return out
    }
  }

  private static func pack(
    _ m: Int, _ k: Int, from first: Int, _ read: PackedMatrix.Reader, _ to: UnsafeMutablePointer<Float>
  ) {
    let table = KernelTable.current
    let panels = RowPanels(m, tallest: table.gemmRows)
    let step = max(1, PackedMatrix.elementsAtATime / max(k * table.gemmRows, 1))
    for panel in stride(from: 0, to: panels.count, by: step) {
      let end = min(panel + step, panels.count)
      let start = panels.start(panel)
      read(first + start * k..<first + panels.start(end) * k) { from in
        for p in panel..<end {
          let row = panels.start(p)
          table.packA(from + (row - start) * k, k, 1, panels.start(p + 1) - row, k, to + row * k)
        }
      }
    }
  }

  /// The packed matrix of one group.
  public func elements(_ group: Int) -> UnsafePointer<Float> {
    UnsafePointer(tensor.storage.base.assumingMemoryBound(to: Float.self)) + group &* each
  }
}

/// Products of float32 matrices.
public enum MatrixMultiply {
  /// The left operand: m x k.
  public enum Left {
    /// Element (i, j) at `pointer[i*rowStride + j*columnStride]`.
    case strided(UnsafePointer<Float>, rowStride: Int, columnStride: Int)
    case packed(UnsafePointer<Float>)
  }

  /// The right operand: k x n.
  public enum Right {
    /// Element (i, j) at `pointer[i*rowStride + j*columnStride]`.
    case strided(UnsafePointer<Float>, rowStride: Int, columnStride: Int)
    /// As `KernelTable.packB` writes it.
    case packed(UnsafePointer<Float>)
  }

  /// What happens to each element of the product before it is stored, in this order.
  public struct Epilogue {
    public var alpha: Float = 1
    /// One element a column.
    public var columnBias: UnsafePointer<Float>?
    /// One element a row.
    public var rowBias: UnsafePointer<Float>?
    /// A matrix that is added.
    public var residual: UnsafePointer<Float>?
    public var residualRowStride = 0
    public var activation = GemmTask.Activation.none
    /// Parameters of the activation.
    public var p: Float = 0
    public var q: Float = 0

    public init(
      alpha: Float = 1, columnBias: UnsafePointer<Float>? = nil, rowBias: UnsafePointer<Float>? = nil,
      residual: UnsafePointer<Float>? = nil, residualRowStride: Int = 0, activation: GemmTask.Activation = .none,
      p: Float = 0, q: Float = 0
    ) {
      self.alpha = alpha
      self.columnBias = columnBias
      self.rowBias = rowBias
      self.residual = residual
      self.residualRowStride = residualRowStride
      self.activation = activation
      self.p = p
      self.q = q
    }
  }

  /// Elements of a packed right operand.
  public static func packedCount(k: Int, n: Int) -> Int {
    let columns = KernelTable.current.gemmColumns
    return (n + columns - 1) / columns * columns * k
  }

  /// Products below this many multiplications stay on one thread.
  private static let threadGrain = 200_000
  /// Elements of the right operand that are packed at a time where nothing else is said.
  public static let mostPacked = 1 << 26

  /// `C = epilogue(A B)`, or `C = epilogue(C + A B)`.
  ///
  /// The pointers must cover the extents; `c` may not overlap the operands. With `m` or `n` 0 nothing happens; with `k`
  /// 0 the product is zeros. Of a right operand that has to be packed, at most `mostPacked` elements are at a time.
  public static func multiply(
    m: Int, n: Int, k: Int, _ a: Left, _ b: Right, into c: UnsafeMutablePointer<Float>, cRowStride: Int,
    accumulate: Bool = false, _ epilogue: Epilogue = Epilogue(), pool: ComputePool = .inline,
    mostPacked: Int = MatrixMultiply.mostPacked
  ) {
    guard m > 0, n > 0 else { return }
    let table = KernelTable.current
    let columnPanels = (n &+ table.gemmColumns &- 1) / table.gemmColumns
    let rowPanels = RowPanels(m, tallest: table.gemmRows).count
    if case .strided(let pointer, let rs, let cs) = b, cs != 1 || m >= 2 &* table.gemmRows {
      let depth = Swift.max(1, mostPacked / table.gemmColumns)
      if k > depth, case .strided(let left, let ars, let acs) = a {
        for start in stride(from: 0, to: k, by: depth) {
          let isLast = start + depth >= k
          multiply(
            m: m, n: n, k: isLast ? k - start : depth, .strided(left + start * acs, rowStride: ars, columnStride: acs),
            .strided(pointer + start * rs, rowStride: rs, columnStride: cs), into: c, cRowStride: cRowStride,
            accumulate: accumulate || start > 0, isLast ? epilogue : Epilogue(), pool: pool, mostPacked: mostPacked)
        }
        return
      }
      let most = Swift.max(1, mostPacked / Swift.max(1, k &* table.gemmColumns))
      if columnPanels > most {
        for panel in stride(from: 0, to: columnPanels, by: most) {
          let from = panel * table.gemmColumns
          var part = epilogue
          part.columnBias = epilogue.columnBias.map { $0 + from }
          part.residual = epilogue.residual.map { $0 + from }
          multiply(
            m: m, n: Swift.min(n - from, most * table.gemmColumns), k: k, a,
            .strided(pointer + from * cs, rowStride: rs, columnStride: cs), into: c + from, cRowStride: cRowStride,
            accumulate: accumulate, part, pool: pool, mostPacked: mostPacked)
        }
        return
      }
      Scratch.with(floats: columnPanels &* table.gemmColumns &* k) { packed in
        pool.parallelFor(columnPanels, grain: Swift.max(1, threadGrain / Swift.max(1, k &* table.gemmColumns))) {
          let from = $0 &* table.gemmColumns
          table.packB(
            pointer + from &* cs, rs, cs, k, Swift.min(n, $1 &* table.gemmColumns) &- from, packed + from &* k)
        }
        multiply(
          m: m, n: n, k: k, a, .packed(packed), into: c, cRowStride: cRowStride, accumulate: accumulate, epilogue,
          pool: pool)
      }
      return
    }
    func run(_ columns: Range<Int>, _ rows: Range<Int>) {
      Scratch.with(floats: GemmTask.scratchCount) { scratch in
        var task: GemmTask
        switch a {
        case .strided(let pointer, let rs, let cs):
          task = GemmTask(
            m: m, n: n, k: k, a: pointer, aRowStride: rs, aColumnStride: cs, b: pointer, c: c, cRowStride: cRowStride,
            scratch: scratch, columnPanels: columns, rowPanels: rows)
        case .packed(let pointer):
          task = GemmTask(
            m: m, n: n, k: k, a: pointer, aRowStride: k, b: pointer, c: c, cRowStride: cRowStride, scratch: scratch,
            columnPanels: columns, rowPanels: rows)
          task.aIsPacked = true
        }
        switch b {
        case .packed(let pointer): task.b = pointer
        case .strided(let pointer, let rs, _):
          task.b = pointer
          // A matrix of one row is read once whatever its stride; 0 would mean that it is packed.
          task.bRowStride = rs == 0 ? n : rs
        }
        task.accumulate = accumulate
        task.alpha = epilogue.alpha
        task.columnBias = epilogue.columnBias
        task.rowBias = epilogue.rowBias
        task.residual = epilogue.residual
        task.residualRowStride = epilogue.residualRowStride
        task.activation = epilogue.activation.rawValue
        task.p = epilogue.p
        task.q = epilogue.q
        withUnsafePointer(to: &task) { table.gemm(UnsafeRawPointer($0)) }
      }
    }
    let work = m &* n &* Swift.max(k, 1)
    if pool.threadCount == 1 || work <= threadGrain {
      run(0..<columnPanels, 0..<rowPanels)
    } else if columnPanels >= rowPanels {
      pool.parallelFor(columnPanels, grain: Swift.max(1, threadGrain / Swift.max(1, work / columnPanels))) {
        run($0..<$1, 0..<rowPanels)
      }
    } else {
      pool.parallelFor(rowPanels, grain: Swift.max(1, threadGrain / Swift.max(1, work / rowPanels))) {
        run(0..<columnPanels, $0..<$1)
      }
    }
  }
}
