import Synchronization

/// Artifacts by their locations: what a location holds now is looked up in its store, fetched into the cache where it is
/// not there already, unpacked where it is an archive, and handed out with a lease.
///
/// - An object is one file, or an archive (`ArchiveExtractor.isArchive`), which is unpacked.
/// - A key that ends in a slash, or under which there is no object but below which there are some, is a prefix: all its
///   objects become a folder. Archives among them stay packed, unless the only object is one.
/// - A prefix or folder with numeric sub-folders (`1/`, `2/`, `10/`) is a model in versions, and one of them is taken.
/// - Paths of this machine follow the same rules. Their links are followed wherever they lead.
public final class ArtifactLibrary: Sendable {
  public let cache: ArtifactCache
  let limits: ArchiveLimits
  let suggestsNames: Bool
  private let store: @Sendable (String) throws(StoreError) -> any ArtifactStore
  private let flights = Mutex<[FlightKey: Flight]>([:])

  private struct FlightKey: Hashable {
    var location: ArtifactLocation
    var policy: VersionPolicy
    var expected: String?
    var usesInPlace: Bool
    var takesCached: Bool
  }

  /// - Parameters:
  ///   - limits: of archives, and of the number and size of the objects below a prefix.
  ///   - suggestsNames: whether errors for what is not there list its folder for names that are near.
  ///   - store: the store of a bucket.
  public init(
    cache: ArtifactCache, limits: ArchiveLimits, suggestsNames: Bool = true,
    store: @escaping @Sendable (String) throws(StoreError) -> any ArtifactStore
  ) {
    self.cache = cache
    self.limits = limits
    self.suggestsNames = suggestsNames
    self.store = store
  }

  func store(ofBucket bucket: String) throws(StoreError) -> any ArtifactStore { try store(bucket) }

  /// What `location` holds now, by one or a few short requests.
  ///
  /// - Throws: `StoreError`; `notFound` names what is there instead.
  public func fingerprint(
    of location: ArtifactLocation, policy: VersionPolicy
  ) async throws(StoreError) -> ArtifactFingerprint {
    try await resolve(location, policy).fingerprint
  }

  /// Fetches what `location` holds now. Callers that want the same at the same time share one fetch, which goes on
  /// until the last of them is cancelled. What an interrupted fetch downloaded is used.
  ///
  /// - Parameters:
  ///   - expectedSHA256: the digest that the artifact must have; another one is `badArtifact`, and is not installed.
  ///   - usesInPlace: true to use files and folders of this machine where they are, unless they are archives.
  ///   - isFresh: true to look the location up after the call, not to share a fetch that began before it.
  ///   - takesCached: true where the artifact with the expected digest does if the cache has it and nobody knows the digest
  ///     of what the location holds now. It then has the fingerprint that it was fetched under, not the location's.
  ///   - progress: called from any thread.
  public func fetch(
    _ location: ArtifactLocation, policy: VersionPolicy, expectedSHA256: String?, usesInPlace: Bool,
    isFresh: Bool = false, takesCached: Bool = false, progress: @escaping @Sendable (ArtifactProgress) -> Void
  ) async throws(StoreError) -> FetchedArtifact {
    let expected = expectedSHA256.map { $0.lowercased() }
    guard expected.map(ContentHash.isDigest) ?? true else {
      throw StoreError(.invalidLocation, "\(expectedSHA256 ?? "") is no SHA-256: it has 64 hexadecimal digits")
    }
    let key = FlightKey(
      location: location, policy: policy, expected: expected, usesInPlace: usesInPlace, takesCached: takesCached)
    while true {
      let flight = flights.withLock { flights in
        if !isFresh, let flight = flights[key], flight.isOpen { return flight }
        let flight = Flight()
        flights[key] = flight
        return flight
      }
      let artifact = try await flight.join(progress) { [self] flight in await work(key, flight) }
      if let artifact { return artifact }
    }
  }

