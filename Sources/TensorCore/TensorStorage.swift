#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The bytes (or strings) behind one or several tensors: owned, borrowed from an owner kept alive, memory-mapped, or made
/// when they are first read (`LateBytes`).
///
/// Invariant that makes it `Sendable`: after the tensor that was allocated with it has been filled by its creator, the
/// contents change only through a holder that has proved to be the only one (`isKnownUniquelyReferenced`).
public final class TensorStorage: @unchecked Sendable {
  /// The first byte; 64-byte aligned where this class allocated it. The first reader of late bytes waits for them here.
  @inlinable public var base: UnsafeMutableRawPointer { fixed ?? lateBase() }
  /// The first byte, where it was known from the beginning; nil for late bytes.
  @usableFromInline let fixed: UnsafeMutableRawPointer?
  /// Bytes from `base` that may be used.
  public let byteCount: Int
  /// The elements of a string tensor; empty otherwise.
  public internal(set) var strings: [String]
  /// False for borrowed, mapped and late bytes: those are never written.
  public let isWritable: Bool
  /// Who keeps borrowed bytes alive, or makes late ones.
  let owner: AnyObject?
  private let release: (@Sendable (UnsafeMutableRawPointer) -> Void)?

  /// Bytes of every allocation's alignment: a cache line and the widest vector register.
  public static let alignment = 64

  /// Allocates `byteCount` uninitialised bytes.
  public init(byteCount: Int) {
    self.byteCount = byteCount
    fixed = UnsafeMutableRawPointer.allocate(
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
    fixed = address
    strings = []
    isWritable = true
    owner = nil
    release = { free($0) }
  }

  /// Allocates `byteCount` uninitialised bytes for what stays: from 256 kB on whole pages of the system's own, so that nothing
  /// that comes and goes beside them keeps memory from going back.
  public init(lasting byteCount: Int) {
    self.byteCount = byteCount
    strings = []
    isWritable = true
    owner = nil
    if byteCount >= 1 << 18,
      let pages = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), pages != MAP_FAILED
    {
      #if os(Linux)
      // One fault and one entry of the processor's page tables for 2 MB instead of 512.
      if byteCount >= 4 << 20 { madvise(pages, byteCount, MADV_HUGEPAGE) }
      #endif
      fixed = pages
      release = { munmap($0, byteCount) }
    } else {
      fixed = UnsafeMutableRawPointer.allocate(
        byteCount: Swift.max(byteCount, 1), alignment: TensorStorage.alignment)
      release = { $0.deallocate() }
    }
  }

  /// Holds the elements of a string tensor.
  public init(strings: [String]) {
    byteCount = 0
    fixed = TensorStorage.nowhere
    self.strings = strings
    isWritable = true
    owner = nil
    release = nil
  }

  /// Borrows read-only bytes that stay valid as long as `owner` lives.
  public init(borrowing bytes: UnsafeRawBufferPointer, owner: AnyObject) {
    byteCount = bytes.count
    fixed = bytes.baseAddress.map { UnsafeMutableRawPointer(mutating: $0) } ?? TensorStorage.nowhere
    strings = []
    isWritable = false
    self.owner = owner
    release = nil
  }

  /// Bytes that `late` makes when they are first read.
  public init(_ late: LateBytes) {
    byteCount = late.byteCount
    fixed = nil
    strings = []
    isWritable = false
    owner = late
    release = nil
  }

  /// The address of an empty buffer: aligned, and never read.
  private static var nowhere: UnsafeMutableRawPointer { UnsafeMutableRawPointer(bitPattern: alignment)! }

  @usableFromInline func lateBase() -> UnsafeMutableRawPointer {
    (owner as? LateBytes)?.address ?? TensorStorage.nowhere
  }

  /// `MappedFile.dropPages`, where the bytes are of a mapped file. Bytes of other storage stay as they are.
  func dropMappedPages(_ range: Range<Int>) {
    guard range.lowerBound >= 0, range.upperBound <= byteCount else { return }
    if let late = owner as? LateBytes {
      late.dropMappedPages(range)
    } else if let file = owner as? MappedFile, let fixed {
      file.dropPages(UnsafeRawBufferPointer(start: fixed + range.lowerBound, count: range.count))
    }
  }

  deinit { if let fixed { release?(fixed) } }
}
