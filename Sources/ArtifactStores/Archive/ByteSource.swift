#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Bytes read in order.
protocol ByteSource: AnyObject {
  /// Fills as much of `buffer` as there are bytes; 0 at the end.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int
}

/// The bytes of a file.
final class FileSource: ByteSource {
  private let fd: Int32
  private let path: String
  /// Bytes read so far.
  private(set) var position = 0

  init(path: String) throws(ArchiveError) {
    self.path = path
    // Without O_NONBLOCK the opening of a pipe waits for its writer.
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard fd >= 0 else { throw ArchiveError(.io, "cannot read \(path): \(String(cString: strerror(errno)))") }
  }

  deinit { if fd >= 0 { close(fd) } }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
    while true {
      let n = systemRead(fd, buffer)
      if n >= 0 {
        position += n
        return n
      }
      guard errno == EINTR else { throw ArchiveError(.io, "cannot read \(path): \(String(cString: strerror(errno)))") }
    }
  }
}

/// `write(2)`, under a name that no method hides.
func systemWrite(_ fd: Int32, _ bytes: UnsafeRawBufferPointer) -> Int { write(fd, bytes.baseAddress, bytes.count) }

/// `read(2)`, under a name that no method hides.
private func systemRead(_ fd: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
  read(fd, buffer.baseAddress, buffer.count)
}
