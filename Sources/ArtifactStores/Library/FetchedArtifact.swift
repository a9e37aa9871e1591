/// A text that is the same as long as an artifact's bytes are, and cheap to ask for.
public struct ArtifactFingerprint: Sendable, Hashable {
  public var text: String
  /// The object's version id, or the numeric sub-folder that was taken.
  public var version: String?

  public init(text: String, version: String? = nil) {
    self.text = text
    self.version = version
  }
}

/// An artifact on this machine.
public struct FetchedArtifact: Sendable {
  /// What a model loader loads: a file or a folder.
  public let path: String
  /// Lower-case hexadecimal SHA-256 of the object's bytes (of the packed archive where it is one); of a folder or prefix,
  /// of a line `path NUL size NUL SHA-256 LF` for each file in the byte order of their paths.
  ///
  /// Files that are used in place are not read for it: there it is made of the path and the fingerprint, and so changes
  /// with them, unless the caller named the digest that it expects.
  public let digest: String
  public let fingerprint: ArtifactFingerprint
  /// On disk, unpacked.
  public let bytes: Int
  /// Keeps the files from being removed from the cache; nil for files that are used in place.
  public let lease: ArtifactCache.Lease?
}

/// The SHA-256 that an artifact must have.
struct ExpectedDigest: Sendable, Hashable {
  /// nil: any.
  var value: String?
  /// Whether what the cache has of it does where the digest of what the location holds is not known.
  var takesCached: Bool
}

/// Which version of an artifact is wanted.
public enum VersionPolicy: Sendable, Hashable {
  /// The object as it is now; below a folder or prefix with numeric sub-folders, the greatest of them that has files.
  case latest
  /// The object's version id, or the numeric sub-folder.
  case pinned(String)
}

/// How far a fetch is.
public struct ArtifactProgress: Sendable, Hashable {
  /// What is being done.
  public enum Stage: String, Sendable, Hashable {
    /// Another process fetches the same artifact.
    case waiting
    case downloading
    case unpacking
    case installing
  }

  public var stage: Stage
  /// Bytes that the stage has done.
  public var bytes: Int
  /// Bytes that the stage has to do; nil where that is not known.
  public var total: Int?

  public init(stage: Stage, bytes: Int, total: Int?) {
    self.stage = stage
    self.bytes = bytes
    self.total = total
  }
}
