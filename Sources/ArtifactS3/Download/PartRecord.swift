import ArtifactStores
import S3Documents

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// What a download that was not finished has brought: a file beside the bytes, `<path>.parts`. It blocks its thread.
///
/// Its first lines name the object, its ETag, version and size, the size of parts, and this start of the machine; then
/// comes `done <part>` for each part that is written. It counts only where those first lines are exactly those of the new
/// download. What was written before the machine started anew is not trusted: the bytes may not have reached the disk.
final class PartRecord: Sendable {
  let path: String
  private let fd: Int32

  /// Opens the record of an earlier download of the same, or begins a new one.
  ///
  /// - Parameters:
  ///   - heading: lines that name what is downloaded; without the last line's end.
  ///   - isUsable: whether the bytes are there at all.
  ///   - done: receives the parts that are written.
  init(
    _ path: String, heading: String, parts: Int, isUsable: Bool, done: inout [Bool]
  ) throws(StoreError) {
    self.path = path
    done = [Bool](repeating: false, count: parts)
    let heading = "\(heading)\nend\n"
    let earlier =
      isUsable ? (try? SmallFile.read(path, limit: heading.utf8.count + parts * 16 + 4096)).flatMap { $0 } : nil
    var isValid = false
    if let earlier, earlier.starts(with: heading.utf8) {
      isValid = PartRecord.read(earlier.dropFirst(heading.utf8.count), into: &done)
    }
    if !isValid { done = [Bool](repeating: false, count: parts) }
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND | (isValid ? 0 : O_TRUNC), 0o644)
    guard fd >= 0 else { throw DestinationFile.fault("write", path, errno) }
    if !isValid { try append(heading) }
  }

  deinit { close(fd) }

  /// Notes that a part is written.
  func note(_ part: Int) throws(StoreError) { try append("done \(part)\n") }

  /// What is another after each start of the machine; "-" where the system does not tell.
  static func boot() -> String {
    (try? SmallFile.text("/proc/sys/kernel/random/boot_id", limit: 4096)).flatMap { $0 } ?? "-"
  }

  private func append(_ text: String) throws(StoreError) {
    let bytes = Array(text.utf8)
    var n: Int
    repeat { n = systemWrite(fd, bytes) } while n < 0 && errno == EINTR
    guard n == bytes.count else { throw DestinationFile.fault("write", path, n < 0 ? errno : ENOSPC) }
  }

  /// The lines after the heading; a last line without an end was cut off. False for any line that was never written here.
  private static func read(_ bytes: ArraySlice<UInt8>, into done: inout [Bool]) -> Bool {
    var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
    lines.removeLast()
    for line in lines {
      let text = String(decoding: line, as: UTF8.self)
      guard text.hasPrefix("done "), let part = Int(text.dropFirst(5)), done.indices.contains(part) else {
        return false
      }
      done[part] = true
    }
    return true
  }
}

private func systemWrite(_ fd: Int32, _ bytes: [UInt8]) -> Int { write(fd, bytes, bytes.count) }
