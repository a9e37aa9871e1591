#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Unpacks `model.tar.gz`, plain tar and zip archives into a folder, safely: no entry leaves the folder, is written
/// through a link, or is a device; links that lead out are refused; sizes, counts and ratios are limited. Duplicate
/// entries resolve as tar does: the last wins. Setuid bits and owners are dropped.
public struct ArchiveExtractor: Sendable {
  public var limits: ArchiveLimits

  public init(limits: ArchiveLimits = ArchiveLimits()) { self.limits = limits }

  /// True when the file at `path` is an archive to be unpacked: a tar archive, plain or in gzip, by its content, or a
  /// file called `.tar`, `.tar.gz`, `.tgz` or `.zip`. A zip archive of another name (`.npz`, `.pt`) is a model.
  public static func isArchive(_ path: String) -> Bool {
    Files.status(path)?.kind == .file && (isArchiveName(path) || isTar(path))
  }

  /// True when the name says that the file is an archive.
  public static func isArchiveName(_ name: String) -> Bool {
    let lower = name.lowercased()
    return [".tar.gz", ".tgz", ".tar", ".zip"].contains { lower.hasSuffix($0) }
  }

  /// True when the file begins as a zip archive does.
  static func isZip(_ path: String) -> Bool {
    guard let source = try? FileSource(path: path) else { return false }
    var head: [UInt8] = [0, 0, 0, 0]
    guard let n = try? source.read(head: &head), n == 4 else { return false }
    return head == [0x50, 0x4B, 3, 4] || head == [0x50, 0x4B, 5, 6]
  }

