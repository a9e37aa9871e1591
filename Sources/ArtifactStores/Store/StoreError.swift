/// Why a store did not give what was asked of it.
public struct StoreError: Error, Sendable, CustomStringConvertible {
  /// The kinds.
  public enum Code: String, Sendable, Hashable, CaseIterable {
    /// What the user named is no location.
    case invalidLocation
    /// There is no such object, version or bucket.
    case notFound
    /// The store knows the caller and refuses, or does not know the caller.
    case accessDenied
    /// There are no credentials, or none that can be had.
    case noCredentials
    /// No answer: the name does not resolve, the connection is refused, cut or too slow. Trying again may help.
    case unreachable
    /// The store answers that it cannot answer now. Trying again may help.
    case unavailable
    /// The object was replaced while it was read. Trying again from the start helps.
    case changed
    /// The bytes are not those that the store's checksum or length announces. Trying again may help.
    case corrupt
    /// The bytes arrived whole and are no artifact that can be used: an archive that is damaged or unsafe, keys that cannot
    /// be file names, or another SHA-256 than the one expected.
    case badArtifact
    /// An answer that the protocol does not know.
    case badAnswer
    /// A limit was passed.
    case limit
    /// The time allowed is over.
    case deadline
    /// A file of this machine could not be read or written.
    case io
    /// The disk has no room.
    case diskFull
    /// Nobody wants the result any more.
    case cancelled
  }

  public let code: Code
  /// What was asked of which store, what it said, and the remedy: for whoever runs the program. It may name endpoints,
  /// access keys and paths of this machine.
  public let description: String
  /// The same for others: what is wrong with the artifact itself. nil where all there is to say is the operator's concern.
  public let shown: String?

  public init(_ code: Code, _ description: String, shown: String? = nil) {
    self.code = code
    self.description = description
    self.shown = shown
  }

  /// An error of the artifact itself, which says nothing of this machine or the store's account.
  static func ofArtifact(_ code: Code, _ description: String) -> StoreError {
    StoreError(code, description, shown: description)
  }

  /// Whether the same request may succeed later without anybody changing anything.
  public var isTransient: Bool {
    switch code {
    case .unreachable, .unavailable, .changed, .corrupt, .deadline: true
    case .invalidLocation, .notFound, .accessDenied, .noCredentials, .badArtifact, .badAnswer, .limit, .io, .diskFull,
      .cancelled:
      false
    }
  }
}
