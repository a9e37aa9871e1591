/// Limits that an archive is unpacked under, and a prefix or folder is fetched under.
public struct ArchiveLimits: Sendable, Hashable {
  /// Bytes of all files together.
  public var maxBytes = 64 << 30
  /// Entries of any kind.
  public var maxEntries = 100_000
  /// Unpacked bytes per packed byte, once more than 16 MiB have been unpacked.
  public var maxRatio = 1000
  /// Bytes of one path.
  public var maxPathBytes = 1024
  /// Folders above one file.
  public var maxDepth = 64
  /// Stored pieces of one sparse file.
  public var maxSparsePieces = 65_536

  public init() {}
}
