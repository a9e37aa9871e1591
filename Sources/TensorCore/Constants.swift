/// Keeps constants that are made while a model is prepared (packed weights, folded constants) by name, so that a later
/// preparation of the same model finds them made.
///
/// A preparation of one model by one build asks for the same names in the same order each time; a name is asked for once.
public protocol ConstantStore: AnyObject {
  /// The tensor that was kept as `name` by an earlier preparation, or nil.
  func find(_ name: String) -> Tensor?
  /// Takes a tensor that this preparation has made as `name`.
  func keep(_ tensor: Tensor, as name: String)
}

/// Where one part of a preparation finds and keeps its constants: a store, and the path that its names begin with.
public struct Constants {
  /// nil: every constant is made anew and held in memory.
  private let store: (any ConstantStore)?
  private let path: String

  /// Constants smaller than this many bytes are made anew each time.
  public static let minBytes = 4096

  public init(_ store: any ConstantStore) {
    self.store = store
    path = ""
  }

  private init(store: (any ConstantStore)?, path: String) {
    self.store = store
    self.path = path
  }

  /// No store.
  public static var inMemory: Constants { Constants(store: nil, path: "") }

  /// True when there is a store.
  public var areKept: Bool { store != nil }

  /// A part of this part.
  public func part(_ name: @autoclosure () -> String) -> Constants {
    store == nil ? self : Constants(store: store, path: "\(path)\(name())/")
  }

  /// The tensor kept as `name`, or nil.
  public func find(_ name: String) -> Tensor? { store?.find(path + name) }

  /// Keeps a tensor as `name` where it has memory of its own; a view of a file costs nothing to make again.
  public func keep(_ tensor: Tensor, as name: String) {
    if let store, tensor.dtype != .string, tensor.storage.isWritable { store.keep(tensor, as: path + name) }
  }

  /// The tensor kept as `name`, made now where there is none of that type and shape.
  public func tensor(
    _ name: String, _ dtype: DType, _ shape: Shape, make: () throws -> Tensor
  ) rethrows -> Tensor {
    guard store != nil, dtype != .string, shape.elementCount * dtype.byteWidth >= Constants.minBytes else {
      return try make()
    }
    if let found = find(name), found.dtype == dtype, found.shape == shape { return found }
    let made = try make()
    keep(made, as: name)
    return made
  }
}

extension Tensor {
  /// The tensor as a run should read it: kept under `name` where it is large and has memory of its own, and with its bytes
  /// made where they were late.
  public func settled(in constants: Constants, as name: String) -> Tensor {
    guard dtype != .string, storage.isWritable || storage.isLate else { return self }
    guard constants.areKept, byteCount >= Constants.minBytes else { return resident }
    return constants.tensor(name, dtype, shape) {
      if !storage.isLate { return self }
      let copy = Tensor(lasting: dtype, shape)
      withTransientBytes { copy.storage.base.copyMemory(from: $0, byteCount: byteCount) }
      return copy
    }
  }

  /// The tensor with late bytes made, so that a run finds them without a lock.
  public var resident: Tensor {
    storage.isLate ? Tensor(unchecked: dtype, shape, storage.resident, offset: offset) : self
  }

  /// Calls `body` with the first byte. A copy that has to be made for the call is given back after it.
  public func withTransientBytes<R>(_ body: (UnsafeMutableRawPointer) throws -> R) rethrows -> R {
    guard dtype != .string else { return try withExtendedLifetime(storage) { try body(storage.base) } }
    return try withTransientBytes(0..<byteCount, body)
  }

  /// Calls `body` with the first byte of `range`, in bytes from the first element. A copy that has to be made for the call is
  /// given back after it. Not for strings.
  public func withTransientBytes<R>(
    _ range: Range<Int>, _ body: (UnsafeMutableRawPointer) throws -> R
  ) rethrows -> R {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount)
    guard let late = storage.late else {
      return try withExtendedLifetime(storage) { try body(storage.base + offset + range.lowerBound) }
    }
    return try late.withTransientBytes(offset + range.lowerBound..<offset + range.upperBound, body)
  }
}

extension TensorStorage {
  var late: LateBytes? { fixed == nil ? owner as? LateBytes : nil }
  var isLate: Bool { fixed == nil }

  /// The same bytes at an address that is known.
  var resident: TensorStorage {
    TensorStorage(borrowing: UnsafeRawBufferPointer(start: base, count: byteCount), owner: self)
  }
}

extension Value {
  /// `Tensor.settled`, for tensors; other values as they are.
  public func settled(in constants: Constants, as name: String) -> Value {
    if case .tensor(let tensor) = self { .tensor(tensor.settled(in: constants, as: name)) } else { self }
  }
}
