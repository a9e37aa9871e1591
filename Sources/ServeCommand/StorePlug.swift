import ArtifactS3
public import ArtifactStores
import Dispatch
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

/// How the supervisor comes by models.
enum StorePlug {
  /// The store of a server, and the model that is there without asking anybody: a file or folder of this machine.
  static func open(_ plan: LaunchPlan) throws(StartError) -> (store: any ModelStore, first: ModelArtifact?) {
    let settings = plan.settings
    let location: ArtifactLocation?
    do throws(StoreError) {
      location =
        plan.isFleet
        ? try plan.storeLocation.map { text throws(StoreError) in try ArtifactLocation(text) }
        : try ArtifactLocation(plan.modelLocation)
    } catch {
      throw StartError(.usage, error.description)
    }
    if plan.isFleet, settings[.sha256] != nil {
      throw StartError(.usage, "sha256 names one artifact: it does not go with several models")
    }
    let store = LibraryStore(settings, location: location, isFleet: plan.isFleet)
    guard let location, case .file(let path) = location else { return (store, nil) }
    if plan.isFleet {
      guard access(path, R_OK | X_OK) == 0 else {
        throw StartError(.noModel, "cannot read the folder \(path): \(String(cString: strerror(errno)))")
      }
      return (store, nil)
    }
    if settings[.management] != .off || settings[.refreshInterval] != .zero, settings[.model] != nil,
      let pinned = store.pinnedNow(location)
    {
      return (store, pinned)
    }
    if ArchiveExtractor.isArchive(path) || settings[.sha256] != nil || settings[.modelVersion] != "latest"
      || store.hasVersions(path)
    {
      return (store, try store.fetchNow(path))
    }
    do throws(LoadError) {
      _ = try ModelLoader().modelFile(path)
    } catch {
      throw ModelPlug.startError(error)
    }
    store.noteLocal(path)
    return (store, ModelArtifact(path: path, digest: "", fingerprint: "", bytes: 0, url: path))
  }
}

/// Artifacts from files and from S3, through the cache on this machine's disk.
final class LibraryStore: ModelStore {
  private let settings: ResolvedSettings
  private let location: ArtifactLocation?
  private let isFleet: Bool
  private let policy: VersionPolicy
  /// Made when it is first needed: a server of a local model makes no folder and no connection.
  private let library: LazyLibrary
  /// How the local model looked before anybody loaded it.
  private let local = Mutex<String?>(nil)
  private let listed = Mutex<(at: ContinuousClock.Instant, names: [String])?>(nil)

  init(_ settings: ResolvedSettings, location: ArtifactLocation?, isFleet: Bool) {
    self.settings = settings
    self.location = location
    self.isFleet = isFleet
    policy = settings[.modelVersion] == "latest" ? .latest : .pinned(settings[.modelVersion])
    library = LazyLibrary(settings)
  }

  func perform(_ job: StoreJob, completion: @escaping @Sendable (StoreResult) -> Void) {
    Task {
      do throws(StoreError) {
        completion(try await result(of: job))
      } catch {
        completion(.failed(StoreFailure(error)))
      }
    }
  }

