import ArtifactStores
import Logging
import ModelHosting
import Settings
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

// What names and URLs of models mean.
extension LibraryStore {
  func location(of name: String) throws(StoreError) -> ArtifactLocation {
    guard let location else { throw StoreError(.notFound, "there is no model store") }
    return isFleet ? location.appending(name) : location
  }

  /// A fleet's model by its name: an archive, a file or a folder. Where the store does not answer, the last that was fetched,
  /// with a warning, unless it is to be fresh.
  func fetchMember(_ name: String, _ isFresh: Bool) async throws(StoreError) -> ModelArtifact {
    let spellings = LibraryStore.spellings(name)
    if !isFresh, let chosen = try places(of: name).lazy.compactMap({ self.pinned($0) }).first {
      return chosen
    }
    for (index, spelling) in spellings.enumerated() {
      let cached = isFresh ? nil : try installed(spellings[index...])
      do throws(StoreError) {
        let place = try location(of: spelling)
        return try await StorePatience.with(short: cached != nil) { () async throws(StoreError) in
          try await fetch(place, expected: nil, usesInPlace: true, isFresh: isFresh)
        }
      } catch {
        if error.code == .notFound { continue }
        // That there is none, or that it may not be read, is an answer.
        let isAnswer = ![.unreachable, .unavailable, .deadline, .noCredentials].contains(error.code)
        guard !isAnswer, var cached else { throw error }
        cached.warning = error.description
        log.warning(
          "the store does not answer; serving from the cache",
          metadata: ["model": "\(name)", "digest": "\(cached.digest)", "reason": "\(error)"])
        return cached
      }
    }
    let near = NearNames.near(name, await names().map(ModelName.canonical))
    let text =
      "there is no model \"\(name.prefix(200))\" in the store"
      + (near.isEmpty
        ? "; GET /models?registered=true lists what there is" : "; near it are: \(near.joined(separator: ", "))")
    throw StoreError(.notFound, text, shown: text)
  }

  /// Where a model may be, in the order in which it is looked for.
  func places(of name: String) throws(StoreError) -> [ArtifactLocation] {
    guard isFleet else { return [try location(of: name)] }
    var places: [ArtifactLocation] = []
    for spelling in LibraryStore.spellings(name) { places.append(try location(of: spelling)) }
    return places
  }

  /// What the cache has of a model that a remote store has under one of these names.
  private func installed(_ spellings: some Sequence<String>) throws(StoreError) -> ModelArtifact? {
    for spelling in spellings {
      let place = try location(of: spelling)
      guard !place.isLocal else { return nil }
      if let cached = try library.get().installed(place, policy: policy) { return artifact(cached, place) }
    }
    return nil
  }

  /// The first names of the store, as they were a few seconds ago at most: a client that asks for what is not there must not
  /// keep the server listing.
  func names() async -> [String] {
    let now = ContinuousClock.now
    if let known = listed.withLock({ $0 }), now - known.at < .seconds(5) { return known.names }
    guard let location, let page = try? await library.get().catalogue(location, token: nil) else { return [] }
    listed.withLock { $0 = (now, page.names) }
    return page.names
  }

  func member(_ name: String) async throws(StoreError) -> ArtifactLocation {
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
  func confined(_ url: String) throws(StoreError) -> ArtifactLocation {
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
        let base = prefix.isEmpty || prefix.hasSuffix("/") ? prefix : prefix + "/"
        // The store itself is no model.
        return bucket == other && key.hasPrefix(base) && key != base && !key.split(separator: "/").contains("..")
      default: return false
      }
    }
    guard isInside else {
      let text = "\(url) is outside of what this server serves: \(roots.map(\.description).joined(separator: ", "))"
      throw StoreError(.accessDenied, text, shown: text)
    }
    return place
  }

  private static func real(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  func catalogue(_ token: String?, _ limit: Int) async throws(StoreError) -> StoreResult {
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
