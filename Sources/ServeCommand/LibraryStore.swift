import ArtifactStores
import Logging
import ModelHosting
import ModelLoading
import ServingCore
import Settings
import Supervisor
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Artifacts from files and from S3, through the cache on this machine's disk.
final class LibraryStore: ModelStore {
  let settings: ResolvedSettings
  let location: ArtifactLocation?
  let isFleet: Bool
  let policy: VersionPolicy
  /// Made when it is first needed: a server of a local model makes no folder and no connection.
  let library: Once<ArtifactLibrary>
  /// How the local model looked before anybody loaded it.
  private let local = Mutex<String?>(nil)
  let listed = Mutex<(at: ContinuousClock.Instant, names: [String])?>(nil)
  let log: Logger
  /// Whether the cache is about to be trimmed.
  private let trims = Mutex(false)

  init(_ settings: ResolvedSettings, location: ArtifactLocation?, isFleet: Bool) {
    self.settings = settings
    self.location = location
    self.isFleet = isFleet
    policy = settings[.modelVersion] == "latest" ? .latest : .pinned(settings[.modelVersion])
    library = .library(settings)
    log = LineLogHandler.logger("supervisor", settings)
  }

  func perform(_ job: StoreJob, completion: @escaping @Sendable (StoreResult) -> Void) {
    Task {
      do throws(StoreError) {
        let result = try await result(of: job)
        completion(result)
        if case .artifact = result { trimSoon() }
      } catch {
        completion(.failed(failure(of: job, error)))
      }
    }
  }

  /// Of several models clients are told what concerns them, and the log has all of it.
  private func failure(of job: StoreJob, _ error: StoreError) -> StoreFailure {
    guard isFleet else { return StoreFailure(error) }
    switch job {
    case .fetch(let name, _), .fetchFrom(let name, _):
      let failure = StoreFailure(error, toldToCallersOf: name)
      if failure.error.message != error.description {
        log.warning("a model cannot be fetched", metadata: ["model": "\(name)", "reason": "\(error)"])
      }
      return failure
    case .fetchFirst, .copy, .check, .accept, .pin, .catalogue: return StoreFailure(error)
    }
  }

  /// Trims the cache some time after a model came: by then workers have written what they make of it.
  private func trimSoon() {
    let isPlanned = trims.withLock { isPlanned in
      defer { isPlanned = true }
      return isPlanned
    }
    if isPlanned { return }
    Task { [self] in
      try? await Task.sleep(for: .seconds(10))
      trims.withLock { $0 = false }
      // A server of a local model may have made nothing there.
      guard library.exists || access("\(CacheFolder.path(settings))/prepared", F_OK) == 0 else { return }
      do throws(StoreError) {
        try await library.get().trim()
      } catch {
        log.warning("the cache cannot be trimmed", metadata: ["reason": "\(error)"])
      }
    }
  }

  /// Whether it is worth making the library to see what a rollback chose before a restart.
  func mayBePinned(_ place: ArtifactLocation) -> Bool {
    ArtifactLibrary.mayHavePin(place, inCache: CacheFolder.path(settings))
  }

  /// The generation that a rollback chose before a restart.
  func pinned(_ place: ArtifactLocation) -> ModelArtifact? {
    guard let library = try? library.get(), let pinned = library.pinned(place), isWanted(pinned.digest) else {
      return nil
    }
    var artifact = artifact(pinned, place)
    artifact.previous = previous(place, but: artifact.digest)
    artifact.isPinned = true
    return artifact
  }

  /// Whether the setting sha256 lets an artifact be served.
  private func isWanted(_ digest: String) -> Bool { settings[.sha256].map { $0 == digest } ?? true }

  func noteLocal(_ path: String) {
    local.withLock { $0 = LibraryStore.look(path) }
    trimSoon()
  }

  /// What tells a file, or the files of a folder, from what replaces them.
  private static func look(_ path: String) -> String {
    var text = ""
    func add(_ path: String) {
      var status = stat()
      guard stat(path, &status) == 0 else { return }
      text += "\(path) \(status.st_ino) \(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)\n"
    }
    add(path)
    for name in (try? ModelLoader.files(in: path)) ?? [] { add("\(path)/\(name)") }
    return text
  }

  /// A local archive or a folder of versions, at start.
  func fetchNow(_ path: String) throws(StartError) -> ModelArtifact {
    do throws(StoreError) {
      let artifact = try Blocking.wait { [self] () async throws(StoreError) in
        try await fetchOrRecall(.file(path: path), usesInPlace: true)
      }
      return try Self.checked(artifact)
    } catch {
      let status: ServeStatus =
        switch error.code {
        case .notFound: .noModel
        case .accessDenied: .noPermission
        case .diskFull: .cannotCreate
        case .invalidLocation: .usage
        default: .model
        }
      throw StartError(status, "\(error)")
    }
  }

  // MARK: jobs

