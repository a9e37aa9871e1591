public import ServingCore

/// What is asked of the model store, away from the supervisor's thread.
public enum StoreJob: Sendable, Equatable {
  /// The model as the store has it now, installed on this machine. `isFresh`: as it has it after this was asked, not as
  /// somebody else has begun to fetch it.
  case fetch(name: String, isFresh: Bool)
  /// The same at start: what the cache holds does where the store does not answer.
  case fetchFirst(name: String)
  /// A copy of the model that is used where it lies, so that it can be gone back to when it has been replaced.
  case copy(name: String)
  /// A text that changes when the model does, without its bytes.
  case check(name: String)
  /// Where a `POST /models` says that the model is.
  case fetchFrom(name: String, url: String)
  /// Remembers that a generation has served: what the cache holds of others is nothing to fall back on.
  case accept(name: String, digest: String)
  /// Remembers, beyond a restart, which generation serves although the store has another; nil forgets it.
  case pin(name: String, digest: String?)
  /// Names that the store holds.
  case catalogue(token: String?, limit: Int)
}

extension StoreJob {
  /// The model that it is about; empty for a catalogue.
  var name: String {
    switch self {
    case .fetch(let name, _), .fetchFirst(let name), .copy(let name), .check(let name), .fetchFrom(let name, _),
      .accept(let name, _), .pin(let name, _):
      name
    case .catalogue: ""
    }
  }
}

/// What came of a `StoreJob`.
public enum StoreResult: Sendable {
  case artifact(ModelArtifact)
  case fingerprint(String)
  case names([String], next: String?)
  case done
  case failed(StoreFailure)
}

/// An artifact on this machine.
public struct ModelArtifact: Sendable {
  public var path: String
  public var digest: String
  public var fingerprint: String
  public var version: String?
  public var bytes: Int
  /// Where it came from, as a user writes it.
  public var url: String
  /// Keeps the cache from evicting it.
  public var keeper: (any Sendable)?
  /// Why this is what the cache had and not what the store has.
  public var warning: String?
  /// Generations before it that are still on this machine, the newest first.
  public var previous: [ModelArtifact] = []
  /// True for one that a rollback left behind.
  var isRolledBack = false
  /// True when a rollback chose it.
  public var isPinned = false

  public init(
    path: String, digest: String, fingerprint: String, version: String? = nil, bytes: Int, url: String,
    keeper: (any Sendable)? = nil
  ) {
    self.path = path
    self.digest = digest
    self.fingerprint = fingerprint
    self.version = version
    self.bytes = bytes
    self.url = url
    self.keeper = keeper
  }

  func source(_ name: String, isPinned: Bool = false) -> ModelSource {
    ModelSource(name: name, path: path, digest: digest, version: version, bytes: bytes, isPinned: isPinned)
  }
}

/// Why the store gave nothing.
public struct StoreFailure: Error, Sendable {
  public var error: ServingError
  /// Whether it may work later without anybody changing anything.
  public var isTransient: Bool
  /// What `/ping`, which everybody may call, says instead of a message that names the server's account.
  public var publicReason: String?

  public init(_ error: ServingError, isTransient: Bool, publicReason: String? = nil) {
    self.error = error
    self.isTransient = isTransient
    self.publicReason = publicReason
  }

  var reason: String { publicReason ?? error.message }
}
