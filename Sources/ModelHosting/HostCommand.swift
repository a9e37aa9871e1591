package import JSONDocument
public import ServingCore

/// What the supervisor tells a worker about models. `id` names the command in the answer to it.
public enum HostCommand: Sendable, Equatable {
  /// Load and warm up a generation beside the one that serves.
  case prepare(id: Int, ModelSource)
  /// Serve what was prepared under this id.
  case commit(id: Int)
  /// Forget what was prepared under this id.
  case discard(id: Int)
  /// The answer to `HostReply.want`, and the order to load by hand.
  case load(ModelSource)
  /// There is no artifact to load.
  case loadNot(name: String, ServingError)
  /// Drop a model and answer when its memory is free.
  case unload(id: Int, name: String)
  /// The bytes that models may take in this worker from now on; `isFinal` when it cannot be as many as were asked for.
  case lease(bytes: Int, isFinal: Bool)
  /// Give up as much of the lease as idle models take, at most `bytes`.
  case shrink(id: Int, bytes: Int)
  /// Tell how often and when models were last called.
  case report(id: Int)
}

/// What a worker tells the supervisor about models.
public enum HostReply: Sendable, Equatable {
  case prepared(id: Int, memory: HostedMemory, microseconds: Int)
  case refused(id: Int, ServingError)
  /// A command is done; `bytes` is what `shrink` gave up.
  case done(id: Int, bytes: Int)
  /// The model of an `unload` answers no requests any more; `done` follows when its memory is free.
  case removed(id: Int)
  /// A request names a model that is not here.
  case want(name: String)
  /// A model is resident and answers requests.
  case resident(name: String, digest: String, memory: HostedMemory, microseconds: Int)
  case loadFailed(name: String, ServingError)
  /// A model was evicted.
  case gone(name: String)
  /// The lease is too small by so many bytes.
  case need(bytes: Int)
  case report(id: Int, [ModelReport], HostTotals)
}

/// The memory of a loaded model in one process, in bytes.
public struct HostedMemory: Sendable, Equatable {
  /// Of this process alone.
  public var privateBytes: Int
  /// Mapped from files, one copy for all processes.
  public var mappedBytes: Int

  public init(privateBytes: Int = 0, mappedBytes: Int = 0) {
    self.privateBytes = privateBytes
    self.mappedBytes = mappedBytes
  }

  public var total: Int {
    let (sum, overflow) = privateBytes.addingReportingOverflow(mappedBytes)
    return overflow ? .max : sum
  }
}

/// A resident model's use in one worker.
public struct ModelReport: Sendable, Equatable {
  public var name: String
  public var hits: Int
  /// Milliseconds since 1970; 0 where nobody has called it.
  public var lastUse: Int

  public init(name: String, hits: Int, lastUse: Int) {
    self.name = name
    self.hits = hits
    self.lastUse = lastUse
  }
}

// MARK: - One line of JSON each

extension HostCommand {
  package var document: JSONDocument {
    switch self {
    case .prepare(let id, let source): ["do": "prepare", "id": .number(id), "model": source.document]
    case .commit(let id): ["do": "commit", "id": .number(id)]
    case .discard(let id): ["do": "discard", "id": .number(id)]
    case .load(let source): ["do": "load", "model": source.document]
    case .loadNot(let name, let error): ["do": "load-not", "name": .string(name), "error": error.document]
    case .unload(let id, let name): ["do": "unload", "id": .number(id), "name": .string(name)]
    case .lease(let bytes, let isFinal): ["do": "lease", "bytes": .number(bytes), "final": .bool(isFinal)]
    case .shrink(let id, let bytes): ["do": "shrink", "id": .number(id), "bytes": .number(bytes)]
    case .report(let id): ["do": "report", "id": .number(id)]
    }
  }

  package init?(_ document: JSONDocument) {
    let id = document["id"]?.int
    let name = document["name"]?.string
    let bytes = document["bytes"]?.int
    let source = document["model"].flatMap { ModelSource($0) }
    switch (document["do"]?.string, id, name, bytes, source) {
    case ("prepare", let id?, _, _, let source?): self = .prepare(id: id, source)
    case ("commit", let id?, _, _, _): self = .commit(id: id)
    case ("discard", let id?, _, _, _): self = .discard(id: id)
    case ("load", _, _, _, let source?): self = .load(source)
    case ("load-not", _, let name?, _, _):
      guard let error = document["error"].flatMap({ ServingError($0) }) else { return nil }
      self = .loadNot(name: name, error)
    case ("unload", let id?, let name?, _, _): self = .unload(id: id, name: name)
    case ("lease", _, _, let bytes?, _): self = .lease(bytes: bytes, isFinal: document["final"]?.bool == true)
    case ("shrink", let id?, _, let bytes?, _): self = .shrink(id: id, bytes: bytes)
    case ("report", let id?, _, _, _): self = .report(id: id)
    default: return nil
    }
  }
}

