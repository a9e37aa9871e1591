/// A model as the supervisor hands it to workers: a path that is ready to be loaded, and what it is.
public struct ModelSource: Sendable, Equatable {
  /// What clients call it.
  public var name: String
  /// A file or a folder of this machine.
  public var path: String
  /// Hex SHA-256 of the artifact.
  public var digest: String
  /// What the store calls this state of it: an S3 version, the name of a numeric sub-folder.
  public var version: String?
  /// Bytes on disk.
  public var bytes: Int
  /// True for one that stays until it is unloaded by hand.
  public var isPinned: Bool

  public init(
    name: String, path: String, digest: String, version: String? = nil, bytes: Int = 0, isPinned: Bool = false
  ) {
    self.name = name
    self.path = path
    self.digest = digest
    self.version = version
    self.bytes = bytes
    self.isPinned = isPinned
  }
}
