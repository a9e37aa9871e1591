#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

extension ArtifactCache {
  /// A folder in `tmp/` in which an entry is put together; removed with the object unless it was installed.
  final class Staging {
    let folder: String
    let lock: FileLock
    fileprivate var isInstalled = false

    /// Where the artifact's files go.
    var content: String { "\(folder)/content" }

    fileprivate init(folder: String, lock: FileLock) {
      self.folder = folder
      self.lock = lock
    }

    deinit { if !isInstalled { ArchiveExtractor.remove(folder) } }
  }

  func makeStaging() throws(StoreError) -> Staging {
    let folder = "\(path)/tmp/\(Files.randomName())"
    // Under the lock, so that a sweep never sees the folder without its locked stamp.
    let staging = try exclusively { () throws(StoreError) -> Staging in
      guard mkdir(folder, 0o755) == 0 else { throw Files.error("cannot make \(folder)") }
      guard case .taken(let lock) = FileLock.attempt("\(folder)/stamp", .exclusive, makes: true) else {
        let failure = Files.error("cannot lock \(folder)/stamp")
        rmdir(folder)
        throw failure
      }
      return Staging(folder: folder, lock: lock)
    }
    guard mkdir(staging.content, 0o755) == 0 else { throw Files.error("cannot make \(staging.content)") }
    return staging
  }

  /// Makes what is in `staging` an entry, unless another process has done so first; then removes entries that are over
  /// the limit. The new one is in use by the caller.
  func install(_ staging: Staging, _ manifest: Manifest, name: String) throws(StoreError) -> Entry {
    try Files.write(manifest.text, to: "\(staging.folder)/manifest.json")
    staging.lock.write("\(manifest.bytes)")
    let files = manifest.files.filter { $0.link == nil }.map { "content/\($0.path)" }
    try Files.flush(staging.folder, files: files + ["stamp"])
    let target = "\(path)/artifacts/\(name)"
    let entry = try exclusively { () throws(StoreError) -> Entry in
      if let entry = open(name: name) { return entry }
      if Files.status(target, followsLink: false) != nil { discard(try setAside(target)) }
      staging.lock.share()
      guard rename(staging.folder, target) == 0 else { throw Files.error("cannot install \(target)") }
      staging.isInstalled = true
      try Files.flushNames("\(path)/artifacts")
      return self.entry(manifest, target, staging.lock)
    }
    try makeRoom()
    return entry
  }

  /// Installs an artifact that `fill` writes into the folder it is given, under the digest of what it wrote.
  ///
  /// - Parameter fill: called again, for an empty folder, where the disk is full and entries can be removed.
  /// - Returns: the entry, in use.
  /// - Throws: what `fill` throws, and `diskFull` where nothing is left to be removed. Nothing of the artifact is left.
  public func install(_ fill: (String) throws(StoreError) -> Void) throws(StoreError) -> Entry {
    var attempt = 0
    while true {
      do throws(StoreError) {
        return try installOnce(fill)
      } catch {
        guard error.code == .diskFull else { throw error }
        guard try makeRoom(afterAttempt: attempt, bytes: 0) else {
          throw StoreError(.diskFull, "\(error); \(Files.freeBytes(path) ?? 0) bytes are free at \(path)")
        }
        attempt += 1
      }
    }
  }

  private func installOnce(_ fill: (String) throws(StoreError) -> Void) throws(StoreError) -> Entry {
    let staging = try makeStaging()
    try fill(staging.content)
    let files = try ArtifactCache.files(below: staging.content)
    let manifest = Manifest(digest: ContentHash.of(files: files), kind: .folder, files: files)
    return try install(staging, manifest, name: manifest.digest)
  }

  /// The files below a folder, with their hashes.
  private static func files(below folder: String) throws(StoreError) -> [ManifestFile] {
    var files: [ManifestFile] = []
    var open = [""]
    while let below = open.popLast() {
      for name in Files.names("\(folder)/\(below)") ?? [] {
        let path = "\(folder)/\(below)\(name)"
        guard let status = Files.status(path, followsLink: false) else { continue }
        switch status.kind {
        case .folder: open.append("\(below)\(name)/")
        case .file:
          let sha256 = try ContentHash.of(file: path, CancellationFlag())
          files.append(ManifestFile(path: below + name, size: status.size, sha256: sha256))
        case .link, .other: throw StoreError(.badArtifact, "\(path) is no file or folder")
        }
      }
    }
    return files.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
  }

  /// Moves a folder to `tmp/`, where it is no entry any more.
  func setAside(_ folder: String) throws(StoreError) -> String {
    let place = "\(path)/tmp/\(Files.randomName())"
    guard rename(folder, place) == 0 else { throw Files.error("cannot move \(folder)") }
    return place
  }

  /// Removes a folder of `tmp/`.
  func discard(_ folder: String) { ArchiveExtractor.remove(folder) }

  /// Gives an entry of one file the name that a caller knows it by, beside the one that it was installed under.
  func path(of entry: Entry, named name: String) -> String {
    guard entry.isFile, !entry.path.hasSuffix("/content/\(name)"),
      ArchivePath.fault(ofKey: name, limits: ArchiveLimits()) == nil, !name.utf8.contains(UInt8(ascii: "/"))
    else { return entry.path }
    let path = "\(entry.folder)/\(name)"
    return link(entry.path, path) == 0 || errno == EEXIST ? path : entry.path
  }
}
