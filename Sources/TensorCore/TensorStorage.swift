#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The bytes (or strings) behind one or several tensors: owned, borrowed from an owner kept alive, or memory-mapped.
///
/// Invariant that makes it `Sendable`: after the tensor that was allocated with it has been filled by its creator, the
/// contents change only through a holder that has proved to be the only one (`isKnownUniquelyReferenced`).
public final class TensorStorage: @unchecked Sendable {
  /// The first byte; 64-byte aligned where this class allocated it.
  public let base: UnsafeMutableRawPointer
  /// Bytes from `base` that may be used.
  public let byteCount: Int
  /// The elements of a string tensor; empty otherwise.
  public internal(set) var strings: [String]
  /// False for borrowed and mapped bytes: those are never written.
  public let isWritable: Bool
  private let owner: AnyObject?
  private let release: (@Sendable (UnsafeMutableRawPointer) -> Void)?

  /// Bytes of every allocation's alignment: a cache line and the widest vector register.
  public static let alignment = 64

  /// Allocates `byteCount` uninitialised bytes.
  public init(byteCount: Int) {
    self.byteCount = byteCount
    base = UnsafeMutableRawPointer.allocate(
      byteCount: Swift.max(byteCount, 1), alignment: TensorStorage.alignment)
    strings = []
    isWritable = true
    owner = nil
    release = { $0.deallocate() }
  }

  /// Allocates `byteCount` uninitialised bytes, or gives nil where the system has none left.
  public init?(allocating byteCount: Int) {
    var address: UnsafeMutableRawPointer?
    guard posix_memalign(&address, TensorStorage.alignment, Swift.max(byteCount, 1)) == 0, let address else {
      return nil
    }
    self.byteCount = byteCount
    base = address
    strings = []
    isWritable = true
    owner = nil
    release = { free($0) }
  }

  /// Holds the elements of a string tensor.
  public init(strings: [String]) {
    byteCount = 0
    base = UnsafeMutableRawPointer(bitPattern: TensorStorage.alignment)!
    self.strings = strings
    isWritable = true
    owner = nil
    release = nil
  }

  /// Borrows read-only bytes that stay valid as long as `owner` lives.
  public init(borrowing bytes: UnsafeRawBufferPointer, owner: AnyObject) {
    byteCount = bytes.count
    base =
      bytes.baseAddress.map { UnsafeMutableRawPointer(mutating: $0) }
      ?? UnsafeMutableRawPointer(bitPattern: TensorStorage.alignment)!
    strings = []
    isWritable = false
    self.owner = owner
    release = nil
  }

  /// `MappedFile.dropPages`, where the bytes are of a mapped file. Bytes of other storage stay as they are.
  func dropMappedPages(_ range: Range<Int>) {
    guard let file = owner as? MappedFile, range.lowerBound >= 0, range.upperBound <= byteCount else { return }
    file.dropPages(UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count))
  }

  deinit { release?(base) }
}
