extension ArtifactCache {
  private func pinPath(_ location: String) -> String { "\(path)/sources/\(ContentHash.of(location)).pin" }

  /// The digest that was chosen for a location, whatever its store holds; nil where none was.
  func pin(_ location: String) -> String? {
    guard let bytes = Files.read(pinPath(location), limit: 128) else { return nil }
    let text = String(decoding: bytes.filter { $0 > 0x20 }, as: UTF8.self)
    return ContentHash.isDigest(text) ? text : nil
  }

  func setPin(_ digest: String?, of location: String) throws(StoreError) {
    let path = pinPath(location)
    if let digest { return try Files.replace(path, with: Array("\(digest)\n".utf8)) }
    ArchiveExtractor.remove(path)
  }
}

extension ArtifactLibrary {
  /// Whether a cache may have a generation that was chosen for a location: one look at its folder, before there is a
  /// library.
  public static func mayHavePin(_ location: ArtifactLocation, inCache path: String) -> Bool {
    Files.status("\(path)/sources/\(ContentHash.of(text(location))).pin") != nil
  }

  /// The generation that was chosen for a location beyond restarts, from the cache; nil where none was, or it is gone.
  public func pinned(_ location: ArtifactLocation) -> FetchedArtifact? {
    guard let digest = cache.pin(ArtifactLibrary.text(location)) else { return nil }
    return history(of: location).first { $0.digest == digest }.flatMap { open($0) }
  }

  /// Chooses a generation for a location beyond restarts; nil takes the choice back.
  public func pin(_ digest: String?, of location: ArtifactLocation) throws(StoreError) {
    try cache.setPin(digest, of: ArtifactLibrary.text(location))
  }
}
