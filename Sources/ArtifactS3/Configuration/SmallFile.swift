#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Reads files of settings and tokens.
enum SmallFile {
  /// The bytes of a file; nil where there is none.
  ///
  /// - Throws: what is wrong with it.
  static func read(_ path: String, limit: Int = 1 << 20) throws(FileFault) -> [UInt8]? {
    // Without O_NONBLOCK the opening of a pipe waits for its writer.
    let fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard fd >= 0 else {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw FileFault(reason: "cannot read \(path): \(String(cString: strerror(errno)))")
    }
    defer { close(fd) }
    var out: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    while true {
      let n = systemRead(fd, &buffer)
      if n == 0 { return out }
      if n < 0 {
        if errno == EINTR { continue }
        throw FileFault(reason: "cannot read \(path): \(String(cString: strerror(errno)))")
      }
      out += buffer[..<n]
      guard out.count <= limit else { throw FileFault(reason: "\(path) is longer than \(limit) bytes") }
    }
  }

  /// The text of a file without the blanks at its ends; nil where there is none or it is empty.
  static func text(_ path: String, limit: Int = 64 << 10) throws(FileFault) -> String? {
    guard let bytes = try read(path, limit: limit) else { return nil }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw FileFault(reason: "\(path) is not UTF-8") }
    func isBlank(_ c: Character) -> Bool { c.isWhitespace }
    var rest = text.drop(while: isBlank)
    while let last = rest.last, isBlank(last) { rest.removeLast() }
    return rest.isEmpty ? nil : String(rest)
  }
}

/// A file that could not be read.
struct FileFault: Error { let reason: String }

private func systemRead(_ fd: Int32, _ buffer: inout [UInt8]) -> Int { read(fd, &buffer, buffer.count) }
