/// A dense, row-major, n-dimensional array of elements of one `DType`.
///
/// A tensor is a value: a dtype, a shape, and a window onto storage that it may share with other tensors. Reshaping and
/// taking a leading slice share; nothing that is shared is ever written. There are no strides in the value: an operator
/// that reads across an axis computes strides from the shape (`Shape.strides`, `Shape.broadcastStrides(to:)`), so every
/// kernel may assume that elements are contiguous.
///
/// Element access hands out unsafe buffers under the names `unsafeElements(of:)` and `unsafeMutableElements(of:)`
/// (file `Tensor+UnsafeAccess.swift`); everything else is bounds-checked.
public struct Tensor: Sendable {
  /// The element kind.
  public let dtype: DType
  /// The extents.
  public let shape: Shape
  /// The bytes or strings.
  public var storage: TensorStorage
  /// Where this tensor begins: in bytes, or in elements for `string`.
  @usableFromInline let offset: Int

  @usableFromInline init(unchecked dtype: DType, _ shape: Shape, _ storage: TensorStorage, offset: Int) {
    self.dtype = dtype
    self.shape = shape
    self.storage = storage
    self.offset = offset
  }

  /// Where this tensor begins in its storage, in bytes; 0 for strings.
  public var byteOffset: Int { dtype == .string ? 0 : offset }

  /// The number of elements.
  @inlinable public var count: Int { shape.elementCount }

  /// Bytes that the elements take; for strings, their UTF-8 bytes.
  public var byteCount: Int {
    dtype == .string ? strings.reduce(0) { $0 + $1.utf8.count } : count * dtype.byteWidth
  }
}

extension Tensor {
  /// Says that the elements will hardly be read again: where they are of a mapped file, their pages leave memory. They stay
  /// valid. A copy that was made of weights then takes the place of the original instead of standing beside it.
  public func dropMappedPages() {
    if dtype != .string { dropMappedPages(0..<byteCount) }
  }

  /// The same of `range`, in bytes from the first element. Not for strings.
  public func dropMappedPages(_ range: Range<Int>) {
    storage.dropMappedPages(offset + range.lowerBound..<offset + range.upperBound)
  }
}

extension Tensor {
  /// A tensor over existing storage.
  ///
  /// - Throws: `TensorError` when the shape overflows or reaches beyond the storage.
  public init(dtype: DType, shape: Shape, storage: TensorStorage, offset: Int = 0) throws {
    guard let count = shape.checkedElementCount else {
      throw TensorError(.shapeOverflow, "shape \(shape) has a negative extent or too many elements")
    }
    if dtype == .string {
      guard offset >= 0, offset <= storage.strings.count, count <= storage.strings.count - offset else {
        throw TensorError(
          .byteCountMismatch, "a string tensor of shape \(shape) needs \(count) strings, \(storage.strings.count) came")
      }
    } else {
      let (bytes, overflow) = count.multipliedReportingOverflow(by: dtype.byteWidth)
      guard !overflow, offset >= 0, offset <= storage.byteCount, bytes <= storage.byteCount - offset else {
        throw TensorError(
          .byteCountMismatch,
          "a \(dtype) tensor of shape \(shape) needs \(overflow ? "too many" : "\(bytes)") bytes, "
            + "\(Swift.max(0, storage.byteCount - offset)) came")
      }
    }
    self.init(unchecked: dtype, shape, storage, offset: offset)
  }

  /// An uninitialised tensor with storage of its own. The caller has checked the shape (`checkedElementCount`).
  public init(uninitialized dtype: DType, _ shape: Shape) {
    let storage =
      dtype == .string
      ? TensorStorage(strings: [String](repeating: "", count: shape.elementCount))
      : TensorStorage(byteCount: shape.elementCount * dtype.byteWidth)
    self.init(unchecked: dtype, shape, storage, offset: 0)
  }

