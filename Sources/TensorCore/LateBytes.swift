import Synchronization

/// Bytes that are made when somebody first reads them, and never where nobody does.
///
/// What a file holds at an address that no typed pointer may have is such: it is copied for its first reader, unless all
/// that is wanted of it is found in a better place before (`Constants`). What is computed of weights only to be packed after
/// is another: it never stands beside the packed form whole.
///
/// Invariant that makes it `Sendable`: the memory is filled once, under the lock, before its address is handed out, and not
/// changed after. The memory of a part belongs to one reader at a time, who takes it under the lock.
public final class LateBytes: @unchecked Sendable {
  /// Bytes in all.
  public let byteCount: Int
  private let source: Source
  private let made = Mutex<Made>(Made())

  private enum Source {
    case copy(of: UnsafeRawBufferPointer, in: MappedFile)
    case computed(@Sendable (Range<Int>, UnsafeMutableRawPointer) -> Void)
    /// Nobody is meant to read these: zeros, and a word to who made the promise.
    case none(wasRead: @Sendable () -> Void)
  }

  private struct Made: Sendable {
    var storage: TensorStorage?
    /// What a walk through parts of the bytes writes them to: nil while one is being read, and before and after the walk.
    var part: TensorStorage?
  }

  /// A copy of `bytes`, which lie in `file`.
  public init(copyOf bytes: UnsafeRawBufferPointer, in file: MappedFile) {
    byteCount = bytes.count
    source = .copy(of: bytes, in: file)
  }

  /// Bytes that `compute` writes, of any range, to an address.
  public init(_ byteCount: Int, compute: @escaping @Sendable (Range<Int>, UnsafeMutableRawPointer) -> Void) {
    self.byteCount = byteCount
    source = .computed(compute)
  }

  /// Bytes of which nothing is known and that nobody should read: `wasRead` is called when somebody does, who gets zeros.
  public init(unknown byteCount: Int, wasRead: @escaping @Sendable () -> Void) {
    self.byteCount = byteCount
    source = .none(wasRead: wasRead)
  }

  /// The bytes, made now if they were not before.
  var address: UnsafeMutableRawPointer {
    made.withLock { made in
      if let storage = made.storage { return storage.base }
      let storage = TensorStorage(lasting: byteCount)
      make(0..<byteCount, storage.base)
      made.storage = storage
      return storage.base
    }
  }

  private func make(_ range: Range<Int>, _ address: UnsafeMutableRawPointer) {
    switch source {
    case .copy(let bytes, let file) where range.count < min(bytes.count, LateBytes.part):
      // A part of a walk through all of it, which lets go of the pages when it has come far enough.
      withExtendedLifetime(file) {
        UnsafeMutableRawBufferPointer(start: address, count: range.count).copyMemory(
          from: UnsafeRawBufferPointer(rebasing: bytes[range]))
      }
    case .copy(let bytes, let file):
      LateBytes.copy(UnsafeRawBufferPointer(rebasing: bytes[range]), file, to: address)
    case .computed(let compute): compute(range, address)
    case .none(let wasRead):
      address.initializeMemory(as: UInt8.self, repeating: 0, count: range.count)
      wasRead()
    }
  }

  private static let part = 1 << 22

  /// Copies part by part, so that the file's pages leave memory as the copy's come.
  private static func copy(_ bytes: UnsafeRawBufferPointer, _ file: MappedFile, to address: UnsafeMutableRawPointer) {
    withExtendedLifetime(file) {
      for start in stride(from: 0, to: bytes.count, by: part) {
        let end = Swift.min(bytes.count, start + part)
        let from = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
        UnsafeMutableRawBufferPointer(start: address + start, count: from.count).copyMemory(from: from)
        file.dropPages(from)
      }
    }
  }

  /// True for bytes that nobody should read.
  var isUnknown: Bool { if case .none = source { true } else { false } }

  /// Bytes of memory that this takes now.
  var residentBytes: Int { made.withLock { $0.storage == nil ? 0 : byteCount } }

  /// Calls `body` with `range` of the bytes, made for the call alone where they were not made to stay.
  func withTransientBytes<R>(_ range: Range<Int>, _ body: (UnsafeMutableRawPointer) throws -> R) rethrows -> R {
    let (isMade, part) = made.withLock { made in
      defer { made.part = nil }
      return (made.storage != nil, made.part)
    }
    guard !isUnknown, !isMade else { return try body(address + range.lowerBound) }
    // One part's memory serves the next one: it is in the cache, and pages that come and go are cleared each time.
    let copy = part.flatMap { $0.byteCount >= range.count ? $0 : nil } ?? TensorStorage(lasting: range.count)
    make(range, copy.base)
    defer { if range.upperBound < byteCount { made.withLock { $0.part = copy } } }
    return try withExtendedLifetime(copy) { try body(copy.base) }
  }

  func dropMappedPages(_ range: Range<Int>) {
    if case .copy(let bytes, let file) = source { file.dropPages(UnsafeRawBufferPointer(rebasing: bytes[range])) }
  }
}
