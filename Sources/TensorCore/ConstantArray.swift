/// An array that is never changed, and whose elements may lie in a file that processes share (`settled`).
public struct ConstantArray<Element: BitwiseCopyable & Sendable>: Sendable {
  @usableFromInline let bytes: Tensor
  public let count: Int

  /// A copy of `elements`.
  public init(_ elements: [Element]) {
    count = elements.count
    bytes = Tensor(lasting: .uint8, [elements.count * MemoryLayout<Element>.stride])
    elements.withUnsafeBytes {
      bytes.storage.base.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(bytes.storage.base), byteCount: $0.count)
    }
  }

  private init(_ bytes: Tensor, count: Int) {
    self.bytes = bytes
    self.count = count
  }

  @inlinable public var isEmpty: Bool { count == 0 }
  @inlinable public var indices: Range<Int> { 0..<count }

  /// The element at `index`, which must be in range.
  @inlinable public subscript(index: Int) -> Element {
    precondition(index >= 0 && index < count, "index out of range")
    return withUnsafeBufferPointer { $0[index] }
  }

  /// Calls `body` with the elements, which stay where they are for the call. There is an address even where there are none.
  @inlinable public func withUnsafeBufferPointer<R>(_ body: (UnsafeBufferPointer<Element>) throws -> R) rethrows -> R {
    try withExtendedLifetime(bytes) {
      try body(
        UnsafeBufferPointer(
          start: UnsafeRawPointer(bytes.storage.base + bytes.offset).assumingMemoryBound(to: Element.self), count: count
        ))
    }
  }

  /// The array as `constants` keep it under `name`.
  public func settled(in constants: Constants, as name: String) -> ConstantArray {
    ConstantArray(bytes.settled(in: constants, as: name), count: count)
  }
}

extension HeldMemory {
  public mutating func add<T>(_ array: ConstantArray<T>) { add(array.bytes) }
}
