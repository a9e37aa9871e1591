import ArtifactStores
import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The file that a download is written to, from several threads at different places. It blocks its thread.
final class DestinationFile: Sendable {
  let path: String
  private let fd: Int32

  /// Opens or makes the file at `path`.
  init(_ path: String) throws(StoreError) {
    self.path = path
    let fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o644)
    guard fd >= 0 else { throw DestinationFile.fault("open", path, errno) }
    self.fd = fd
    var status = stat()
    guard fstat(fd, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw StoreError(.io, "\(path) is no regular file")
    }
  }

  deinit { close(fd) }

  /// Bytes that the file has now.
  func size() throws(StoreError) -> Int {
    var status = stat()
    guard fstat(fd, &status) == 0 else { throw DestinationFile.fault("read", path, errno) }
    return Int(status.st_size)
  }

  /// Empties the file and makes it `size` bytes long. A disk without room for them is found out at once.
  func prepare(size: Int) throws(StoreError) {
    guard ftruncate(fd, 0) == 0 else { throw DestinationFile.fault("write", path, errno) }
    var disk = statvfs()
    if fstatvfs(fd, &disk) == 0 {
      let (free, isOver) = UInt64(disk.f_bavail).multipliedReportingOverflow(by: UInt64(disk.f_frsize))
      guard isOver || free >= UInt64(size) else {
        throw StoreError(.diskFull, "cannot write \(path): \(size) bytes are needed, and the disk has \(free) left")
      }
    }
    guard ftruncate(fd, off_t(size)) == 0 else { throw DestinationFile.fault("write", path, errno) }
  }

  /// Writes buffers one after another from `offset` on.
  func write(_ buffers: [ByteBuffer], at offset: Int) throws(StoreError) {
    var place = offset
    var code: Int32 = 0
    for buffer in buffers {
      buffer.withUnsafeReadableBytes { bytes in
        var rest = bytes[...]
        while !rest.isEmpty {
          let n = pwrite(fd, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count, off_t(place))
          if n < 0 {
            if errno == EINTR { continue }
            code = errno
            return
          }
          rest = rest.dropFirst(n)
          place += n
        }
      }
      guard code == 0 else { throw DestinationFile.fault("write", path, code) }
    }
  }

  /// Feeds the bytes of `range` to a checksum.
  func feed(_ hasher: inout ContentHasher, _ range: Range<Int>) throws(StoreError) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)
    defer { buffer.deallocate() }
    var place = range.lowerBound
    while place < range.upperBound {
      let n = pread(fd, buffer.baseAddress, min(buffer.count, range.upperBound - place), off_t(place))
      if n < 0, errno == EINTR { continue }
      guard n > 0 else {
        throw n == 0
          ? StoreError(.io, "\(path) became shorter while it was written") : DestinationFile.fault("read", path, errno)
      }
      hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<n]))
      place += n
    }
  }

  /// An error of the system, about a file.
  static func fault(_ what: String, _ path: String, _ code: Int32) -> StoreError {
    let isFull = code == ENOSPC || code == EDQUOT
    return StoreError(isFull ? .diskFull : .io, "cannot \(what) \(path): \(String(cString: strerror(code)))")
  }

  /// Removes a file, where there is one.
  static func remove(_ path: String) { unlink(path) }
}
