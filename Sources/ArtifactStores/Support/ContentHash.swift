import Crypto

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// SHA-256, in lower-case hexadecimal digits.
enum ContentHash {
  static func of(_ text: String) -> String { Files.hex(SHA256.hash(data: Array(text.utf8))) }

  /// Of the bytes of a file.
  static func of(file path: String, _ flag: CancellationFlag) throws(StoreError) -> String {
    let fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard fd >= 0 else { throw Files.error("cannot read \(path)") }
    defer { close(fd) }
    var hash = SHA256()
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      try flag.check()
      let n = systemRead(fd, buffer)
      if n < 0, errno == EINTR { continue }
      guard n >= 0 else { throw Files.error("cannot read \(path)") }
      if n == 0 { return Files.hex(hash.finalize()) }
      hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[0..<n]))
    }
  }

  /// Of a folder: of a line `path NUL size NUL SHA-256 LF` for each file, in the byte order of their paths.
  static func of(files: [ManifestFile]) -> String {
    var hash = SHA256()
    for file in files.sorted(by: { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }) {
      hash.update(data: Array("\(file.path)\0\(file.size)\0\(file.sha256)\n".utf8))
    }
    return Files.hex(hash.finalize())
  }

  /// True for 64 lower-case hexadecimal digits.
  static func isDigest(_ text: String) -> Bool {
    text.utf8.count == 64
      && text.utf8.allSatisfy {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
      }
  }
}
