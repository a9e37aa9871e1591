#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Artifacts on disk under the SHA-256 of their bytes, shared by processes, with a limit.
///
///     artifacts/<sha256>/     stamp, manifest.json, content/...     whole, from the moment that they are there
///     tmp/<random>/           one that is being made, or removed
///     partial/<sha256>/       a download that is under way or was interrupted
///     sources/<sha256>.json   what a location held when it was last asked
///     prepared/               what is made of artifacts and can be made again
///     lock                    held while entries appear or go
///
/// Each of the first three has a file `stamp`, whose lock (`flock(2)`) says that somebody works on it or uses it: the
/// lock ends with its process, however that ends, so a process that is killed leaves nothing that looks whole and is
/// not, and nothing that the next `sweep()` does not remove. The stamp's time is the entry's last use.
///
/// The folder must be on a file system of this machine: locks of network file systems are not relied upon.
public final class ArtifactCache: Sendable {
  /// The cache's folder.
  public let path: String
  /// What entries, interrupted downloads and prepared files may take together. Entries in use do not count as removable:
  /// where they take more, or where a new one is larger than the limit, the limit is passed until they are released.
  public let maxBytes: Int
  /// How many generations of a location are remembered.
  public let historyCount: Int

  /// Makes the folder where there is none. Call `sweep()` before anything else.
  public init(path: String, maxBytes: Int, historyCount: Int = 5) throws(StoreError) {
    self.path = Files.absolute(path)
    self.maxBytes = maxBytes
    self.historyCount = Swift.max(1, historyCount)
    for folder in ["artifacts", "tmp", "partial", "sources"] {
      try Files.makeFolders("\(self.path)/\(folder)")
    }
  }

  /// Keeps an entry from being removed, by this process and others, for as long as the object lives.
  public final class Lease: Sendable {
    /// Of the artifact.
    public let digest: String
    private let lock: FileLock

    init(digest: String, lock: FileLock) {
      self.digest = digest
      self.lock = lock
      lock.touch()
    }

    deinit { lock.touch() }
  }

  /// An artifact in the cache, in use.
  public struct Entry: Sendable {
    public let digest: String
    /// The folder that holds its files.
    public let folder: String
    /// The only file's path, or the folder.
    public let path: String
    /// Of all files.
    public let bytes: Int
    public let lease: Lease
    let isFile: Bool
    let isPackedZip: Bool
  }

  /// The entry of an artifact, in use from now on; nil where there is none, or a damaged one. Where a zip archive is
  /// there unpacked and as it is, the unpacked one.
  ///
  /// - Complexity: O(files).
  public func open(digest: String) -> Entry? {
    guard ContentHash.isDigest(digest) else { return nil }
    return open(name: digest) ?? open(name: digest + ArtifactCache.fileSuffix)
  }

  /// Of the entry's name where a zip archive is kept as it is: unpacked, the same digest is another artifact.
  static let fileSuffix = ".file"

  func open(digest: String, isPackedZip: Bool) -> Entry? {
    open(name: isPackedZip ? digest + ArtifactCache.fileSuffix : digest)
  }

  func open(name: String) -> Entry? {
    let folder = "\(path)/artifacts/\(name)"
    guard case .taken(let lock) = FileLock.attempt("\(folder)/stamp", .shared),
      let manifest = wholeManifest(folder, name: name)
    else { return nil }
    return entry(manifest, folder, lock)
  }

  func entry(_ manifest: Manifest, _ folder: String, _ lock: FileLock) -> Entry {
    let content = "\(folder)/content"
    let file = manifest.kind == .file ? manifest.files.first : nil
    return Entry(
      digest: manifest.digest, folder: content, path: file.map { "\(content)/\($0.path)" } ?? content,
      bytes: manifest.bytes, lease: Lease(digest: manifest.digest, lock: lock), isFile: file != nil,
      isPackedZip: folder.hasSuffix(ArtifactCache.fileSuffix))
  }

  /// The manifest of an entry, once every file that it names is there in its size; nil otherwise.
  func wholeManifest(_ folder: String, name: String) -> Manifest? {
    guard let text = Files.read("\(folder)/manifest.json", limit: 256 << 20), let manifest = Manifest(text),
      name.hasPrefix(manifest.digest), Files.status("\(folder)/content", followsLink: false)?.kind == .folder
    else { return nil }
    for file in manifest.files {
      guard let status = Files.status("\(folder)/content/\(file.path)", followsLink: false),
        status.kind == (file.link == nil ? .file : .link), file.link != nil || status.size == file.size
      else { return nil }
    }
    return manifest
  }

  /// Whether there is an entry, without using it.
  func has(digest: String) -> Bool {
    [digest, digest + ArtifactCache.fileSuffix].contains {
      Files.status("\(path)/artifacts/\($0)/manifest.json") != nil
    }
  }

  /// Runs `body` while no other process, and no other caller here, adds or removes entries.
  func exclusively<R>(_ body: () throws(StoreError) -> R) throws(StoreError) -> R {
    let lock = try FileLock.waiting("\(path)/lock", .exclusive)
    defer { withExtendedLifetime(lock) {} }
    return try body()
  }
}
