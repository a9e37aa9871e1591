#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Unpacks `model.tar.gz` and plain tar archives into a folder, safely: no entry leaves the folder, links and devices
/// are refused, sizes are limited. Duplicate entries resolve as tar does: the last wins.
public struct ArchiveExtractor: Sendable {
  public var limits: ArchiveLimits

  public init(limits: ArchiveLimits = ArchiveLimits()) { self.limits = limits }

  /// True when the file at `path` begins as a gzip stream or a tar archive does.
  public static func isArchive(_ path: String) -> Bool {
    guard let source = try? FileSource(path: path) else { return false }
    var head = [UInt8](repeating: 0, count: 512)
    let n = head.withUnsafeMutableBytes { (try? source.read(into: $0)) ?? 0 }
    if n >= 2, head[0] == 0x1F, head[1] == 0x8B { return true }
    return n == 512 && head[257..<262].elementsEqual("ustar".utf8)
  }

  /// Unpacks the archive at `path` into `folder`, which is made, and which must not exist before. On failure nothing of
  /// it is left.
  ///
  /// - Throws: `ArchiveError`.
  public func extract(_ path: String, into folder: String) throws(ArchiveError) {
    let staging = "\(folder).partial"
    ArchiveExtractor.remove(staging)
    try make(staging)
    do {
      try unpack(path, into: staging)
    } catch {
      ArchiveExtractor.remove(staging)
      throw error
    }
    guard rename(staging, folder) == 0 else {
      let reason = String(cString: strerror(errno))
      ArchiveExtractor.remove(staging)
      throw ArchiveError(.io, "cannot install \(folder): \(reason)")
    }
  }

  private func unpack(_ path: String, into folder: String) throws(ArchiveError) {
    let file = try FileSource(path: path)
    let source: any ByteSource = try isGzip(path) ? GzipSource(file, limits: limits) : file
    let tar = TarReader(source, limits: limits)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 17, alignment: 64)
    defer { buffer.deallocate() }
    var total = 0
    var entries = 0
    while let entry = try tar.next() {
      entries += 1
      guard let relative = ArchiveExtractor.confined(entry.path) else {
        throw ArchiveError(.unsafeEntry, "\(path): entry \"\(entry.path)\" leaves the archive's folder")
      }
      switch entry.kind {
      case .folder: try makeFolders(ArchiveExtractor.components(relative), below: folder)
      case .file:
        guard entry.size <= limits.maxBytes - total else {
          throw ArchiveError(.limit, "\(path) unpacks to more than \(limits.maxBytes) bytes")
        }
        total += entry.size
        try write(tar, to: relative, below: folder, buffer)
      case .symbolicLink, .hardLink:
        throw ArchiveError(.unsafeEntry, "\(path): entry \"\(entry.path)\" is a link; pack the file itself (tar -h)")
      case .other: throw ArchiveError(.unsafeEntry, "\(path): entry \"\(entry.path)\" is no file or folder")
      }
    }
    guard entries > 0 else { throw ArchiveError(.malformed, "\(path) is an empty archive") }
  }

  private func isGzip(_ path: String) throws(ArchiveError) -> Bool {
    let source = try FileSource(path: path)
    var head: [UInt8] = [0, 0]
    let n = head.withUnsafeMutableBytes { (try? source.read(into: $0)) ?? 0 }
    return n == 2 && head == [0x1F, 0x8B]
  }

  /// `path` without `.` parts, or nil when it is absolute, has a `..` part, a NUL, or nothing left.
  static func confined(_ path: String) -> String? {
    // Bytes are compared, not characters: a combining mark after a slash makes another character of it.
    let bytes = path.utf8
    guard bytes.first != UInt8(ascii: "/"), !bytes.contains(0) else { return nil }
    let parts = components(path).filter { $0 != "." }
    guard !parts.contains("..") else { return nil }
    return parts.isEmpty ? (bytes.contains(UInt8(ascii: ".")) ? "." : nil) : parts.joined(separator: "/")
  }

  /// The parts between slashes, as the file system sees them.
  private static func components(_ path: String) -> [String] {
    path.utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
  }

  private func make(_ folder: String) throws(ArchiveError) {
    guard mkdir(folder, 0o755) == 0 || errno == EEXIST else {
      throw ArchiveError(.io, "cannot make \(folder): \(String(cString: strerror(errno)))")
    }
  }

  private func makeFolders(_ parts: some Sequence<String>, below folder: String) throws(ArchiveError) {
    var path = folder
    for part in parts where part != "." {
      path += "/\(part)"
      try make(path)
    }
  }

  private func write(
    _ tar: TarReader, to relative: String, below folder: String, _ buffer: UnsafeMutableRawBufferPointer
  ) throws(ArchiveError) {
    try makeFolders(ArchiveExtractor.components(relative).dropLast(), below: folder)
    let path = "\(folder)/\(relative)"
    unlink(path)
    let fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
    guard fd >= 0 else { throw ArchiveError(.io, "cannot write \(path): \(String(cString: strerror(errno)))") }
    defer { close(fd) }
    while true {
      let n = try tar.read(into: buffer)
      if n == 0 { return }
      var written = 0
      while written < n {
        let m = systemWrite(fd, UnsafeRawBufferPointer(rebasing: buffer[written..<n]))
        if m < 0 && errno == EINTR { continue }
        guard m > 0 else { throw ArchiveError(.io, "cannot write \(path): \(String(cString: strerror(errno)))") }
        written += m
      }
    }
  }

  /// Removes a file, or a folder with all that is in it. Links are removed, not followed.
  public static func remove(_ path: String) {
    var info = stat()
    guard lstat(path, &info) == 0 else { return }
    if info.st_mode & S_IFMT == S_IFDIR, let dir = opendir(path) {
      var names: [String] = []
      while let entry = readdir(dir) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != "." && name != ".." { names.append(name) }
      }
      closedir(dir)
      for name in names { remove("\(path)/\(name)") }
      rmdir(path)
    } else {
      unlink(path)
    }
  }
}
