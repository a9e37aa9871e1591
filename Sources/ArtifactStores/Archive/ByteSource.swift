import Crypto

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
  let path: String
  /// Bytes read so far.
  private(set) var position = 0
  /// Of the bytes read so far, where that is wanted.
  private var hash: SHA256?
  private let flag: CancellationFlag?

  init(path: String, hashes: Bool = false, flag: CancellationFlag? = nil) throws(ArchiveError) {
    self.path = path
    self.flag = flag
    if hashes { hash = SHA256() }
    // Without O_NONBLOCK the opening of a pipe waits for its writer.
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard fd >= 0 else { throw .call("cannot read \(path)") }
  }

  deinit { if fd >= 0 { close(fd) } }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
    if flag?.isSet == true { throw ArchiveError(.cancelled, "cancelled") }
    while true {
      let n = systemRead(fd, buffer)
      if n >= 0 {
        position += n
        hash?.update(bufferPointer: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[0..<n]))
        return n
      }
      guard errno == EINTR else { throw .call("cannot read \(path)") }
    }
  }

  /// Bytes that begin at `offset`; fewer than asked for only at the end of the file.
  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
    if flag?.isSet == true { throw ArchiveError(.cancelled, "cancelled") }
    var have = 0
    while have < buffer.count {
      let n = pread(fd, buffer.baseAddress.map { $0 + have }, buffer.count - have, off_t(offset + have))
      if n == 0 { break }
      if n < 0, errno == EINTR { continue }
      guard n > 0 else { throw .call("cannot read \(path)") }
      have += n
    }
    return have
  }

  var size: Int { Files.status(fd)?.size ?? 0 }

  /// The SHA-256 of the whole file; what is left of it is read.
  func digest() throws(ArchiveError) -> String {
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 17, alignment: 64)
    defer { scratch.deallocate() }
    while try read(into: scratch) > 0 {}
    return Files.hex((hash ?? SHA256()).finalize())
  }
}
