/// Why an archive was refused.
public struct ArchiveError: Error, Sendable, CustomStringConvertible {
  /// The kinds.
  public enum Code: String, Sendable, Hashable {
    /// The bytes are not the archive they should be, or end early.
    case malformed
    /// An entry would be written outside the folder, or is a link or a device.
    case unsafeEntry
    /// A limit was passed.
    case limit
    /// A file could not be read or written.
    case io
  }

  public let code: Code
  /// What is wrong, where, and the limit where one was passed.
  public let description: String

  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}

/// Limits that an archive is unpacked under.
public struct ArchiveLimits: Sendable {
  /// Bytes of all files together.
  public var maxBytes = 64 << 30
  /// Entries of any kind.
  public var maxEntries = 100_000
  /// Unpacked bytes per packed byte, once more than 16 MiB have been unpacked.
  public var maxRatio = 1000
  /// Bytes of one path.
  public var maxPathBytes = 4096

  public init() {}
}
