/// A product of matrices of 8-bit integers, or a part of one, as the `integerGemm` kernels read it:
///
///     sum[i, j] = a[i, :] · b[:, j] - rowZero[i]*columnTerm[j] - columnZero[j]*rowSum[i] + rowBias[i]
///
/// in 32-bit integers that wrap, where `a` is unsigned and `b` signed; then what `output` says is stored. With za, zb the zero
/// points, sa, sb the sums of a's rows and b's columns, and `columnTerm = sb - k*zb`, this is the product of `a - za` and
/// `b - zb`.
///
/// The pointers must stay valid for the call and cover the extents named here; arrays by column hold a multiple of
/// `KernelTable.gemmColumns` elements. `c` may not overlap any input.
public struct IntegerGemmTask {
  /// What becomes of the sums.
  public enum Output: UInt8, Sendable {
    case int32
    /// `sum * rowScale * columnScale + columnBias` in `float32`.
    case float32
    /// The same, rounded to the nearest integer (to the even one of two), plus `outputZero`, within the type's range.
    case uint8, int8

    /// Bytes of an element.
    @inlinable public var byteWidth: Int { rawValue < Output.uint8.rawValue ? 4 : 1 }
  }

  /// Extents of the whole product.
  public var m: Int
  public var n: Int
  /// Groups of four of the inner extent.
  public var quads: Int
  /// As `KernelTable.packIntegerRows` writes them.
  public var a: UnsafePointer<Int32>
  /// As `KernelTable.packIntegerColumns` writes them.
  public var b: UnsafePointer<Int32>
  /// C, row-major, of `output`'s type.
  public var c: UnsafeMutableRawPointer
  /// In elements.
  public var cRowStride: Int
  /// `Output.rawValue`.
  public var output: UInt8
  public var rowZero: UnsafePointer<Int32>
  public var columnTerm: UnsafePointer<Int32>
  /// Both or none.
  public var columnZero: UnsafePointer<Int32>?
  public var rowSum: UnsafePointer<Int32>?
  public var rowBias: UnsafePointer<Int32>?
  public var rowScale: UnsafePointer<Float>?
  public var columnScale: UnsafePointer<Float>?
  public var columnBias: UnsafePointer<Float>?
  public var outputZero: Int32 = 0
  /// Room for the sums of a tile: `IntegerGemmTask.scratchCount` elements.
  public var scratch: UnsafeMutablePointer<Int32>
  /// The column panels to compute (in panels of `gemmColumns`), and the row panels (of the balanced division of `m` into
  /// panels of `integerGemmRows`).
  public var columnPanelStart: Int
  public var columnPanelEnd: Int
  public var rowPanelStart: Int
  public var rowPanelEnd: Int

  /// Elements of `scratch`: of the largest tile of any instruction set.
  @inlinable public static var scratchCount: Int { 14 * 32 }

  public init(
    m: Int, n: Int, quads: Int, a: UnsafePointer<Int32>, b: UnsafePointer<Int32>, c: UnsafeMutableRawPointer,
    cRowStride: Int, output: Output, rowZero: UnsafePointer<Int32>, columnTerm: UnsafePointer<Int32>,
    scratch: UnsafeMutablePointer<Int32>, columnPanels: Range<Int>, rowPanels: Range<Int>
  ) {
    self.m = m
    self.n = n
    self.quads = quads
    self.a = a
    self.b = b
    self.c = c
    self.cRowStride = cRowStride
    self.output = output.rawValue
    self.rowZero = rowZero
    self.columnTerm = columnTerm
    self.scratch = scratch
    columnPanelStart = columnPanels.lowerBound
    columnPanelEnd = columnPanels.upperBound
    rowPanelStart = rowPanels.lowerBound
    rowPanelEnd = rowPanels.upperBound
  }
}
