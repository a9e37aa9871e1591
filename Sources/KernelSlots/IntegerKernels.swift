/// The kernels for matrices of 8-bit integers of one instruction set.
///
/// They multiply unsigned rows with signed columns, four of the inner extent at a time. Bytes of the other kind are packed with
/// their highest bit flipped (`flip` 0x80), which moves their zero point by 128.
public struct IntegerKernels: Sendable {
  /// Rows of the largest tile; its columns are `KernelTable.gemmColumns`.
  public var rows: Int
  /// Elements that a packed row takes for each four of the inner extent.
  public var rowUnit: Int
  /// Packs A into balanced panels of at most `rows` rows, `panel[quad][row]`, zeros beyond the inner extent:
  /// `(a, rowStride, columnStride, m, k, flip, packed)`; `packed` holds `m * quads * rowUnit` elements.
  public var packRows:
    @convention(c) @Sendable (UnsafePointer<UInt8>, Int, Int, Int, Int, UInt8, UnsafeMutablePointer<Int32>) -> Void
  /// Packs B into panels of `gemmColumns` columns, `panel[quad][column]`, zeros beyond both extents:
  /// `(b, rowStride, columnStride, k, n, flip, packed)`.
  public var packColumns:
    @convention(c) @Sendable (UnsafePointer<UInt8>, Int, Int, Int, Int, UInt8, UnsafeMutablePointer<Int32>) -> Void
  /// `KernelTable.gatherWindows` for bytes, with `flip`, to a panel as `packColumns` writes it:
  /// `(source, end, rowOffsets, rows, segments, segmentCount, step, flip, scratch, panel)`; `scratch` holds
  /// `4 * gemmColumns` bytes.
  public var gatherWindows:
    @convention(c) @Sendable (
      UnsafePointer<UInt8>, UnsafePointer<UInt8>, UnsafePointer<Int>, Int, UnsafePointer<Int>, Int, Int, UInt8,
      UnsafeMutablePointer<UInt8>, UnsafeMutablePointer<Int32>
    ) -> Void
  /// The sums of a panel's columns: `(panel, quads, sums)`.
  public var columnSums: @convention(c) @Sendable (UnsafePointer<Int32>, Int, UnsafeMutablePointer<Int32>) -> Void
  /// Computes a part of a product; the argument points to an `IntegerGemmTask`.
  public var gemm: @convention(c) @Sendable (UnsafeRawPointer) -> Void
  /// `y[i] = min(max(nearest(x[i] / scale) + zero, low), high)`, nearest to even, as a byte; NaN gives `low`:
  /// `(x, scale, zero, low, high, y, n)`.
  public var quantize:
    @convention(c) @Sendable (UnsafePointer<Float>, Float, Int32, Int32, Int32, UnsafeMutablePointer<UInt8>, Int) ->
      Void
  /// `y[i] = (x[i] - zero) * scale`, where bytes are signed or not: `(x, isSigned, zero, scale, y, n)`.
  public var dequantize:
    @convention(c) @Sendable (UnsafePointer<UInt8>, Bool, Float, Float, UnsafeMutablePointer<Float>, Int) -> Void

  public init(
    rows: Int, rowUnit: Int,
    packRows:
      @convention(c) @Sendable (UnsafePointer<UInt8>, Int, Int, Int, Int, UInt8, UnsafeMutablePointer<Int32>) -> Void,
    packColumns:
      @convention(c) @Sendable (UnsafePointer<UInt8>, Int, Int, Int, Int, UInt8, UnsafeMutablePointer<Int32>) -> Void,
    gatherWindows:
      @convention(c) @Sendable (
        UnsafePointer<UInt8>, UnsafePointer<UInt8>, UnsafePointer<Int>, Int, UnsafePointer<Int>, Int, Int, UInt8,
        UnsafeMutablePointer<UInt8>, UnsafeMutablePointer<Int32>
      ) -> Void,
    columnSums: @convention(c) @Sendable (UnsafePointer<Int32>, Int, UnsafeMutablePointer<Int32>) -> Void,
    gemm: @convention(c) @Sendable (UnsafeRawPointer) -> Void,
    quantize:
      @convention(c) @Sendable (UnsafePointer<Float>, Float, Int32, Int32, Int32, UnsafeMutablePointer<UInt8>, Int) ->
      Void,
    dequantize:
      @convention(c) @Sendable (UnsafePointer<UInt8>, Bool, Float, Float, UnsafeMutablePointer<Float>, Int) -> Void
  ) {
    self.rows = rows
    self.rowUnit = rowUnit
    self.packRows = packRows
    self.packColumns = packColumns
    self.gatherWindows = gatherWindows
    self.columnSums = columnSums
    self.gemm = gemm
    self.quantize = quantize
    self.dequantize = dequantize
  }
}
