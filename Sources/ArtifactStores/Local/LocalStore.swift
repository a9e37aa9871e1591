/// The files of a folder of this machine, as objects: a key is a file's path below the folder.
///
/// Hidden files count; sockets, pipes and devices do not. A key with a `..`, `.` or empty part names nothing. The etag
/// is made of the file's inode, its time in nanoseconds and its size, so it changes whenever the file is written or
/// replaced.
public struct LocalStore: ArtifactStore {
  /// Where symbolic links may lead.
  public enum Links: Sendable, Hashable {
    /// To places in the folder; others are treated as absent. For folders that others may write to.
    case inside
    /// Anywhere, as for any program. For a folder that the server's own user names, such as a model hub's cache, whose
    /// files are links to a store beside it.
    case anywhere
  }

  /// Objects on one page of a listing.
  public static let pageSize = 1000
  /// Folders above one file; deeper ones are not listed, so that links in a circle end.
  static let maxDepth = 64

  let folder: String
  let links: Links
  /// The folder without links; nil where there is none.
  private let root: String?

  public init(folder: String, links: Links = .inside) {
    self.folder = folder
    self.links = links
    root = Files.real(folder)
  }

  public func object(_ key: String, versionID: String?) async throws(StoreError) -> StoredObject {
    try await BlockingWork.run { _ throws(StoreError) in
      guard versionID == nil || versionID == "null" else {
        throw StoreError(.notFound, "\(folder)/\(key): files have no version ids")
      }
      return try describe(key)
    }
  }

  public func list(prefix: String, isFlat: Bool, token: String?) async throws(StoreError) -> StoreListing {
    try await BlockingWork.run { flag throws(StoreError) in
      guard Files.status(folder)?.kind == .folder else {
        throw StoreError(.notFound, "there is no folder \(folder)")
      }
      var walk = LocalListing(store: self, prefix: prefix, isFlat: isFlat, after: token, flag: flag)
      return try walk.page()
    }
  }

  public func download(
    _ object: StoredObject, to path: String, progress: @escaping @Sendable (Int) -> Void
  ) async throws(StoreError) {
    try await BlockingWork.run { flag throws(StoreError) in
      let source = try self.path(object.key)
      try FileCopy.copy(source, to: path, flag) { status throws(StoreError) in
        guard LocalStore.etag(status) == object.etag else {
          throw StoreError(.changed, "\(source) was written or replaced while it was read")
        }
      } progress: {
        progress($0)
      }
    }
  }

  // MARK: Files

  /// What is at `key`.
  func describe(_ key: String) throws(StoreError) -> StoredObject {
    let path = try self.path(key)
    guard let status = Files.status(path) else { throw Files.error("there is no file \(path)") }
    guard status.kind == .file else { throw StoreError(.notFound, "\(path) is no file") }
    return LocalStore.describe(key, status)
  }

  static func describe(_ key: String, _ status: Files.Status) -> StoredObject {
    StoredObject(key: key, size: status.size, etag: etag(status), modified: status.modified / 1_000_000)
  }

  private static func etag(_ status: Files.Status) -> String {
    let time = UInt64(bitPattern: status.modified)
    return "\(String(status.identity.inode, radix: 16))-\(String(time, radix: 16))-\(String(status.size, radix: 16))"
  }

  /// The file's path, once it is known to be in the folder.
  func path(_ key: String) throws(StoreError) -> String {
    if let fault = ArchivePath.fault(ofKey: key, limits: ArchiveLimits()) {
      throw StoreError(.notFound, "\(folder)/\(key): the path \(fault)")
    }
    let path = "\(folder)/\(key)"
    guard leadsInside(path) else {
      throw StoreError(.accessDenied, "\(path) is a link, or below one, that leads out of \(folder)")
    }
    return path
  }

  /// Whether links on the way to `path`, and it itself, stay where they may lead.
  func leadsInside(_ path: String) -> Bool {
    guard links == .inside else { return true }
    guard let root, let real = Files.real(path) else { return true }
    return real == root || real.hasPrefix(root == "/" ? "/" : "\(root)/")
  }
}
