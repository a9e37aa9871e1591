import Crypto
import TensorCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// What a model's files hold, as a SHA-256.
enum ModelDigest {
  /// The digest of the files' sizes and bytes, in order.
  static func compute(_ files: [MappedFile]) -> String {
    var hash = SHA256()
    for file in files {
      withExtendedLifetime(file) {
        withUnsafeBytes(of: UInt64(file.bytes.count).littleEndian) { hash.update(bufferPointer: $0) }
        var rest = UnsafeRawBufferPointer(rebasing: file.bytes[...])
        while !rest.isEmpty {
          let part = UnsafeRawBufferPointer(rebasing: rest.prefix(chunk))
          hash.update(bufferPointer: part)
          file.dropPages(part)
          rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(part.count))
        }
      }
    }
    return text(hash.finalize())
  }

  /// Bytes that are read before their pages leave memory.
  private static let chunk = 1 << 23

  /// `compute`, or what it gave before for the same files: that is noted in a file of `folder` which is named for where the
  /// files lie and when they were changed.
  ///
  /// A file that was changed a moment ago is noted the next time only: what changes it again may leave its times as they are.
  static func remembered(_ files: [MappedFile], in folder: String) -> String {
    let name = of(files.map(\.identity).joined(separator: "\n")).prefix(32)
    let path = "\(folder)/\(name).digest"
    if let note = try? MappedFile(path: path), note.isTrustworthy, note.bytes.count == 64 {
      let digest = String(decoding: note.contents(), as: UTF8.self)
      if digest.utf8.allSatisfy({ isDigit($0) }) { return digest }
    }
    let digest = compute(files)
    let settled = time(nil) - 2
    if files.allSatisfy({ $0.changedSeconds < settled }) { write(digest, path) }
    return digest
  }

  /// The SHA-256 of a text.
  static func of(_ string: String) -> String { text(SHA256.hash(data: Array(string.utf8))) }

  /// Where it cannot be written, the digest is computed again the next time.
  private static func write(_ digest: String, _ path: String) {
    let temporary = "\(path).\(UInt64.random(in: 0...UInt64.max)).tmp"
    let fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard fd >= 0 else { return }
    let bytes = Array(digest.utf8)
    let written = systemWrite(fd, bytes, bytes.count)
    close(fd)
    if written != bytes.count || rename(temporary, path) != 0 { unlink(temporary) }
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || UInt8(ascii: "a")...UInt8(ascii: "f") ~= byte
  }

  private static func text(_ digest: SHA256.Digest) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}

private func systemWrite(_ fd: Int32, _ bytes: [UInt8], _ count: Int) -> Int { write(fd, bytes, count) }
