#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Whole small files: settings, templates, what the kernel tells in /proc and /sys.
package enum SmallFile {
  /// The text of the file at `path`; nil with `errno` set when it cannot be read. At most `limit` bytes are read; malformed
  /// UTF-8 is repaired.
  package static func read(_ path: String, limit: Int = 1 << 20) -> String? {
    let fd = open(path, O_RDONLY | O_CLOEXEC)
    guard fd >= 0 else { return nil }
    defer { close(fd) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while bytes.count < limit {
      let n = chunk.withUnsafeMutableBytes { systemRead(fd, $0.baseAddress, min($0.count, limit - bytes.count)) }
      if n == 0 { break }
      guard n > 0 else { return nil }
      bytes += chunk[0..<n]
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Writes a new file that only its owner can read.
  ///
  /// - Returns: false with `errno` set when it cannot be written.
  package static func write(_ text: String, to path: String) -> Bool {
    let fd = systemOpen(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard fd >= 0 else { return false }
    defer { close(fd) }
    return Descriptor.write(Array(text.utf8), to: fd)
  }
}

/// Calls on file descriptors.
package enum Descriptor {
  /// Writes all of `bytes`; false when the other side is gone.
  package static func write(_ bytes: [UInt8], to fd: Int32) -> Bool {
    var offset = 0
    while offset < bytes.count {
      let n = bytes.withUnsafeBytes { systemWrite(fd, $0.baseAddress?.advanced(by: offset), $0.count - offset) }
      if n < 0, errno == EINTR { continue }
      guard n > 0 else { return false }
      offset += n
    }
    return true
  }

  /// Writes what can be written now.
  ///
  /// - Returns: how many bytes; nil when the other side is gone.
  static func writeAvailable(_ bytes: ArraySlice<UInt8>, to fd: Int32) -> Int? {
    let n = bytes.withUnsafeBytes { systemWrite(fd, $0.baseAddress, $0.count) }
    if n >= 0 { return n }
    return errno == EAGAIN || errno == EINTR ? 0 : nil
  }

  /// What can be read now, at most 64 KiB: nil at the end or on an error, empty when nothing is there yet.
  static func readAvailable(_ fd: Int32) -> [UInt8]? {
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    let n = chunk.withUnsafeMutableBytes { systemRead(fd, $0.baseAddress, $0.count) }
    if n > 0 { return Array(chunk[0..<n]) }
    if n < 0, errno == EAGAIN || errno == EINTR { return [] }
    return nil
  }

  /// Moves a new descriptor above the range that spawned processes are handed theirs in, closed on exec.
  static func raised(_ fd: Int32) -> Int32 {
    let high = fcntl(fd, F_DUPFD_CLOEXEC, 64)
    guard high >= 0 else { return fd }
    close(fd)
    return high
  }

  static func setNonBlocking(_ fd: Int32) {
    let flags = fcntl(fd, F_GETFL)
    if flags >= 0 { _ = fcntl(fd, F_SETFL, flags | O_NONBLOCK) }
  }

  /// The text of the last failed call.
  static var errorText: String { String(cString: strerror(errno)) }
}

private func systemRead(_ fd: Int32, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
  read(fd, buffer, count)
}
private func systemWrite(_ fd: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int { write(fd, bytes, count) }
private func systemOpen(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32 { open(path, flags, mode) }
