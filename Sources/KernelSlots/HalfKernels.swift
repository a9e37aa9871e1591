/// Between `float32` and the floating-point kinds of 16 bits, which are given as bits. Rounded once, to nearest, ties to even.
public struct HalfKernels: Sendable {
  /// `(x, y, n)`.
  public typealias Narrow = @convention(c) @Sendable (UnsafePointer<Float>, UnsafeMutablePointer<UInt16>, Int) -> Void
  /// `(x, y, n)`.
  public typealias Widen = @convention(c) @Sendable (UnsafePointer<UInt16>, UnsafeMutablePointer<Float>, Int) -> Void

  /// To IEEE 754 binary16, and from it; nil where the instruction set has no conversion of vectors.
  public var toFloat16: Narrow?
  public var fromFloat16: Widen?
  /// To bfloat16, and from it.
  public var toBFloat16: Narrow
  public var fromBFloat16: Widen

  public init(toFloat16: Narrow?, fromFloat16: Widen?, toBFloat16: Narrow, fromBFloat16: Widen) {
    self.toFloat16 = toFloat16
    self.fromFloat16 = fromFloat16
    self.toBFloat16 = toBFloat16
    self.fromBFloat16 = fromBFloat16
  }
}
