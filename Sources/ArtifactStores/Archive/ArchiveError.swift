#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Why an archive was refused.
public struct ArchiveError: Error, Sendable, CustomStringConvertible {
  /// The kinds.
  public enum Code: String, Sendable, Hashable {
    /// The bytes are not the archive they should be, or end early.
    case malformed
    /// An entry would be written outside the folder, leads out of it, or is a device.
    case unsafeEntry
    /// A limit was passed.
    case limit
    /// A file could not be read or written.
    case io
    /// The disk has no room.
    case diskFull
    /// Nobody wants the result any more.
    case cancelled
  }

  public let code: Code
  /// What is wrong, where, and the limit where one was passed.
  public let description: String

  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}

extension ArchiveError {
  /// The error of the last failed call, `what` having been tried.
  static func call(_ what: String) -> ArchiveError {
    ArchiveError(errno == ENOSPC || errno == EDQUOT ? .diskFull : .io, "\(what): \(Files.errorText)")
  }
}

extension StoreError {
  /// What refused an archive, as the store's error.
  init(_ error: ArchiveError) {
    let code: Code =
      switch error.code {
      case .malformed, .unsafeEntry: .badArtifact
      case .limit: .limit
      case .io: .io
      case .diskFull: .diskFull
      case .cancelled: .cancelled
      }
    self.init(code, error.description)
  }
}
