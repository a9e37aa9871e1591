extension ArtifactLibrary {
  /// The error for a location where there is nothing, with what is near it by name.
  func missing(
    _ location: ArtifactLocation, _ store: any ArtifactStore, _ key: String
  ) async -> StoreError {
    guard suggestsNames else { return .ofArtifact(.notFound, "there is nothing at \(location)") }
    let bytes = key.hasSuffix("/") ? key.utf8.dropLast() : key.utf8[...]
    let parent = bytes.lastIndex(of: UInt8(ascii: "/")).map { String(key[...$0]) } ?? ""
    let wanted = String(decoding: Array(bytes.dropFirst(parent.utf8.count)), as: UTF8.self)
    // One page: the error should be quick.
    guard let page = try? await store.list(prefix: parent, isFlat: false, token: nil) else {
      return .ofArtifact(.notFound, "there is nothing at \(location)")
    }
    let names = (page.objects.map(\.key) + page.folders).map {
      String(decoding: Array($0.utf8.dropFirst(parent.utf8.count)), as: UTF8.self)
    }.filter { !$0.isEmpty }
    let near = NearNames.near(wanted, names)
    if !near.isEmpty {
      return .ofArtifact(
        .notFound, "there is nothing at \(location); near it are: \(near.map { parent + $0 }.joined(separator: ", "))")
    }
    guard !names.isEmpty, case .file = location else {
      return .ofArtifact(.notFound, "there is nothing at \(location)")
    }
    return .ofArtifact(
      .notFound, "there is nothing at \(location); its folder has: \(names.prefix(3).joined(separator: ", "))")
  }
}

/// Names that a mistyped one may have been meant to be.
public enum NearNames {
  /// Up to three of `names`: those that begin as `wanted` does, or differ in few letters, the nearest first.
  public static func near(_ wanted: String, _ names: [String]) -> [String] {
    let own = Array(wanted.lowercased().utf8.prefix(128))
    guard !own.isEmpty else { return [] }
    let scored = names.compactMap { name -> (score: Int, name: String)? in
      let other = Array(name.lowercased().utf8.prefix(128))
      let bare = other.last == UInt8(ascii: "/") ? other.dropLast() : other[...]
      let isPrefix = bare.starts(with: own) || (bare.count >= 3 && own.starts(with: bare))
      let score = isPrefix ? 1 : distance(own, Array(bare))
      return score <= Swift.max(2, own.count / 3) ? (score, name) : nil
    }
    return scored.sorted { ($0.score, $0.name) < ($1.score, $1.name) }.prefix(3).map(\.name)
  }

  /// Insertions, removals and changes of one byte that make `a` to `b`.
  private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let next = Swift.min(row[j] + 1, row[j + 1] + 1, diagonal + (x == y ? 0 : 1))
        diagonal = row[j + 1]
        row[j + 1] = next
      }
    }
    return row[b.count]
  }
}