  /// The generation that a rollback chose before a restart.
  func pinnedNow(_ place: ArtifactLocation) -> ModelArtifact? {
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

  func noteLocal(_ path: String) { local.withLock { $0 = LibraryStore.look(path) } }

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

  /// Whether a folder has numeric sub-folders and no model of its own.
  func hasVersions(_ path: String) -> Bool {
    guard (try? ModelLoader().modelFile(path)) == nil, let folder = opendir(path) else { return false }
    defer { closedir(folder) }
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.isEmpty, name.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) { return true }
    }
    return false
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
      guard !isFleet else { return .done }
      if digest == nil, !library.exists { return .done }
      try library.get().pin(digest, of: try location(of: name))
      return .done
    case .catalogue(let token, let limit): return try await catalogue(token, limit)
    }
  }

  /// What the store has; where it does not answer, what the cache holds.
  private func fetchFirst(_ name: String) async throws(StoreError) -> ModelArtifact {
    let place = try location(of: name)
    let library = try library.get()
    if let pinned = library.pinned(place), isWanted(pinned.digest) {
      var artifact = artifact(pinned, place)
      artifact.previous = previous(place, but: artifact.digest)
      artifact.isPinned = true
      return artifact
    }
    return try await fetchOrRecall(place, usesInPlace: false)
  }

  /// What is there; where that cannot be had, or is damaged, the last that served from the cache, with a warning.
  private func fetchOrRecall(
    _ place: ArtifactLocation, usesInPlace: Bool
  ) async throws(StoreError) -> ModelArtifact {
    let library = try library.get()
    do throws(StoreError) {
      var artifact = try await fetch(place, expected: settings[.sha256], usesInPlace: usesInPlace)
      artifact.previous = previous(place, but: artifact.digest)
      return artifact
    } catch {
      let isWorthIt = error.isTransient || [.noCredentials, .badArtifact, .limit].contains(error.code)
      guard isWorthIt, let cached = library.cached(place, policy: policy), isWanted(cached.digest) else { throw error }
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

  private func fetch(
    _ place: ArtifactLocation, expected: String?, usesInPlace: Bool, isFresh: Bool = false
  ) async throws(StoreError) -> ModelArtifact {
    let library = try library.get()
    let fetched = try await library.fetch(
      place, policy: policy, expectedSHA256: expected, usesInPlace: usesInPlace, isFresh: isFresh
    ) { _ in }
    return artifact(fetched, place)
  }

  private func artifact(_ fetched: FetchedArtifact, _ place: ArtifactLocation) -> ModelArtifact {
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
      throw StoreError(.corrupt, "\(artifact.url): \(error)")
    }
  }

  // MARK: names

  private func location(of name: String) throws(StoreError) -> ArtifactLocation {
    guard let location else { throw StoreError(.notFound, "there is no model store") }
    return isFleet ? location.appending(name) : location
  }

  /// A fleet's model by its name: an archive, a file or a folder.
  private func fetchMember(_ name: String, _ isFresh: Bool) async throws(StoreError) -> ModelArtifact {
    for spelling in LibraryStore.spellings(name) {
      do throws(StoreError) {
        return try await fetch(try location(of: spelling), expected: nil, usesInPlace: true, isFresh: isFresh)
      } catch {
        guard error.code == .notFound else { throw error }
      }
    }
    let near = NearNames.near(name, await names().map(ModelName.canonical))
    throw StoreError(
      .notFound,
      "there is no model \"\(name.prefix(200))\" in the store"
        + (near.isEmpty
          ? "; GET /models?registered=true lists what there is" : "; near it are: \(near.joined(separator: ", "))"))
  }

  /// The first names of the store, as they were a few seconds ago at most: a client that asks for what is not there must not
  /// keep the server listing.
  private func names() async -> [String] {
    let now = ContinuousClock.now
    if let known = listed.withLock({ $0 }), now - known.at < .seconds(5) { return known.names }
    guard let location, let page = try? await library.get().catalogue(location, token: nil) else { return [] }
    listed.withLock { $0 = (now, page.names) }
    return page.names
  }

  private func member(_ name: String) async throws(StoreError) -> ArtifactLocation {
    guard isFleet else { return try location(of: name) }
    for spelling in LibraryStore.spellings(name) {
      let place = try location(of: spelling)
      do throws(StoreError) {
        _ = try await library.get().fingerprint(of: place, policy: policy)
        return place
      } catch {
        guard error.code == .notFound else { throw error }
      }
    }
    return try location(of: name)
  }

  /// What a name may stand for, in the order in which it is looked for.
  private static func spellings(_ name: String) -> [String] {
    name.hasSuffix(".onnx") ? [name] : ["\(name).tar.gz", name, "\(name).onnx"]
  }

  /// The location that a `POST /models` names, if it is below the store or SageMaker's folder: nothing else is read for a
  /// client.
  private func confined(_ url: String) throws(StoreError) -> ArtifactLocation {
    let place = try ArtifactLocation(url)
    let roots = [location, .file(path: "\(settings[.baseDir])/models")].compactMap { $0 }
    // A path that is not written as one inside is refused unseen: whether it exists is nobody's business.
    let isInside = roots.contains { root in
      switch (root, place) {
      case (.file(let folder), .file(let path)):
        guard path.split(separator: "/").allSatisfy({ $0 != ".." }), path.hasPrefix("/") else { return false }
        let base = LibraryStore.real(folder)
        guard path.hasPrefix(folder + "/") || base.map({ path.hasPrefix($0 + "/") }) ?? false else { return false }
        guard let real = LibraryStore.real(path), let base else { return true }
        return real.hasPrefix(base + "/")
      case (.s3(let bucket, let prefix, _), .s3(let other, let key, _)):
        return bucket == other && key.hasPrefix(prefix.isEmpty || prefix.hasSuffix("/") ? prefix : prefix + "/")
          && !key.split(separator: "/").contains("..")
      default: return false
      }
    }
    guard isInside else {
      throw StoreError(
        .accessDenied,
        "\(url) is outside of what this server serves: \(roots.map(\.description).joined(separator: ", "))")
    }
    return place
  }

  private static func real(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  private func catalogue(_ token: String?, _ limit: Int) async throws(StoreError) -> StoreResult {
    guard let location else { return .names([], next: nil) }
    // A token is the store's own page, and how much of it has been given.
    let parts = token?.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    var skip = 0
    var page = token
    if let parts, parts.count == 2 {
      guard let number = Int(parts[0]), number >= 0 else {
        throw StoreError(.invalidLocation, "next_page_token is none that a listing gave")
      }
      skip = number
      guard let decoded = HexText.decode(parts[1]) else {
        throw StoreError(.invalidLocation, "next_page_token is none that a listing gave")
      }
      page = decoded.isEmpty ? nil : decoded
    } else if token != nil {
      throw StoreError(.invalidLocation, "next_page_token is none that a listing gave")
    }
    let listing = try await library.get().catalogue(location, token: page)
    let rest = listing.names.dropFirst(skip)
    if rest.count > limit {
      return .names(Array(rest.prefix(limit)), next: "\(skip + limit).\(HexText.encode(page ?? ""))")
    }
    return .names(Array(rest), next: listing.next.map { "0.\(HexText.encode($0))" })
  }
}

/// The library, made on first use.
private final class LazyLibrary: Sendable {
  private let settings: ResolvedSettings
  private let made = Mutex<ArtifactLibrary?>(nil)

  init(_ settings: ResolvedSettings) { self.settings = settings }

  var exists: Bool { made.withLock { $0 != nil } }

  func get() throws(StoreError) -> ArtifactLibrary {
    let result: Result<ArtifactLibrary, StoreError> = made.withLock { made in
      if let made { return .success(made) }
      do throws(StoreError) {
        let library = try make()
        made = library
        return .success(library)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  private func make() throws(StoreError) -> ArtifactLibrary {
    let path = CacheFolder.path(settings)
    try CacheFolder.claim(path)
    let cache = try ArtifactCache(path: path, maxBytes: settings[.cacheSize])
    _ = try cache.sweep()
    PreparedFolder.sweep(settings)
    var limits = ArchiveLimits()
    limits.maxBytes = settings[.maxArchiveSize]
    limits.maxEntries = settings[.maxArchiveEntries]
    limits.maxRatio = settings[.maxArchiveRatio]
    let client = LazyClient(isAnonymous: settings[.s3Anonymous])
    // A fleet finds near names by itself.
    let isFleet = settings[.models] != nil || settings[.multiModel]
    return ArtifactLibrary(cache: cache, limits: limits, suggestsNames: !isFleet) { bucket throws(StoreError) in
      try client.get().store(bucket: bucket)
    }
  }
}

/// The S3 client, made when a bucket is first asked for.
private final class LazyClient: Sendable {
  private let made = Mutex<S3Client?>(nil)
  private let isAnonymous: Bool

  init(isAnonymous: Bool) { self.isAnonymous = isAnonymous }

  func get() throws(StoreError) -> S3Client {
    let result: Result<S3Client, StoreError> = made.withLock { made in
      if let made { return .success(made) }
      do throws(StoreError) {
        var configuration = try S3Configuration(environment: ProcessEnvironment.all)
        configuration.isAnonymous = isAnonymous
        let client = try S3Client(configuration)
        made = client
        return .success(client)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }
}

/// Artifacts for commands that fetch without serving.
public enum ArtifactPull {
  /// Fetches an artifact into the cache, and waits for it.
  ///
  /// - Parameters:
  ///   - version: `latest`, or the name of a numeric folder.
  ///   - cacheFolder: nil for the one that `serve` uses by default.
  ///   - progress: called from any thread.
  public static func fetch(
    _ text: String, version: String, sha256: String?, cacheFolder: String?, cacheSize: Int,
    progress: @escaping @Sendable (ArtifactProgress) -> Void
  ) throws(StoreError) -> FetchedArtifact {
    var settings = ResolvedSettings()
    settings.set(Setting.cacheDir, cacheFolder)
    settings.set(Setting.cacheSize, cacheSize)
    let location = try ArtifactLocation(text)
    let library = try LazyLibrary(settings).get()
    return try Blocking.wait { () async throws(StoreError) in
      try await library.fetch(
        location, policy: version == "latest" ? .latest : .pinned(version), expectedSHA256: sha256,
        usesInPlace: false, progress: progress)
    }
  }
}

/// Where artifacts are kept.
enum CacheFolder {
  /// The setting, or `swiftlet` in `XDG_CACHE_HOME`, in `~/.cache`, or in the folder for temporary files.
  static func path(_ settings: ResolvedSettings) -> String {
    if let path = settings[.cacheDir] { return path }
    let environment = ProcessEnvironment.all
    if let base = environment["XDG_CACHE_HOME"], base.hasPrefix("/") { return "\(base)/swiftlet" }
    if let home = environment["HOME"], home.hasPrefix("/"), access(home, W_OK) == 0 { return "\(home)/.cache/swiftlet" }
    return "\(environment["TMPDIR"] ?? "/tmp")/.swiftlet-cache-\(getuid())"
  }

  /// Makes the folder for this user alone. One in a place that others can write to, which they may have made, is refused.
  static func claim(_ path: String) throws(StoreError) {
    if mkdir(path, 0o700) == 0 || errno != EEXIST { return }
    var status = stat()
    guard stat(path, &status) == 0 else { return }
    let isSafe = status.st_uid == getuid() || status.st_uid == 0 || getuid() == 0 && status.st_mode & 0o022 == 0
    guard isSafe, status.st_mode & 0o002 == 0 || status.st_uid == getuid() && status.st_mode & S_ISVTX != 0 else {
      throw StoreError(
        .accessDenied,
        "the cache folder \(path) belongs to somebody else or can be written by everybody; choose another "
          + "cache-dir")
    }
  }
}

/// Waits for asynchronous work on a thread that may wait.
private enum Blocking {
  static func wait<Value: Sendable>(
    _ work: @escaping @Sendable () async throws(StoreError) -> Value
  ) throws(StoreError) -> Value {
    let box = Box<Value>()
    Task {
      do throws(StoreError) {
        box.give(.success(try await work()))
      } catch {
        box.give(.failure(error))
      }
    }
    return try box.take().get()
  }

  private final class Box<Value: Sendable>: Sendable {
    private let value = Mutex<Result<Value, StoreError>?>(nil)
    private let given = DispatchSemaphore(value: 0)

    func give(_ result: Result<Value, StoreError>) {
      value.withLock { $0 = result }
      given.signal()
    }

    func take() -> Result<Value, StoreError> {
      given.wait()
      return value.withLock { $0 } ?? .failure(StoreError(.cancelled, "nothing came"))
    }
  }
}

extension StoreFailure {
  init(_ error: StoreError) {
    let code: ServingError.Code =
      switch error.code {
      case .notFound: .notFound
      case .accessDenied, .noCredentials: .forbidden
      case .diskFull: .insufficientStorage
      case .invalidLocation: .badRequest
      case .unreachable, .unavailable, .deadline, .cancelled, .changed: .storeUnavailable
      case .corrupt, .badArtifact, .badAnswer, .limit, .io: .modelLoadFailed
      }
    self.init(ServingError(code, "\(error)"), isTransient: error.isTransient)
  }
}

/// Weights that are prepared once and mapped by all processes: files beside the artifacts in the cache.
enum PreparedFolder {
  /// Models whose files are smaller are prepared faster than a file is written.
  private static let leastBytes = 1 << 20

  /// The folder for a model's weights; nil where they stay in memory.
  static func folder(for source: ModelSource, _ settings: ResolvedSettings) -> WeightsFolder? {
    var status = stat()
    let bytes = source.bytes > 0 ? source.bytes : stat(source.path, &status) == 0 ? Int(status.st_size) : 0
    let isFolder = status.st_mode & S_IFMT == S_IFDIR
    guard bytes >= leastBytes || (isFolder && source.bytes == 0) else { return nil }
    let path = self.path(settings)
    guard makeFolders(path) else { return nil }
    return WeightsFolder(path, modelDigest: source.digest.utf8.count == 64 ? source.digest : nil)
  }

  private static func path(_ settings: ResolvedSettings) -> String { "\(CacheFolder.path(settings))/prepared" }

  /// Removes the files that were not used for longest, until the rest has `cache-size` bytes at most. What a process has
  /// mapped stays until it lets go.
  static func sweep(_ settings: ResolvedSettings) {
    let path = path(settings)
    guard let folder = opendir(path) else { return }
    var files: [(path: String, bytes: Int, used: Int)] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      var status = stat()
      guard !name.hasPrefix("."), stat("\(path)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
        continue
      }
      files.append(
        ("\(path)/\(name)", Int(status.st_size), max(Int(status.st_atim.tv_sec), Int(status.st_mtim.tv_sec))))
    }
    closedir(folder)
    var sum = files.reduce(0) { $0 + $1.bytes }
    for file in files.sorted(by: { $0.used < $1.used }) where sum > settings[.cacheSize] {
      unlink(file.path)
      sum -= file.bytes
    }
  }

  private static func makeFolders(_ path: String) -> Bool {
    var at = ""
    for part in path.split(separator: "/") {
      at += (at.isEmpty && !path.hasPrefix("/") ? "" : "/") + part
      if mkdir(at, 0o755) != 0, errno != EEXIST { return false }
    }
    return access(path, W_OK | X_OK) == 0
  }
}
