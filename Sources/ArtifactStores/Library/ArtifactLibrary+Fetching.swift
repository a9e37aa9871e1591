extension ArtifactLibrary {
  /// Fetches, for one flight.
  func fetch(
    _ location: ArtifactLocation, _ policy: VersionPolicy, _ expected: ExpectedDigest, _ usesInPlace: Bool,
    _ progress: @escaping @Sendable (ArtifactProgress) -> Void
  ) async throws(StoreError) -> FetchedArtifact {
    let found = try await resolve(location, policy)
    if usesInPlace, let path = found.localPath, let artifact = try await inPlace(path, found, expected.value) {
      return artifact
    }
    let text = ArtifactLibrary.text(location)
    var waited = 0
    while true {
      if let artifact = try await known(text, found, policy, expected) { return artifact }
      if let partial = try cache.partial("\(text)\n\(found.fingerprint.text)") {
        // Another process may have installed it between.
        if let artifact = try await known(text, found, policy, expected) {
          try await remove(partial)
          return artifact
        }
        return try await fetch(text, found, policy, expected.value, partial, progress)
      }
      progress(ArtifactProgress(stage: .waiting, bytes: waited, total: nil))
      waited += 50
      do { try await Task.sleep(for: .milliseconds(50)) } catch {
        throw StoreError(.cancelled, "cancelled while another process fetches \(location)")
      }
    }
  }

  /// The artifact where it is in the cache.
  private func known(
    _ text: String, _ found: Resolution, _ policy: VersionPolicy, _ expected: ExpectedDigest
  ) async throws(StoreError) -> FetchedArtifact? {
    let name = ArtifactLibrary.name(found)
    let artifact = try await BlockingWork.run { [cache] _ throws(StoreError) -> KnownArtifact? in
      let generations = cache.generations(text)
      let generation = generations.first { $0.fingerprint == found.fingerprint }
      if let generation {
        if let expected = expected.value, generation.digest != expected {
          throw ArtifactLibrary.mismatch(text, expected, generation.digest)
        }
        let isNewest = policy != .latest || generations.first(where: \.isLatest) == generation
        return cache.open(digest: generation.digest, isPackedZip: generation.isPackedZip).map {
          KnownArtifact(entry: $0, fingerprint: found.fingerprint, isRecorded: isNewest)
        }
      }
      // It must have become what this location's name would make of it.
      let isFile = name.map { !ArchiveExtractor.isArchiveName($0) } ?? false
      guard expected.takesCached, let digest = expected.value,
        let entry = cache.open(digest: digest, isPackedZip: isFile) ?? cache.open(digest: digest),
        entry.isFile == isFile
      else { return nil }
      // What the location holds now may be something else: it must not be taken for this.
      let own = generations.first { $0.digest == digest }?.fingerprint
      return KnownArtifact(
        entry: entry, fingerprint: own ?? ArtifactFingerprint(text: "sha256 \(digest)"), isRecorded: true)
    }
    guard let artifact else { return nil }
    if !artifact.isRecorded { try await remember(text, found, policy, artifact.entry) }
    return fetched(artifact.entry, artifact.fingerprint, name: name)
  }

  /// An artifact that is in the cache.
  private struct KnownArtifact: Sendable {
    var entry: ArtifactCache.Entry
    var fingerprint: ArtifactFingerprint
    /// False where the record is to say that the location holds it now.
    var isRecorded: Bool
  }

  private func fetch(
    _ text: String, _ found: Resolution, _ policy: VersionPolicy, _ expected: String?,
    _ partial: ArtifactCache.Partial, _ progress: @escaping @Sendable (ArtifactProgress) -> Void
  ) async throws(StoreError) -> FetchedArtifact {
    var attempt = 0
    while true {
      do throws(StoreError) {
        try await download(found, partial, progress)
        let entry = try await BlockingWork.run { [cache, limits] flag throws(StoreError) in
          let work = Installation(
            cache: cache, limits: limits, location: text, expected: expected, partial: partial.folder, flag: flag,
            progress: progress)
          return try work.install(found.content)
        }
        try await remember(text, found, policy, entry)
        try await remove(partial)
        return fetched(entry, found.fingerprint, name: ArtifactLibrary.name(found))
      } catch {
        if error.code == .diskFull {
          let done = attempt
          attempt += 1
          let isFreed = try await BlockingWork.run(isCleanup: true) { [cache] _ throws(StoreError) in
            try cache.makeRoom(afterAttempt: done, bytes: found.bytes)
          }
          if isFreed { continue }
        }
        switch error.code {
        // What was downloaded is of no use to the next attempt, or takes the room that others need.
        case .corrupt, .badArtifact, .changed, .limit, .diskFull: try await remove(partial)
        default: partial.touch()
        }
        guard error.code == .diskFull else { throw error }
        let free = Files.freeBytes(cache.path) ?? 0
        throw StoreError(
          .diskFull,
          "\(text) needs \(found.bytes) bytes and more when it is unpacked; \(free) bytes are free at \(cache.path)"
            + " (\(error))")
      }
    }
  }

  private func remove(_ partial: ArtifactCache.Partial) async throws(StoreError) {
    try await BlockingWork.run(isCleanup: true) { [cache] _ throws(StoreError) in cache.remove(partial) }
  }

  private func remember(
    _ text: String, _ found: Resolution, _ policy: VersionPolicy, _ entry: ArtifactCache.Entry
  ) async throws(StoreError) {
    var generation = GenerationRecord(
      digest: entry.digest, fingerprint: found.fingerprint, bytes: entry.bytes, etag: nil, fetchedAt: Files.now(),
      isLatest: policy == .latest, name: ArtifactLibrary.name(found), isPackedZip: entry.isPackedZip)
    if case .object(let object) = found.content { generation.etag = object.etag }
    let record = generation
    try await BlockingWork.run { [cache] _ throws(StoreError) in try cache.remember(record, of: text) }
  }

  /// The file's name where the artifact is one object.
  private static func name(_ found: Resolution) -> String? {
    guard case .object(let object) = found.content else { return nil }
    return object.key.utf8.split(separator: UInt8(ascii: "/")).last.map { String(decoding: $0, as: UTF8.self) }
  }

  static func mismatch(_ location: String, _ expected: String, _ digest: String) -> StoreError {
    .ofArtifact(.badArtifact, "\(location) has the SHA-256 \(digest), and \(expected) is expected (sha256)")
  }

  // MARK: In place

  /// The file or folder as it is; nil where it is an archive.
  private func inPlace(
    _ path: String, _ found: Resolution, _ expected: String?
  ) async throws(StoreError) -> FetchedArtifact? {
    try await BlockingWork.run { flag throws(StoreError) in
      if case .object = found.content, ArchiveExtractor.isArchive(path) { return nil }
      var digest = ContentHash.of("\(path)\n\(found.fingerprint.text)")
      if let expected {
        digest = try ArtifactLibrary.digest(path, found.content, flag)
        guard digest == expected else { throw ArtifactLibrary.mismatch(path, expected, digest) }
      }
      return FetchedArtifact(
        path: path, digest: digest, fingerprint: found.fingerprint, bytes: found.bytes, lease: nil)
    }
  }

  /// The digest that the files would have in the cache.
  private static func digest(
    _ path: String, _ content: Resolution.Content, _ flag: CancellationFlag
  ) throws(StoreError) -> String {
    guard case .objects(let objects, let prefix) = content else { return try ContentHash.of(file: path, flag) }
    var files: [ManifestFile] = []
    for object in objects {
      let relative = String(decoding: Array(object.key.utf8.dropFirst(prefix.utf8.count)), as: UTF8.self)
      let sha256 = try ContentHash.of(file: "\(path)/\(relative)", flag)
      files.append(ManifestFile(path: relative, size: object.size, sha256: sha256))
    }
    return ContentHash.of(files: files)
  }
}
