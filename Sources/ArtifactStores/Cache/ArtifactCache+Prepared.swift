extension ArtifactCache {
  /// The folder `prepared/` of a cache, for files that are made of artifacts and can be made again. They count as the
  /// artifacts do: the last used one of an artifact stays as long as that does, the last used one of all that are of no
  /// artifact here stays, and others go when they were not used for longest. What a process has mapped stays until it
  /// lets go.
  ///
  /// The name of a file begins with 32 digits of the SHA-256 of its artifact's digest (`WeightsKey`), or with those of a
  /// model that is in no cache.
  public static func preparedFolder(in path: String) throws(StoreError) -> String {
    let folder = "\(path)/prepared"
    try Files.makeFolders(folder)
    return folder
  }

  /// Digits of a prepared file's name that tell its artifact.
  private static let keyCount = 32
  /// Nanoseconds for which a file that is being written is left alone.
  private static let writing: Int64 = 3_600_000_000_000

  /// The prepared files: those that go with an entry, by its folder, and the others.
  func prepared() -> (attached: [String: [(path: String, bytes: Int)]], loose: [Occupant]) {
    var found: [(name: String, file: Occupant)] = []
    let now = Files.now() * 1_000_000
    for name in Files.names("\(path)/prepared") ?? [] {
      let file = "\(path)/prepared/\(name)"
      guard let status = Files.status(file, followsLink: false), status.kind == .file else { continue }
      if name.hasSuffix(".tmp"), now - status.modified < Self.writing { continue }
      found.append(
        (name, Occupant(path: file, bytes: status.size, lastUsed: status.used, isPrepared: true)))
    }
    guard !found.isEmpty else { return ([:], []) }
    var entries: [String: String] = [:]
    for name in Files.names("\(path)/artifacts") ?? [] {
      let digest = String(name.prefix(64))
      guard ContentHash.isDigest(digest) else { continue }
      entries[String(ContentHash.of(digest).prefix(Self.keyCount))] = "\(path)/artifacts/\(name)"
    }
    var attached: [String: [(path: String, bytes: Int)]] = [:]
    var loose: [Occupant] = []
    var hasForeign = false
    // Of one artifact those of other builds and kernels are older.
    for (name, var file) in found.sorted(by: { $0.file.lastUsed > $1.file.lastUsed }) {
      let entry = entries[String(name.prefix(Self.keyCount))]
      if let entry, attached[entry] == nil {
        attached[entry] = [(file.path, file.bytes)]
        continue
      }
      // A server of a model that lies elsewhere may have it mapped, and would only make it again.
      file.isKept = entry == nil && !hasForeign
      hasForeign = hasForeign || entry == nil
      loose.append(file)
    }
    return (attached, loose)
  }
}
