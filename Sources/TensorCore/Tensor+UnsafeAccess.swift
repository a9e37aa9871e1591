extension Tensor {
  /// The elements, without a copy.
  ///
  /// The buffer is valid while some tensor (or other holder) keeps `storage` alive: inside an operator's `evaluate` the
  /// executor does so for inputs. `T` must be the element type, or a type of the same width read for its bits.
  @inlinable public func unsafeElements<T: BitwiseCopyable>(of type: T.Type) -> UnsafeBufferPointer<T> {
    assert(MemoryLayout<T>.stride == dtype.byteWidth, "\(T.self) is not an element type of \(dtype)")
    return UnsafeBufferPointer(
      start: UnsafeRawPointer(storage.base + offset).assumingMemoryBound(to: T.self), count: count)
  }

  /// The elements for writing. Only for a tensor just allocated, or proved to be the storage's only holder.
  @inlinable public func unsafeMutableElements<T: BitwiseCopyable>(of type: T.Type) -> UnsafeMutableBufferPointer<T> {
    assert(MemoryLayout<T>.stride == dtype.byteWidth, "\(T.self) is not an element type of \(dtype)")
    assert(storage.isWritable, "borrowed storage is read-only")
    return UnsafeMutableBufferPointer(
      start: (storage.base + offset).assumingMemoryBound(to: T.self), count: count)
  }

  /// The bytes of the elements, without a copy; empty for strings. Same lifetime rule as `unsafeElements(of:)`.
  @inlinable public var unsafeBytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: UnsafeRawPointer(storage.base + offset), count: count * dtype.byteWidth)
  }

  /// The bytes of the elements for writing. Same rule as `unsafeMutableElements(of:)`.
  @inlinable public var unsafeMutableBytes: UnsafeMutableRawBufferPointer {
    assert(storage.isWritable, "borrowed storage is read-only")
    return UnsafeMutableRawBufferPointer(start: storage.base + offset, count: count * dtype.byteWidth)
  }

  /// Replaces the elements of a string tensor that was just allocated.
  public func unsafeSetStrings(_ strings: [String]) {
    assert(dtype == .string && strings.count == count)
    storage.strings = strings
  }

  /// True when no other tensor holds the storage and it may be written.
  @inlinable public mutating func isUniquelyHeld() -> Bool {
    storage.isWritable && isKnownUniquelyReferenced(&storage)
  }
}

extension Tensor {
  /// A tensor at the start of `storage`, which the caller has made large enough.
  public init(reusing storage: TensorStorage, _ dtype: DType, _ shape: Shape) {
    assert(shape.elementCount * dtype.byteWidth <= storage.byteCount)
    self.init(unchecked: dtype, shape, storage, offset: 0)
  }

  /// The bytes of `tensor` under a dtype of the same width and a shape of the same count.
  public init(retyping tensor: Tensor, _ dtype: DType, _ shape: Shape) {
    assert(shape.elementCount == tensor.count && dtype.byteWidth == tensor.dtype.byteWidth)
    self.init(unchecked: dtype, shape, tensor.storage, offset: tensor.offset)
  }
}
