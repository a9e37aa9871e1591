import TensorCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Writes files of prepared weights: to a name of its own, synced, then renamed, so that a file under its name is complete.
///
/// Several processes may write one at a time; each that is renamed replaces one that is equal, and who has mapped the old
/// one keeps it.
public enum WeightsWriter {
  /// Writes what `recorder` noted and somebody holds to `folder`/`name`.
  ///
  /// - Returns: the bytes of constants written; where that is 0 there is nothing to share and no file.
  /// - Throws: `WeightsFileError.Code.unwritable` with the system's reason; then there is no new file.
  public static func write(
    _ recorder: WeightsRecorder, key: String, folder: String, name: String
  ) throws(WeightsFileError) -> Int {
    let plan = Layout(recorder, key: key)
    guard plan.constantBytes > 0 else { return 0 }
    removeAbandoned(in: folder, name: name)
    let path = "\(folder)/\(name)"
    let temporary = "\(path).\(UInt64.random(in: 0...UInt64.max)).tmp"
    let fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard fd >= 0 else { throw failure("create", temporary) }
    do throws(WeightsFileError) {
      defer { close(fd) }
      try plan.write(to: fd, path: temporary)
      guard fsync(fd) == 0 else { throw failure("sync", temporary) }
      guard rename(temporary, path) == 0 else { throw failure("rename", temporary) }
    } catch {
      unlink(temporary)
      throw error
    }
    let directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if directory >= 0 {
      fsync(directory)
      close(directory)
    }
    return plan.constantBytes
  }

  fileprivate static func failure(_ what: String, _ path: String) -> WeightsFileError {
    WeightsFileError(.unwritable, "cannot \(what) \(path): \(String(cString: strerror(errno)))")
  }

  /// Seconds after which a file that was never renamed counts as left behind by a process that is gone.
  private static let abandonedAfter = 3600

  /// Removes what processes that died while writing this file have left.
  private static func removeAbandoned(in folder: String, name: String) {
    guard let directory = opendir(folder) else { return }
    defer { closedir(directory) }
    var left: [String] = []
    while let entry = readdir(directory) {
      let file = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if file.hasPrefix("\(name)."), file.hasSuffix(".tmp") { left.append("\(folder)/\(file)") }
    }
    for path in left {
      var info = stat()
      if lstat(path, &info) == 0, info.modifiedSeconds < time(nil) - abandonedAfter { unlink(path) }
    }
  }
}

extension stat {
  fileprivate var modifiedSeconds: Int {
    #if canImport(Darwin)
    st_mtimespec.tv_sec
    #else
    st_mtim.tv_sec
    #endif
  }
}

/// Where everything comes to lie in the file.
private struct Layout {
  private var header: WeightsHeader
  private var parts: [(offset: Int, bytes: UnsafeRawBufferPointer, storage: TensorStorage)] = []
  private(set) var constantBytes = 0

  init(_ recorder: WeightsRecorder, key: String) {
    let records = recorder.survey()
    header = WeightsHeader(key: key, entries: records.map(\.entry), fileLength: 0)
    var end = header.length
    var placed: [Place: Int] = [:]
    for (index, record) in records.enumerated() {
      guard let storage = record.storage else { continue }
      let bytes = UnsafeRawBufferPointer(start: storage.base + record.start, count: record.entry.length)
      let place = Place(storage: ObjectIdentifier(storage), start: record.start, length: record.entry.length)
      if let other = placed[place] {
        header.entries[index].offset = header.entries[other].offset
        header.entries[index].checksum = header.entries[other].checksum
        continue
      }
      placed[place] = index
      header.entries[index].offset = end
      header.entries[index].checksum = withExtendedLifetime(storage) { Checksum.of(bytes) }
      parts.append((end, bytes, storage))
      constantBytes += bytes.count
      end = (end + bytes.count + WeightsHeader.alignment - 1) / WeightsHeader.alignment * WeightsHeader.alignment
    }
    header.fileLength = end
  }

  private struct Place: Hashable {
    var storage: ObjectIdentifier
    var start: Int
    var length: Int
  }

  func write(to fd: Int32, path: String) throws(WeightsFileError) {
    let padding = [UInt8](repeating: 0, count: WeightsHeader.alignment)
    var at = 0
    func put(_ bytes: UnsafeRawBufferPointer) throws(WeightsFileError) {
      var rest = bytes
      while let base = rest.baseAddress, !rest.isEmpty {
        let n = systemWrite(fd, base, rest.count)
        if n < 0, errno == EINTR { continue }
        guard n > 0 else { throw WeightsWriter.failure("write", path) }
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(n))
        at += n
      }
    }
    func pad(to offset: Int) throws(WeightsFileError) {
      let gap = Swift.min(Swift.max(offset - at, 0), padding.count)
      let zeros = padding
      try withBytes(zeros) { (all) throws(WeightsFileError) in try put(UnsafeRawBufferPointer(rebasing: all[0..<gap])) }
    }
    try withBytes(header.encoded()) { (all) throws(WeightsFileError) in try put(all) }
    for part in parts {
      try pad(to: part.offset)
      try put(part.bytes)
    }
    withExtendedLifetime(parts) {}
    try pad(to: header.fileLength)
  }

  private func withBytes(
    _ list: [UInt8], _ body: (UnsafeRawBufferPointer) throws(WeightsFileError) -> Void
  ) throws(WeightsFileError) {
    var failed: WeightsFileError?
    list.withUnsafeBytes { bytes in
      do throws(WeightsFileError) { try body(bytes) } catch { failed = error }
    }
    if let failed { throw failed }
  }
}

private func systemWrite(_ fd: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int { write(fd, bytes, count) }