  /// Fetches for those who joined `flight`, which nobody joins from then on.
  private func work(_ key: FlightKey, _ flight: Flight) async -> Result<FetchedArtifact, StoreError> {
    let result: Result<FetchedArtifact, StoreError>
    do throws(StoreError) {
      let report: @Sendable (ArtifactProgress) -> Void = { flight.report($0) }
      let digest = ExpectedDigest(value: key.expected, takesCached: key.takesCached)
      result = .success(try await fetch(key.location, key.policy, digest, key.usesInPlace, report))
    } catch {
      result = .failure(error)
    }
    flights.withLock { flights in
      if flights[key] === flight { flights[key] = nil }
    }
    return result
  }

  /// What was last fetched from `location`, was accepted and is still in the cache, without asking its store.
  public func cached(_ location: ArtifactLocation, policy: VersionPolicy) -> FetchedArtifact? {
    let generation = cache.generations(ArtifactLibrary.text(location)).first { generation in
      guard generation.isAccepted else { return false }
      return switch policy {
      case .latest: generation.isLatest
      case .pinned(let version): generation.version == version
      }
    }
    return generation.flatMap { open($0) }
  }

  /// What was last fetched from `location` and is still in the cache, accepted or not, without asking its store.
  public func installed(_ location: ArtifactLocation, policy: VersionPolicy) -> FetchedArtifact? {
    for generation in cache.generations(ArtifactLibrary.text(location)) {
      let isWanted =
        switch policy {
        case .latest: generation.isLatest
        case .pinned(let version): generation.version == version
        }
      if isWanted, let artifact = open(generation) { return artifact }
    }
    return nil
  }

  /// The artifact with this digest where the cache has it, as it was last fetched from `location`, or from anywhere.
  public func open(digest: String, of location: ArtifactLocation) -> FetchedArtifact? {
    cache.generations(ArtifactLibrary.text(location)).first { $0.digest == digest }.flatMap { open($0) }
      ?? open(digest: digest)
  }

  /// Removes what the cache holds beyond its limit and nobody uses: what was made of artifacts grows between fetches, too.
  public func trim() async throws(StoreError) {
    try await BlockingWork.run(isCleanup: true) { [cache] _ throws(StoreError) in _ = try cache.makeRoom() }
  }

  /// What was fetched from `location`, was accepted and is still in the cache, the newest first.
  public func history(of location: ArtifactLocation) -> [GenerationRecord] {
    cache.generations(ArtifactLibrary.text(location)).filter { $0.isAccepted && cache.has(digest: $0.digest) }
  }

  /// The artifact of a generation, as it was fetched.
  public func open(_ generation: GenerationRecord) -> FetchedArtifact? {
    cache.open(digest: generation.digest, isPackedZip: generation.isPackedZip).map {
      fetched($0, generation.fingerprint, name: generation.name)
    }
  }

  /// An artifact that is in the cache. Its fingerprint is made of the digest.
  public func open(digest: String) -> FetchedArtifact? {
    cache.open(digest: digest).map { fetched($0, ArtifactFingerprint(text: "sha256 \(digest)"), name: nil) }
  }

  func fetched(_ entry: ArtifactCache.Entry, _ fingerprint: ArtifactFingerprint, name: String?) -> FetchedArtifact {
    FetchedArtifact(
      path: name.map { cache.path(of: entry, named: $0) } ?? entry.path, digest: entry.digest,
      fingerprint: fingerprint, bytes: entry.bytes, lease: entry.lease)
  }

  /// Remembers that what was fetched from `location` with this digest has proved good: only that is given by `cached` and
  /// `history`.
  public func accept(_ digest: String, of location: ArtifactLocation) throws(StoreError) {
    try cache.accept(digest, of: ArtifactLibrary.text(location))
  }

  /// The location's text in records: a path is that from the root on.
  static func text(_ location: ArtifactLocation) -> String {
    switch location {
    case .file(let path): "file://\(Files.absolute(path))"
    case .s3: location.description
    }
  }
}