  /// True when the file begins as a tar archive does, plain or in gzip.
  private static func isTar(_ path: String) -> Bool {
    guard let source = try? FileSource(path: path) else { return false }
    var block = [UInt8](repeating: 0, count: 512)
    guard block.withUnsafeMutableBytes({ (try? source.read(at: 0, into: $0)) ?? 0 }) >= 2 else { return false }
    guard block[0] == 0x1F, block[1] == 0x8B else { return TarReader.isHeader(block) }
    guard let gzip = try? GzipSource(source, limits: ArchiveLimits()) else { return false }
    var have = 0
    while have < 512 {
      let n = block.withUnsafeMutableBytes {
        (try? gzip.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[have...]))) ?? 0
      }
      if n == 0 { return false }
      have += n
    }
    return TarReader.isHeader(block)
  }

  /// Unpacks the archive at `path` into `folder`, which is made, and which must not exist before. On failure nothing of
  /// it is left.
  ///
  /// - Throws: `ArchiveError`.
  public func extract(_ path: String, into folder: String) throws(ArchiveError) {
    let staging = "\(folder).partial"
    ArchiveExtractor.remove(staging)
    guard mkdir(staging, 0o755) == 0 else { throw .call("cannot make \(staging)") }
    do {
      _ = try unpack(path, into: staging, hashes: false)
    } catch {
      ArchiveExtractor.remove(staging)
      throw error
    }
    guard rename(staging, folder) == 0 else {
      let failure = ArchiveError.call("cannot install \(folder)")
      ArchiveExtractor.remove(staging)
      throw failure
    }
  }

  /// What an archive held.
  struct Content {
    var files: [ManifestFile]
    /// The SHA-256 of the archive; empty where it is not wanted.
    var digest: String
  }

  /// Unpacks into an empty folder. On failure what was unpacked is left there.
  ///
  /// - Parameters:
  ///   - hashes: whether the SHA-256 of the archive and of each file is wanted.
  ///   - progress: told the bytes unpacked in all.
  func unpack(
    _ path: String, into root: String, hashes: Bool, flag: CancellationFlag? = nil,
    progress: @escaping (Int) -> Void = { _ in }
  ) throws(ArchiveError) -> Content {
    let folder = UnpackedFolder(root: root, archive: path, limits: limits, hashes: hashes)
    let file = try FileSource(path: path, hashes: hashes, flag: flag)
    var head = [UInt8](repeating: 0, count: 4)
    let count = try file.read(head: &head)
    if ArchiveExtractor.isZip(path) {
      try unpackZip(file, into: folder, progress)
    } else {
      let isGzip = count >= 2 && head[0] == 0x1F && head[1] == 0x8B
      try unpackTar(isGzip ? try GzipSource(file, limits: limits) : file, file, into: folder, progress)
    }
    return Content(files: try folder.finish(), digest: hashes ? try file.digest() : "")
  }

  private func unpackTar(
    _ source: any ByteSource, _ file: FileSource, into folder: UnpackedFolder,
    _ progress: @escaping (Int) -> Void
  ) throws(ArchiveError) {
    let path = file.path
    let packed = file.size
    let tar = TarReader(source, limits: limits)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 17, alignment: 64)
    defer { buffer.deallocate() }
    var entries = 0
    var meter = ProgressMeter(progress)
    while let entry = try tar.next() {
      entries += 1
      let relative = try folder.place(entry.path)
      switch entry.kind {
      case .folder: try folder.addFolder(relative)
      case .file:
        if entry.pieces != nil { try check(folder.bytes, entry.size, packed, path) }
        try folder.addFile(
          relative, size: entry.size, mode: entry.mode, pieces: entry.pieces, buffer: buffer
        ) { part throws(ArchiveError) in
          let n = try tar.read(into: part)
          meter.add(n)
          return n
        }
      case .symbolicLink: try folder.addSymbolicLink(relative, to: entry.target)
      case .hardLink: try folder.addHardLink(relative, to: entry.target)
      case .other: throw ArchiveError(.unsafeEntry, "\(path): entry \"\(entry.path)\" is no file, folder or link")
      }
    }
    guard entries > 0 else { throw ArchiveError(.malformed, "\(path) is an empty archive") }
    // A damaged gzip stream shows at its end, in its checksum.
    var rest = 0
    while source !== file {
      let n = try source.read(into: buffer)
      if n == 0 { break }
      rest += n
      guard rest <= 64 << 20 else { throw ArchiveError(.limit, "\(path): more than 64 MiB follow the archive's end") }
    }
  }

  private func unpackZip(
    _ file: FileSource, into folder: UnpackedFolder, _ progress: @escaping (Int) -> Void
  ) throws(ArchiveError) {
    let zip = try ZipDirectory(file, limits: limits)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 17, alignment: 64)
    defer { buffer.deallocate() }
    var meter = ProgressMeter(progress)
    for entry in zip.entries {
      let relative = try folder.place(entry.path)
      switch entry.kind {
      case .folder: try folder.addFolder(relative)
      case .file:
        try check(folder.bytes, entry.size, zip.size, file.path)
        let source = try ZipEntrySource(file, entry, limits: limits)
        try folder.addFile(
          relative, size: entry.size, mode: entry.mode, pieces: nil, buffer: buffer
        ) { part throws(ArchiveError) in
          let n = try source.read(into: part)
          meter.add(n)
          return n
        }
        try source.finish()
      case .symbolicLink:
        try folder.addSymbolicLink(relative, to: try ZipEntrySource(file, entry, limits: limits).text())
      case .hardLink, .other:
        throw ArchiveError(.unsafeEntry, "\(file.path): entry \"\(entry.path)\" is no file, folder or link")
      }
    }
    guard !zip.entries.isEmpty else { throw ArchiveError(.malformed, "\(file.path) is an empty archive") }
  }

  /// What an entry announces stays within the ratio.
  private func check(_ bytes: Int, _ size: Int, _ packed: Int, _ path: String) throws(ArchiveError) {
    let total = bytes.addingReportingOverflow(size)
    guard !total.overflow, total.partialValue <= limits.maxBytes else {
      throw ArchiveError(.limit, "\(path) unpacks to more than \(limits.maxBytes) bytes (max-archive-size)")
    }
    guard total.partialValue <= 16 << 20 || total.partialValue / Swift.max(packed, 1) <= limits.maxRatio else {
      throw ArchiveError(.limit, "\(path) unpacks to more than \(limits.maxRatio) times its size (max-archive-ratio)")
    }
  }

  /// Removes a file, or a folder with all that is in it. Links are removed, not followed.
  public static func remove(_ path: String) {
    guard let status = Files.status(path, followsLink: false) else { return }
    guard status.kind == .folder else {
      unlink(path)
      return
    }
    for name in Files.names(path) ?? [] { remove("\(path)/\(name)") }
    rmdir(path)
  }
}

/// Tells of bytes that were unpacked, every 4 MiB.
private struct ProgressMeter {
  private let progress: (Int) -> Void
  private var bytes = 0
  private var told = 0

  init(_ progress: @escaping (Int) -> Void) { self.progress = progress }

  mutating func add(_ count: Int) {
    bytes = bytes.addingReportingOverflow(count).partialValue
    guard bytes - told >= 4 << 20 else { return }
    told = bytes
    progress(bytes)
  }
}

extension FileSource {
  /// The first bytes, without moving on.
  fileprivate func read(head: inout [UInt8]) throws(ArchiveError) -> Int {
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: head.count, alignment: 16)
    defer { scratch.deallocate() }
    let n = try read(at: 0, into: scratch)
    for i in 0..<n { head[i] = scratch[i] }
    return n
  }
}
