#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A file mapped read-only into memory, unmapped when the last holder lets go.
///
/// Invariant that makes it `Sendable`: the mapping is never written and lives as long as the object.
public final class MappedFile: @unchecked Sendable {
  /// The path that was opened.
  public let path: String
  /// The file's bytes. Valid while some holder keeps this object alive, which the holder must see to
  /// (`withExtendedLifetime`, a stored property): reading them does not.
  public let bytes: UnsafeRawBufferPointer
  /// Where the file lies, its size, and when its bytes and its entry were last changed: another text for any other contents,
  /// but for a file that is changed twice within a moment.
  public let identity: String
  /// When the file's bytes or its entry were last changed, in seconds since 1970.
  public let changedSeconds: Int
  /// The file belonged to this process's user or to root when it was opened, and nobody else could write it.
  public let isTrustworthy: Bool

  /// Why a file could not be mapped.
  public struct Failure: Error, Sendable, CustomStringConvertible {
    public let path: String
    public let errno: Int32

    public init(path: String, errno: Int32) {
      self.path = path
      self.errno = errno
    }

    public var description: String { "\(path): \(String(cString: strerror(errno)))" }
  }

  /// Maps the file at `path`.
  ///
  /// - Throws: `Failure` when it cannot be opened, is not a regular file, or cannot be mapped.
  public init(path: String) throws {
    self.path = path
    // Without O_NONBLOCK the opening of a pipe waits for its writer.
    let fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard fd >= 0 else { throw Failure(path: path, errno: errno) }
    defer { close(fd) }
    var info = stat()
    guard fstat(fd, &info) == 0 else { throw Failure(path: path, errno: errno) }
    guard info.st_mode & S_IFMT == S_IFREG else {
      throw Failure(path: path, errno: info.st_mode & S_IFMT == S_IFDIR ? EISDIR : EINVAL)
    }
    #if canImport(Darwin)
    let times = (bytes: info.st_mtimespec, entry: info.st_ctimespec)
    #else
    let times = (bytes: info.st_mtim, entry: info.st_ctim)
    #endif
    identity =
      "\(info.st_dev) \(info.st_ino) \(info.st_size) \(times.bytes.tv_sec).\(times.bytes.tv_nsec) "
      + "\(times.entry.tv_sec).\(times.entry.tv_nsec)"
    changedSeconds = Swift.max(Int(times.bytes.tv_sec), Int(times.entry.tv_sec))
    isTrustworthy = (info.st_uid == geteuid() || info.st_uid == 0) && info.st_mode & (S_IWGRP | S_IWOTH) == 0
    let size = Int(info.st_size)
    if size == 0 {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    guard let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, fd, 0), address != MAP_FAILED else {
      throw Failure(path: path, errno: errno)
    }
    bytes = UnsafeRawBufferPointer(start: address, count: size)
  }

  /// What the system maps where one byte is read: up to a huge page, on a boundary of such in the file.
  private static let reach = 2 << 20

  /// Lets the system take back the pages that reading `part` of the file's bytes has brought into memory, and those around
  /// them that came along. They stay valid, and are read from the file again when somebody needs them after all: a mapping is
  /// never written, so a page read again is the same page.
  public func dropPages(_ part: UnsafeRawBufferPointer) {
    guard let first = part.baseAddress, let base = bytes.baseAddress, first >= base,
      first + part.count <= base + bytes.count
    else { return }
    let start = (first - base) / MappedFile.reach * MappedFile.reach
    let end = min(bytes.count, (first - base + part.count + MappedFile.reach - 1) / MappedFile.reach * MappedFile.reach)
    if start < end { madvise(UnsafeMutableRawPointer(mutating: base + start), end - start, MADV_DONTNEED) }
  }

  /// `dropPages` for the whole file.
  public func dropPages() { dropPages(bytes) }

  /// A copy of the whole file.
  public func contents() -> [UInt8] { withExtendedLifetime(self) { Array(bytes) } }

  deinit {
    if let base = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: base), bytes.count) }
  }
}