extension HostReply {
  package var document: JSONDocument {
    switch self {
    case .prepared(let id, let memory, let microseconds):
      ["event": "prepared", "id": .number(id), "memory": memory.document, "us": .number(microseconds)]
    case .refused(let id, let error): ["event": "refused", "id": .number(id), "error": error.document]
    case .done(let id, let bytes): ["event": "done", "id": .number(id), "bytes": .number(bytes)]
    case .removed(let id): ["event": "removed", "id": .number(id)]
    case .want(let name): ["event": "want", "name": .string(name)]
    case .resident(let name, let digest, let memory, let microseconds):
      [
        "event": "resident", "name": .string(name), "digest": .string(digest), "memory": memory.document,
        "us": .number(microseconds),
      ]
    case .loadFailed(let name, let error):
      ["event": "load-failed", "name": .string(name), "error": error.document]
    case .gone(let name): ["event": "gone", "name": .string(name)]
    case .need(let bytes): ["event": "need", "bytes": .number(bytes)]
    case .report(let id, let models, let totals):
      [
        "event": "report", "id": .number(id), "totals": totals.document,
        "models": .array(
          models.map { ["name": .string($0.name), "hits": .number($0.hits), "last": .number($0.lastUse)] }),
      ]
    }
  }

  package init?(_ document: JSONDocument) {
    let id = document["id"]?.int
    let name = document["name"]?.string
    let bytes = document["bytes"]?.int
    let memory = document["memory"].flatMap { HostedMemory($0) }
    let microseconds = document["us"]?.int
    let error = document["error"].flatMap { ServingError($0) }
    switch document["event"]?.string {
    case "prepared":
      guard let id, let memory, let microseconds else { return nil }
      self = .prepared(id: id, memory: memory, microseconds: microseconds)
    case "refused":
      guard let id, let error else { return nil }
      self = .refused(id: id, error)
    case "done":
      guard let id, let bytes else { return nil }
      self = .done(id: id, bytes: bytes)
    case "removed":
      guard let id else { return nil }
      self = .removed(id: id)
    case "want":
      guard let name else { return nil }
      self = .want(name: name)
    case "resident":
      guard let name, let digest = document["digest"]?.string, let memory, let microseconds else { return nil }
      self = .resident(name: name, digest: digest, memory: memory, microseconds: microseconds)
    case "load-failed":
      guard let name, let error else { return nil }
      self = .loadFailed(name: name, error)
    case "gone":
      guard let name else { return nil }
      self = .gone(name: name)
    case "need":
      guard let bytes else { return nil }
      self = .need(bytes: bytes)
    case "report":
      guard let id, let models = document["models"]?.array, let totals = document["totals"].flatMap({ HostTotals($0) })
      else { return nil }
      var reports: [ModelReport] = []
      for model in models {
        guard let name = model["name"]?.string, let hits = model["hits"]?.int, let last = model["last"]?.int else {
          return nil
        }
        reports.append(ModelReport(name: name, hits: hits, lastUse: last))
      }
      self = .report(id: id, reports, totals)
    default: return nil
    }
  }
}

extension ModelSource {
  var document: JSONDocument {
    [
      "name": .string(name), "path": .string(path), "digest": .string(digest),
      "version": version.map { .string($0) } ?? .null, "bytes": .number(bytes), "pinned": .bool(isPinned),
    ]
  }

  init?(_ document: JSONDocument) {
    guard let name = document["name"]?.string, let path = document["path"]?.string,
      let digest = document["digest"]?.string, let bytes = document["bytes"]?.int,
      let isPinned = document["pinned"]?.bool
    else { return nil }
    self.init(
      name: name, path: path, digest: digest, version: document["version"]?.string, bytes: bytes, isPinned: isPinned)
  }
}

extension HostedMemory {
  var document: JSONDocument { ["private": .number(privateBytes), "mapped": .number(mappedBytes)] }

  init?(_ document: JSONDocument) {
    guard let privateBytes = document["private"]?.int, let mappedBytes = document["mapped"]?.int else { return nil }
    self.init(privateBytes: privateBytes, mappedBytes: mappedBytes)
  }
}

extension ServingError {
  package var document: JSONDocument {
    var members: [(name: String, value: JSONDocument)] = [
      ("code", .string(code.rawValue)), ("message", .string(message)),
    ]
    for case (let name, let value?) in [
      ("field", field), ("expected", expected), ("got", got), ("limit", limit), ("setting", setting),
    ] {
      members.append((name, .string(value)))
    }
    return .object(members)
  }

  package init?(_ document: JSONDocument) {
    guard let code = document["code"]?.string.flatMap(Code.init(rawValue:)), let message = document["message"]?.string
    else { return nil }
    self.init(
      code, message, field: document["field"]?.string, expected: document["expected"]?.string,
      got: document["got"]?.string, limit: document["limit"]?.string, setting: document["setting"]?.string)
  }
}
