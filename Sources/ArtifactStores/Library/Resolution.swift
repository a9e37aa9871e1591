/// What a location stands for in its store.
struct Resolution: Sendable {
  enum Content: Sendable {
    case object(StoredObject)
    /// The objects below a prefix, in the byte order of their keys, without the markers of folders.
    case objects([StoredObject], prefix: String)
  }

  var store: any ArtifactStore
  var content: Content
  var fingerprint: ArtifactFingerprint
  /// Where the file or folder is on this machine.
  var localPath: String?

  var bytes: Int {
    switch content {
    case .object(let object): object.size
    case .objects(let objects, _): objects.reduce(0) { $0.addingReportingOverflow($1.size).partialValue }
    }
  }
}

extension ArtifactLibrary {
  /// Looks up what `location` holds now.
  func resolve(_ location: ArtifactLocation, _ policy: VersionPolicy) async throws(StoreError) -> Resolution {
    switch location {
    case .s3(let bucket, let key, let versionID):
      let store = try store(ofBucket: bucket)
      return try await resolve(location, store, key, versionID, policy)
    case .file(let path):
      var path = Files.absolute(path)
      while path.utf8.count > 1, path.utf8.last == UInt8(ascii: "/") { path.removeLast() }
      if Files.status(path)?.kind == .folder {
        let store = LocalStore(folder: path, links: .anywhere)
        var found = try await resolve(location, store, "", nil, policy)
        switch found.content {
        case .object(let object): found.localPath = "\(path)/\(object.key)"
        case .objects(_, let prefix): found.localPath = prefix.isEmpty ? path : "\(path)/\(prefix.dropLast())"
        }
        return found
      }
      let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) ?? path.startIndex
      let name = String(path[path.utf8.index(after: slash)...])
      let store = LocalStore(folder: String(path[..<slash]), links: .anywhere)
      if case .pinned(let version) = policy {
        throw StoreError(.notFound, "\(path) is no folder with a version \(version)")
      }
      let object: StoredObject
      do throws(StoreError) {
        object = try await store.object(name, versionID: nil)
      } catch {
        guard error.code == .notFound else { throw error }
        throw await missing(location, store, name)
      }
      return Resolution(
        store: store, content: .object(object), fingerprint: ArtifactFingerprint(text: object.fingerprint),
        localPath: path)
    }
  }

  private func resolve(
    _ location: ArtifactLocation, _ store: any ArtifactStore, _ key: String, _ versionID: String?,
    _ policy: VersionPolicy
  ) async throws(StoreError) -> Resolution {
    guard !key.isEmpty, !key.hasSuffix("/") else { return try await prefix(location, store, key, policy) }
    var wanted = versionID
    if case .pinned(let version) = policy { wanted = version }
    var object: StoredObject?
    do throws(StoreError) {
      object = try await store.object(key, versionID: versionID)
    } catch {
      guard error.code == .notFound else { throw error }
    }
    if object == nil, versionID == nil {
      do throws(StoreError) {
        return try await prefix(location, store, "\(key)/", policy)
      } catch {
        // Versions of a model without the wanted one, or nothing at all: an object that was deleted keeps its versions.
        guard error.code == .notFound else { throw error }
        if try await !isEmpty(store, "\(key)/") { throw error }
      }
    }
    if object == nil || object?.versionID != wanted, let wanted {
      // Only for a key that is an object's: stores answer in many ways to ids that are not theirs.
      do throws(StoreError) {
        object = try await store.object(key, versionID: wanted)
      } catch {
        guard object == nil, versionID == nil, [.notFound, .badAnswer].contains(error.code) else { throw error }
      }
    }
    guard let object else { throw await missing(location, store, key) }
    let version = object.versionID.flatMap { $0 == "null" ? nil : $0 }
    return Resolution(
      store: store, content: .object(object),
      fingerprint: ArtifactFingerprint(text: object.fingerprint, version: version))
  }

  private func isEmpty(_ store: any ArtifactStore, _ prefix: String) async throws(StoreError) -> Bool {
    let page = try await store.list(prefix: prefix, isFlat: true, token: nil)
    return page.objects.isEmpty
  }

  // MARK: Prefixes

  private func prefix(
    _ location: ArtifactLocation, _ store: any ArtifactStore, _ prefix: String, _ policy: VersionPolicy
  ) async throws(StoreError) -> Resolution {
    let versions = try await versions(store, prefix)
    if versions.isEmpty {
      if case .pinned(let version) = policy {
        throw StoreError(.notFound, "\(location) has no numeric sub-folders, and so no version \(version)")
      }
      let objects = try await objects(location, store, prefix)
      guard !objects.isEmpty else { throw await missing(location, store, prefix) }
      return ArtifactLibrary.resolution(store, objects, prefix, version: nil)
    }
    for version in versions {
      if case .pinned(let wanted) = policy, ArtifactLibrary.digits(wanted) != ArtifactLibrary.digits(version) {
        continue
      }
      let objects = try await objects(location, store, "\(prefix)\(version)/")
      if !objects.isEmpty {
        return ArtifactLibrary.resolution(store, objects, "\(prefix)\(version)/", version: version)
      }
    }
    let there = versions.prefix(20).joined(separator: ", ") + (versions.count > 20 ? ", ..." : "")
    guard case .pinned(let wanted) = policy else {
      throw StoreError(.notFound, "\(location): none of the versions \(there) has files")
    }
    throw StoreError(.notFound, "\(location) has no version \(wanted); there are: \(there)")
  }

  private static func resolution(
    _ store: any ArtifactStore, _ objects: [StoredObject], _ prefix: String, version: String?
  ) -> Resolution {
    let list = objects.map { "\($0.key.dropFirst(prefix.count))\0\($0.fingerprint)\n" }.joined()
    let fingerprint = ArtifactFingerprint(text: "objects \(ContentHash.of(list))", version: version)
    if objects.count == 1, let only = objects.first, ArchiveExtractor.isArchiveName(only.key) {
      return Resolution(store: store, content: .object(only), fingerprint: fingerprint)
    }
    return Resolution(store: store, content: .objects(objects, prefix: prefix), fingerprint: fingerprint)
  }

  /// The numeric sub-folders, the greatest first.
  private func versions(_ store: any ArtifactStore, _ prefix: String) async throws(StoreError) -> [String] {
    var found: [String] = []
    var token: String?
    var entries = 0
    repeat {
      let page = try await store.list(prefix: prefix, isFlat: false, token: token)
      for folder in page.folders {
        let name = String(decoding: Array(folder.utf8.dropFirst(prefix.utf8.count).dropLast()), as: UTF8.self)
        if ArtifactLibrary.digits(name) != nil { found.append(name) }
      }
      entries += page.objects.count + page.folders.count
      token = page.next
    } while token != nil && entries < limits.maxEntries
    return found.sorted { a, b in
      let (x, y) = (ArtifactLibrary.digits(a) ?? "", ArtifactLibrary.digits(b) ?? "")
      return (y.utf8.count, y, b) < (x.utf8.count, x, a)
    }
  }

  /// Whether a folder of this machine has sub-folders that are versions by their names.
  public static func hasVersions(_ folder: String) -> Bool {
    (Files.names(folder) ?? []).contains { digits($0) != nil && Files.status("\(folder)/\($0)")?.kind == .folder }
  }

  /// A number without leading zeros, of any length; nil where the text is none.
  static func digits(_ text: String) -> String? {
    guard !text.isEmpty, text.utf8.count <= 64,
      text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
    else { return nil }
    let significant = text.drop { $0 == "0" }
    return significant.isEmpty ? "0" : String(significant)
  }

  /// All objects below a prefix, their keys checked: each is a file's path, and none is both a file and a folder.
  private func objects(
    _ location: ArtifactLocation, _ store: any ArtifactStore, _ prefix: String
  ) async throws(StoreError) -> [StoredObject] {
    var objects: [StoredObject] = []
    var bytes = 0
    var token: String?
    repeat {
      let page = try await store.list(prefix: prefix, isFlat: true, token: token)
      for object in page.objects {
        guard object.key.utf8.starts(with: prefix.utf8), object.size >= 0 else {
          throw StoreError(.badAnswer, "\(location): the store lists \"\(object.key)\" below \"\(prefix)\"")
        }
        if object.key.utf8.last == UInt8(ascii: "/") || object.key.utf8.count == prefix.utf8.count { continue }
        objects.append(object)
        let sum = bytes.addingReportingOverflow(object.size)
        guard objects.count <= limits.maxEntries, !sum.overflow, sum.partialValue <= limits.maxBytes else {
          throw .ofArtifact(
            .limit,
            "\(location) has more than \(limits.maxEntries) objects (max-archive-entries) or \(limits.maxBytes) bytes"
              + " (max-archive-size)")
        }
        bytes = sum.partialValue
      }
      token = page.next
    } while token != nil
    var folders: Set<String> = []
    for object in objects {
      let relative = String(decoding: Array(object.key.utf8.dropFirst(prefix.utf8.count)), as: UTF8.self)
      if let fault = ArchivePath.fault(ofKey: relative, limits: limits) {
        throw .ofArtifact(.badArtifact, "\(location): the key \"\(object.key)\" cannot be a file: it \(fault)")
      }
      var path = relative
      while let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) {
        path = String(path[..<slash])
        guard folders.insert(path).inserted else { break }
      }
    }
    for object in objects {
      let relative = String(decoding: Array(object.key.utf8.dropFirst(prefix.utf8.count)), as: UTF8.self)
      guard !folders.contains(relative) else {
        throw .ofArtifact(
          .badArtifact, "\(location): the key \"\(object.key)\" cannot be a file, for there are keys below it")
      }
    }
    return objects
  }
}
