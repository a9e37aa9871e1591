import Crypto

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A new folder that an archive is unpacked into.
///
/// No symbolic link is made before all is unpacked and every link has been resolved, so nothing is written through one.
final class UnpackedFolder {
  private let root: String
  private let archive: String
  private let limits: ArchiveLimits
  private let hashes: Bool
  private var files: [String: ManifestFile] = [:]
  /// Symbolic links: path to target.
  private var links: [String: String] = [:]
  private var folders: Set<String> = []
  private(set) var bytes = 0

  /// - Parameters:
  ///   - root: an empty folder that nobody else writes to.
  ///   - hashes: whether each file's SHA-256 is wanted.
  init(root: String, archive: String, limits: ArchiveLimits, hashes: Bool) {
    self.root = root
    self.archive = archive
    self.limits = limits
    self.hashes = hashes
  }

  /// The path of an entry below the folder.
  func place(_ path: String) throws(ArchiveError) -> String {
    guard let relative = ArchivePath.confined(path) else {
      throw ArchiveError(.unsafeEntry, "\(archive): entry \"\(path)\" leaves the archive's folder")
    }
    guard root.utf8.count + relative.utf8.count < 4000,
      relative.utf8.count(where: { $0 == UInt8(ascii: "/") }) <= limits.maxDepth
    else { throw ArchiveError(.limit, "\(archive): the path of entry \"\(path)\" is too long or too deep") }
    return relative
  }

  func addFolder(_ relative: String) throws(ArchiveError) {
    guard relative != ".", !folders.contains(relative) else { return }
    if let slash = relative.utf8.lastIndex(of: UInt8(ascii: "/")) { try addFolder(String(relative[..<slash])) }
    guard links[relative] == nil else {
      throw ArchiveError(.unsafeEntry, "\(archive): an entry would be written through the link \"\(relative)\"")
    }
    guard files[relative] == nil else {
      throw ArchiveError(.io, "\(archive): \"\(relative)\" is a file and a folder")
    }
    guard mkdir("\(root)/\(relative)", 0o755) == 0 else { throw .call("cannot make \(root)/\(relative)") }
    folders.insert(relative)
  }

  /// Writes a file, in place of an earlier one.
  ///
  /// - Parameters:
  ///   - size: announced bytes, which `next` may not pass.
  ///   - pieces: where the bytes belong in a sparse file.
  ///   - next: more bytes; 0 at the end.
  func addFile(
    _ relative: String, size: Int, mode: Int, pieces: [SparsePiece]?, buffer: UnsafeMutableRawBufferPointer,
    next: (UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int
  ) throws(ArchiveError) {
    guard size <= limits.maxBytes - bytes else {
      throw ArchiveError(.limit, "\(archive) unpacks to more than \(limits.maxBytes) bytes (max-archive-size)")
    }
    bytes += size
    try makeRoom(relative)
    let path = "\(root)/\(relative)"
    let fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode & 0o100 != 0 ? 0o755 : 0o644)
    guard fd >= 0 else { throw .call("cannot write \(path)") }
    defer { close(fd) }
    var hash = SHA256()
    var written = 0
    /// Passes over a hole, which reads as zeros.
    func skip(to offset: Int) throws(ArchiveError) {
      guard offset > written else { return }
      guard lseek(fd, off_t(offset), SEEK_SET) >= 0 else { throw .call("cannot write \(path)") }
      if hashes { UnpackedFolder.zeros(offset - written, into: &hash) }
      written = offset
    }
    for piece in pieces ?? [SparsePiece(offset: 0, count: size)] {
      try skip(to: piece.offset)
      var left = piece.count
      while left > 0 {
        let n = try next(UnsafeMutableRawBufferPointer(rebasing: buffer[0..<Swift.min(left, buffer.count)]))
        guard n > 0, n <= left else { throw ArchiveError(.malformed, "\(archive): entry \"\(relative)\" ends early") }
        let part = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[0..<n])
        try UnpackedFolder.write(part, fd, path)
        if hashes { hash.update(bufferPointer: part) }
        left -= n
        written += n
      }
    }
    try skip(to: size)
    guard pieces == nil || ftruncate(fd, off_t(size)) == 0 else { throw .call("cannot write \(path)") }
    files[relative] = ManifestFile(path: relative, size: size, sha256: hashes ? Files.hex(hash.finalize()) : "")
  }

  func addHardLink(_ relative: String, to target: String) throws(ArchiveError) {
    guard let source = ArchivePath.confined(target) else {
      throw ArchiveError(
        .unsafeEntry, "\(archive): the link \"\(relative)\" leads out of the archive's folder: \(target)")
    }
    if source == relative { return }
    if let text = links[source] { return try addSymbolicLink(relative, to: text) }
    guard var file = files[source] else {
      throw ArchiveError(
        .unsafeEntry, "\(archive): the link \"\(relative)\" leads to \"\(target)\", which is no earlier file in it")
    }
    try makeRoom(relative)
    guard link("\(root)/\(source)", "\(root)/\(relative)") == 0 else {
      throw .call("cannot make the link \(root)/\(relative)")
    }
    file.path = relative
    files[relative] = file
  }

  func addSymbolicLink(_ relative: String, to target: String) throws(ArchiveError) {
    guard !target.isEmpty, target.utf8.first != UInt8(ascii: "/"), !target.utf8.contains(0) else {
      throw ArchiveError(
        .unsafeEntry, "\(archive): the link \"\(relative)\" leads out of the archive's folder: \(target)")
    }
    try makeRoom(relative)
    links[relative] = target
  }

  /// Makes the folders above a path, and removes a file or link that is there.
  private func makeRoom(_ relative: String) throws(ArchiveError) {
    guard relative != ".", !folders.contains(relative) else {
      throw ArchiveError(.io, "\(archive): \"\(relative)\" is a file and a folder")
    }
    if let slash = relative.utf8.lastIndex(of: UInt8(ascii: "/")) { try addFolder(String(relative[..<slash])) }
    links[relative] = nil
    if files.removeValue(forKey: relative) != nil, unlink("\(root)/\(relative)") != 0 {
      throw .call("cannot replace \(root)/\(relative)")
    }
  }

  /// Makes the symbolic links, each of which stays in the folder.
  ///
  /// - Returns: all files and links, in the byte order of their paths.
  func finish() throws(ArchiveError) -> [ManifestFile] {
    for (path, target) in links {
      guard ArchivePath.resolve(path, links) != nil else {
        throw ArchiveError(
          .unsafeEntry, "\(archive): the link \"\(path)\" leads out of the archive's folder or in a circle: \(target)")
      }
    }
    for (path, target) in links {
      guard symlink(target, "\(root)/\(path)") == 0 else { throw .call("cannot make the link \(root)/\(path)") }
      files[path] = ManifestFile(link: target, path: path)
    }
    return files.values.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
  }

  private static func zeros(_ count: Int, into hash: inout SHA256) {
    let block = [UInt8](repeating: 0, count: 1 << 16)
    var left = count
    while left > 0 {
      block.withUnsafeBytes {
        hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[0..<Swift.min(left, block.count)]))
      }
      left -= Swift.min(left, block.count)
    }
  }

  private static func write(_ bytes: UnsafeRawBufferPointer, _ fd: Int32, _ path: String) throws(ArchiveError) {
    var written = 0
    while written < bytes.count {
      let m = systemWrite(fd, UnsafeRawBufferPointer(rebasing: bytes[written...]))
      if m < 0 && errno == EINTR { continue }
      guard m > 0 else { throw .call("cannot write \(path)") }
      written += m
    }
  }
}
