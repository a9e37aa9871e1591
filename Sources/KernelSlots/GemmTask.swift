/// A matrix product, or a part of one, as the `gemm` kernels read it:
/// `C = activation(alpha * A B + rowBias + columnBias + residual)`, or with `accumulate` the same with C's old contents
/// added to `A B` before `alpha`.
///
/// The pointers must stay valid for the call and cover the extents named here. `c` may not overlap any input.
public struct GemmTask {
  /// What is applied to each element last.
  public enum Activation: UInt8, Sendable, Hashable {
    case none, relu, gelu, geluTanh, sigmoid, tanh, silu
    /// `min(max(x, p), q)`.
    case clip
    /// `x < 0 ? p*x : x`.
    case leakyRelu
  }

  /// Extents of the whole product.
  public var m: Int
  public var n: Int
  public var k: Int
  /// A: element (i, j) at `a[i*aRowStride + j*aColumnStride]`; or packed by `packA` when `aIsPacked`.
  public var a: UnsafePointer<Float>
  public var aRowStride: Int
  public var aColumnStride: Int
  public var aIsPacked = false
  /// B packed by `packB`; or, when `bRowStride` > 0, row-major with that stride.
  public var b: UnsafePointer<Float>
  public var bRowStride = 0
  /// C, row-major.
  public var c: UnsafeMutablePointer<Float>
  public var cRowStride: Int
  public var accumulate = false
  public var alpha: Float = 1
  /// `n` elements added to every row.
  public var columnBias: UnsafePointer<Float>?
  /// `m` elements added to every column.
  public var rowBias: UnsafePointer<Float>?
  /// A matrix of C's extents that is added.
  public var residual: UnsafePointer<Float>?
  public var residualRowStride = 0
  /// `Activation.rawValue`.
  public var activation: UInt8 = 0
  public var p: Float = 0
  public var q: Float = 0
  /// Room for packed A and edge tiles: `GemmTask.scratchCount` elements, 64-byte aligned.
  public var scratch: UnsafeMutablePointer<Float>
  /// The column panels to compute (in panels of `gemmColumns`), and the row panels (of the balanced division of `m`).
  public var columnPanelStart: Int
  public var columnPanelEnd: Int
  public var rowPanelStart: Int
  public var rowPanelEnd: Int

  /// The longest stretch of `k` that is computed at once.
  @inlinable public static var kBlock: Int { 384 }
  /// Rows of A that are packed at once.
  @inlinable public static var mBlock: Int { 168 }
  /// Columns of the widest tile of any instruction set.
  @inlinable public static var maxColumns: Int { 32 }
  /// Elements of `scratch`.
  @inlinable public static var scratchCount: Int { (mBlock + 16) * kBlock + kBlock * maxColumns + 16 * maxColumns }

  public init(
    m: Int, n: Int, k: Int, a: UnsafePointer<Float>, aRowStride: Int, aColumnStride: Int = 1, b: UnsafePointer<Float>,
    c: UnsafeMutablePointer<Float>, cRowStride: Int, scratch: UnsafeMutablePointer<Float>, columnPanels: Range<Int>,
    rowPanels: Range<Int>
  ) {
    self.m = m
    self.n = n
    self.k = k
    self.a = a
    self.aRowStride = aRowStride
    self.aColumnStride = aColumnStride
    self.b = b
    self.c = c
    self.cRowStride = cRowStride
    self.scratch = scratch
    columnPanelStart = columnPanels.lowerBound
    columnPanelEnd = columnPanels.upperBound
    rowPanelStart = rowPanels.lowerBound
    rowPanelEnd = rowPanels.upperBound
  }
}
