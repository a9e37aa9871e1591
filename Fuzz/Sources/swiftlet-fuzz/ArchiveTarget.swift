import ArtifactStores

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

extension FuzzTarget {
  /// A tar archive, plain or in gzip.
  static let archive = FuzzTarget("archive") { ArchiveCheck.run($0, as: "model.tar.gz") }

  /// A zip archive.
  static let zip = FuzzTarget("zip") { ArchiveCheck.run($0, as: "model.zip") }
}

/// Unpacks an archive, and looks at what it made.
private enum ArchiveCheck {
  static func run(_ bytes: UnsafeRawBufferPointer, as name: String) {
    let path = ScratchFile.write(bytes, as: name)
    let folder = "\(ScratchFile.folder)/unpacked"
    _ = ArchiveExtractor.isArchive(path)
    var limits = ArchiveLimits()
    limits.maxBytes = 1 << 20
    limits.maxEntries = 64
    limits.maxSparsePieces = 64
    do {
      try ArchiveExtractor(limits: limits).extract(path, into: folder)
      checkLinks(folder, real(folder) ?? "")
    } catch {
      if access(folder, F_OK) == 0 { fatalError("a refused archive leaves its folder") }
    }
    ArchiveExtractor.remove(folder)
    if access("\(folder).partial", F_OK) == 0 { fatalError("an archive leaves what was unpacked of it") }
  }

  /// Every link leads to a place in the folder, or nowhere.
  private static func checkLinks(_ folder: String, _ root: String) {
    guard let stream = opendir(folder) else { return }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name == "." || name == ".." { continue }
      let path = "\(folder)/\(name)"
      var info = stat()
      guard lstat(path, &info) == 0 else { continue }
      switch info.st_mode & S_IFMT {
      case S_IFDIR: checkLinks(path, root)
      case S_IFREG: if info.st_mode & 0o7022 != 0 { fatalError("a file has more rights than it should") }
      case S_IFLNK:
        if let target = real(path), !"\(target)/".hasPrefix("\(root)/") { fatalError("a link leads to \(target)") }
      default: fatalError("\(path) is no file, folder or link")
      }
    }
  }

  private static func real(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}
