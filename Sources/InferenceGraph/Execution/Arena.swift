public import TensorCore

/// Buffers of one run, kept for the next: after the first run of a shape no memory is asked of the system.
///
/// Not thread-safe: a run owns its arena.
public final class Arena {
  private var free: [Int: [TensorStorage]] = [:]
  /// Bytes kept now.
  public private(set) var heldBytes = 0
  /// Bytes kept between runs at most; what is above is given back.
  public let maxHeldBytes: Int

  /// Buffers are exact and lasting, and none is kept for reuse: for results that become constants.
  private let isForConstants: Bool

  public init(maxHeldBytes: Int = 1 << 30) {
    self.maxHeldBytes = maxHeldBytes
    isForConstants = false
  }

  private init(isForConstants: Bool) {
    maxHeldBytes = 0
    self.isForConstants = isForConstants
  }

  /// An arena for evaluations whose results become constants.
  static var forConstants: Arena { Arena(isForConstants: true) }

  /// Sizes are rounded to a power of two or one and a half, so that close sizes share buffers.
  private static func sizeClass(_ bytes: Int) -> Int {
    if bytes <= 256 { return 256 }
    let top = 1 << (Int.bitWidth - 1 - (bytes - 1).leadingZeroBitCount)
    if bytes <= top { return top }
    return bytes <= top + top / 2 ? top + top / 2 : top * 2
  }

  /// An uninitialised tensor, or nil when the system gives no memory. The caller has checked the shape.
  public func allocate(_ dtype: DType, _ shape: Shape) -> Tensor? {
    if dtype == .string { return Tensor(uninitialized: .string, shape) }
    if isForConstants { return Tensor(lasting: dtype, shape) }
    let size = Arena.sizeClass(shape.elementCount * dtype.byteWidth)
    if let storage = free[size]?.popLast() {
      heldBytes -= size
      return Tensor(reusing: storage, dtype, shape)
    }
    return TensorStorage(allocating: size).map { Tensor(reusing: $0, dtype, shape) }
  }

  /// Takes a value that its run needs no more; keeps its buffer when nobody else holds it.
  public func recycle(_ value: consuming Value) {
    guard case .tensor(var tensor) = consume value else { return }
    guard tensor.dtype != .string, tensor.isUniquelyHeld() else { return }
    let storage = tensor.storage
    let size = Arena.sizeClass(storage.byteCount)
    guard size == storage.byteCount, heldBytes + size <= maxHeldBytes else { return }
    heldBytes += size
    free[size, default: []].append(storage)
  }
}