  private func result(of job: StoreJob) async throws(StoreError) -> StoreResult {
    switch job {
    case .fetchFirst(let name): return .artifact(try await fetchFirst(name))
    case .copy(let name):
      let place = try location(of: name)
      let artifact = try await fetch(place, expected: nil, usesInPlace: false)
      if case .file(let path) = place, local.withLock({ $0 }) != LibraryStore.look(path) {
        throw StoreError(.changed, "\(path) was replaced while the server started")
      }
      return .artifact(artifact)
    case .fetch(let name, let isFresh):
      guard isFleet else {
        let place = try location(of: name)
        return .artifact(
          try await fetch(place, expected: settings[.sha256], usesInPlace: false, isFresh: isFresh))
      }
      return .artifact(try await fetchMember(name, isFresh))
    case .check(let name):
      return .fingerprint(try await library.get().fingerprint(of: try await member(name), policy: policy).text)
    case .fetchFrom(_, let url): return .artifact(try await fetch(try confined(url), expected: nil, usesInPlace: true))
    case .accept(let name, let digest):
      if !isFleet { try library.get().accept(digest, of: try location(of: name)) }
      return .done
    case .pin(let name, let digest):
      guard location != nil, digest != nil || library.exists else { return .done }
      guard !isFleet || digest != nil else {
        // Whichever spelling it was, and also where the artifact itself has left the cache.
        for place in try places(of: name) { try library.get().pin(nil, of: place) }
        return .done
      }
      for place in try places(of: name) {
        // Of a fleet's model the cache knows which spelling it was fetched by.
        if isFleet, let digest {
          guard try library.get().installed(place, policy: policy) != nil else { continue }
          // It serves; a fleet's models are not accepted one by one.
          try library.get().accept(digest, of: place)
        }
        try library.get().pin(digest, of: place)
        break
      }
      return .done
    case .catalogue(let token, let limit): return try await catalogue(token, limit)
    }
  }

  /// What the store has; where it does not answer, what the cache holds.
  private func fetchFirst(_ name: String) async throws(StoreError) -> ModelArtifact {
    let place = try location(of: name)
    if let pinned = pinned(place) { return pinned }
    return try await fetchOrRecall(place, usesInPlace: false)
  }

  /// What is there; where that cannot be had, or is damaged, the last that served from the cache, with a warning. What has
  /// the digest of the setting sha256 does wherever it came from.
  private func fetchOrRecall(
    _ place: ArtifactLocation, usesInPlace: Bool
  ) async throws(StoreError) -> ModelArtifact {
    let library = try library.get()
    let cached =
      library.cached(place, policy: policy).flatMap { isWanted($0.digest) ? $0 : nil }
      ?? settings[.sha256].flatMap { library.open(digest: $0, of: place) }
    do throws(StoreError) {
      var artifact = try await StorePatience.with(short: cached != nil) { () async throws(StoreError) in
        try await fetch(place, expected: settings[.sha256], usesInPlace: usesInPlace, takesCached: true)
      }
      artifact.previous = previous(place, but: artifact.digest)
      return artifact
    } catch {
      let isWorthIt = error.isTransient || [.noCredentials, .badArtifact, .limit].contains(error.code)
      guard isWorthIt, let cached else { throw error }
      var artifact = artifact(cached, place)
      artifact.warning = error.description
      artifact.previous = previous(place, but: artifact.digest)
      return artifact
    }
  }

  private func previous(_ place: ArtifactLocation, but digest: String) -> [ModelArtifact] {
    guard let library = try? library.get() else { return [] }
    var seen: Set = [digest]
    return library.history(of: place).filter { seen.insert($0.digest).inserted && isWanted($0.digest) }.compactMap {
      generation in
      library.open(generation).map { artifact($0, place) }
    }
  }

  func fetch(
    _ place: ArtifactLocation, expected: String?, usesInPlace: Bool, isFresh: Bool = false,
    takesCached: Bool = false
  ) async throws(StoreError) -> ModelArtifact {
    let library = try library.get()
    let fetched = try await library.fetch(
      place, policy: policy, expectedSHA256: expected, usesInPlace: usesInPlace, isFresh: isFresh,
      takesCached: takesCached
    ) { _ in }
    return artifact(fetched, place)
  }

  func artifact(_ fetched: FetchedArtifact, _ place: ArtifactLocation) -> ModelArtifact {
    ModelArtifact(
      path: fetched.path, digest: fetched.digest, fingerprint: fetched.fingerprint.text,
      version: fetched.fingerprint.version, bytes: fetched.bytes, url: place.description, keeper: fetched.lease)
  }

  /// That there is a model in an artifact.
  private static func checked(_ artifact: ModelArtifact) throws(StoreError) -> ModelArtifact {
    do throws(LoadError) {
      _ = try ModelLoader().modelFile(artifact.path)
      return artifact
    } catch {
      throw StoreError(.badArtifact, "\(artifact.url): \(error)")
    }
  }
}