  /// An uninitialised tensor of numbers for what stays (`TensorStorage.init(lasting:)`). The caller has checked the shape.
  public init(lasting dtype: DType, _ shape: Shape) {
    self.init(unchecked: dtype, shape, TensorStorage(lasting: shape.elementCount * dtype.byteWidth), offset: 0)
  }

  /// A tensor of zeros, `false` or empty strings.
  public init(zeros dtype: DType, _ shape: Shape) {
    self.init(uninitialized: dtype, shape)
    if dtype != .string {
      storage.base.initializeMemory(as: UInt8.self, repeating: 0, count: count * dtype.byteWidth)
    }
  }

  /// A tensor that holds a copy of `elements`.
  ///
  /// - Throws: `TensorError.Code.elementCountMismatch` when their number is not the shape's.
  public init<T: TensorElement>(_ elements: [T], shape: Shape) throws {
    guard shape.checkedElementCount == elements.count else {
      throw TensorError(.elementCountMismatch, "shape \(shape) does not hold \(elements.count) elements")
    }
    self.init(uninitialized: T.dtype, shape)
    elements.withUnsafeBytes {
      if let from = $0.baseAddress { storage.base.copyMemory(from: from, byteCount: $0.count) }
    }
  }

  /// A one-dimensional tensor that holds a copy of `elements`.
  public init<T: TensorElement>(_ elements: [T]) {
    self.init(uninitialized: T.dtype, [elements.count])
    elements.withUnsafeBytes {
      if let from = $0.baseAddress { storage.base.copyMemory(from: from, byteCount: $0.count) }
    }
  }

  /// A scalar.
  public init<T: TensorElement>(scalar: T) {
    self.init(uninitialized: T.dtype, .scalar)
    storage.base.storeBytes(of: scalar, as: T.self)
  }

  /// A tensor of strings.
  ///
  /// - Throws: `TensorError.Code.elementCountMismatch` when their number is not the shape's.
  public init(strings: [String], shape: Shape) throws {
    guard shape.checkedElementCount == strings.count else {
      throw TensorError(.elementCountMismatch, "shape \(shape) does not hold \(strings.count) strings")
    }
    self.init(unchecked: .string, shape, TensorStorage(strings: strings), offset: 0)
  }
}

extension Tensor {
  /// The same elements under another shape; storage is shared.
  ///
  /// - Throws: `TensorError.Code.elementCountMismatch` when the element counts differ.
  public func reshaped(_ shape: Shape) throws -> Tensor {
    guard shape.checkedElementCount == count else {
      throw TensorError(.elementCountMismatch, "\(count) elements of shape \(self.shape) cannot take shape \(shape)")
    }
    return Tensor(unchecked: dtype, shape, storage, offset: offset)
  }

  /// Entries `range` of the outermost axis; storage is shared.
  ///
  /// - Throws: `TensorError.Code.outOfRange` for a scalar or a range outside the axis.
  public func rows(_ range: Range<Int>) throws -> Tensor {
    guard shape.rank > 0, range.lowerBound >= 0, range.upperBound <= shape[0] else {
      throw TensorError(.outOfRange, "rows \(range) of a tensor of shape \(shape)")
    }
    var dims = shape.dims
    dims[0] = range.count
    let row = shape.product(1..<shape.rank) * (dtype == .string ? 1 : dtype.byteWidth)
    return Tensor(unchecked: dtype, Shape(dims), storage, offset: offset + range.lowerBound * row)
  }

  /// The elements of a string tensor; empty for other dtypes.
  public var strings: ArraySlice<String> {
    dtype == .string ? storage.strings[offset..<(offset + count)] : []
  }

  /// The elements as an array, or nil when `T` is not the element type.
  public func array<T: TensorElement>(of type: T.Type) -> [T]? {
    T.dtype == dtype ? withExtendedLifetime(storage) { Array(unsafeElements(of: type)) } : nil
  }
}
