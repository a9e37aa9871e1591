import Synchronization

/// Bytes that are made when somebody first reads them, and never where nobody does.
///
/// What a file holds at an address that no typed pointer may have is such: it is copied for its first reader, unless all
/// that is wanted of it is found in a better place before (`Constants`).
///
/// Invariant that makes it `Sendable`: the memory is filled once, under the lock, before its address is handed out, and not
/// changed after.
public final class LateBytes: @unchecked Sendable {
  /// Bytes in all.
  public let byteCount: Int
  private let source: Source
  private let made = Mutex<Made>(Made())

  private enum Source {
    case copy(of: UnsafeRawBufferPointer, in: MappedFile)
    /// Nobody is meant to read these: zeros, and a word to who made the promise.
    case none(wasRead: @Sendable () -> Void)
  }

  private struct Made: Sendable {
    var storage: TensorStorage?
  }

  /// A copy of `bytes`, which lie in `file`.
  public init(copyOf bytes: UnsafeRawBufferPointer, in file: MappedFile) {
    byteCount = bytes.count
    source = .copy(of: bytes, in: file)
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
      switch source {
      case .copy(let bytes, let file): LateBytes.copy(bytes, file, to: storage.base)
      case .none(let wasRead):
        storage.base.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        wasRead()
      }
      made.storage = storage
      return storage.base
    }
  }

  /// Copies part by part, so that the file's pages leave memory as the copy's come.
  private static func copy(_ bytes: UnsafeRawBufferPointer, _ file: MappedFile, to address: UnsafeMutableRawPointer) {
    let part = 1 << 22
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

  /// True when the bytes are a copy that was not made yet.
  var isPendingCopy: Bool {
    guard case .copy = source else { return false }
    return made.withLock { $0.storage == nil }
  }

  /// Calls `body` with a copy of `range` of the bytes that lives as long as the call, where none was made to stay; else with
  /// the bytes themselves.
  func withTransientBytes<R>(_ range: Range<Int>, _ body: (UnsafeMutableRawPointer) throws -> R) rethrows -> R {
    guard isPendingCopy, case .copy(let bytes, let file) = source else { return try body(address + range.lowerBound) }
    let copy = TensorStorage(lasting: range.count)
    LateBytes.copy(UnsafeRawBufferPointer(rebasing: bytes[range]), file, to: copy.base)
    return try withExtendedLifetime(copy) { try body(copy.base) }
  }

  func dropMappedPages(_ range: Range<Int>) {
    if case .copy(let bytes, let file) = source { file.dropPages(UnsafeRawBufferPointer(rebasing: bytes[range])) }
  }
}
