import JSONDocument

/// What a location held at a time.
public struct GenerationRecord: Sendable, Hashable {
  /// Of the artifact.
  public var digest: String
  public var fingerprint: ArtifactFingerprint
  /// The object's version id, or the numeric sub-folder.
  public var version: String? { fingerprint.version }
  /// On disk, unpacked.
  public var bytes: Int
  public var etag: String?
  /// Milliseconds since 1970.
  public var fetchedAt: Int64
  /// Whether it was the newest when it was fetched, and not one that was asked for by its version.
  public var isLatest: Bool
  /// Whether its user has found it good: what is fetched may turn out not to load.
  public var isAccepted = false
  /// The file's name where the artifact is one file.
  var name: String?
  /// Whether it is a zip archive that is kept as it is.
  var isPackedZip = false
}

/// What is known of a location: `sources/<sha256 of its text>.json`.
struct SourceRecord: Sendable {
  var location: String
  /// The newest first.
  var generations: [GenerationRecord]

  init(location: String, generations: [GenerationRecord] = []) {
    self.location = location
    self.generations = generations
  }

  /// Reads a record; nil where it is garbled or another location's.
  init?(_ text: [UInt8], location: String) {
    guard let document = try? JSONDocument(parsing: text), document["format"]?.int == 1,
      document["location"]?.string == location, let list = document["generations"]?.array
    else { return nil }
    self.init(location: location)
    for item in list {
      guard let digest = item["digest"]?.string, ContentHash.isDigest(digest),
        let fingerprint = item["fingerprint"]?.string, let bytes = item["bytes"]?.int, bytes >= 0,
        let fetchedAt = item["fetched_at"]?.int, let isLatest = item["latest"]?.bool
      else { return nil }
      generations.append(
        GenerationRecord(
          digest: digest, fingerprint: ArtifactFingerprint(text: fingerprint, version: item["version"]?.string),
          bytes: bytes, etag: item["etag"]?.string, fetchedAt: Int64(fetchedAt), isLatest: isLatest,
          isAccepted: item["accepted"]?.bool ?? false, name: item["name"]?.string,
          isPackedZip: item["packed"]?.bool ?? false))
    }
  }

  var text: [UInt8] {
    let list = generations.map { generation -> JSONDocument in
      var members: [(name: String, value: JSONDocument)] = [
        ("digest", .string(generation.digest)), ("fingerprint", .string(generation.fingerprint.text)),
        ("bytes", .number(generation.bytes)), ("fetched_at", .number(Int(generation.fetchedAt))),
        ("latest", .bool(generation.isLatest)), ("accepted", .bool(generation.isAccepted)),
      ]
      if let version = generation.version { members.append(("version", .string(version))) }
      if let etag = generation.etag { members.append(("etag", .string(etag))) }
      if let name = generation.name { members.append(("name", .string(name))) }
      if generation.isPackedZip { members.append(("packed", true)) }
      return .object(members)
    }
    let document: JSONDocument = ["format": 1, "location": .string(location), "generations": .array(list)]
    return Array(document.text(pretty: true).utf8)
  }

  /// Puts a generation first, in place of an earlier record of the same. The newest that was fetched as the latest stays.
  mutating func add(_ generation: GenerationRecord, limit: Int) {
    var generation = generation
    let latest = generations.first(where: \.isLatest)
    if let latest, latest.fingerprint == generation.fingerprint { generation.isLatest = true }
    if generations.contains(where: { $0.digest == generation.digest && $0.isAccepted }) { generation.isAccepted = true }
    generations.removeAll { $0.fingerprint == generation.fingerprint }
    generations.insert(generation, at: 0)
    let cut = generations.dropFirst(limit)
    generations = Array(generations.prefix(limit))
    if !generations.contains(where: \.isLatest), let latest = cut.first(where: \.isLatest) {
      generations.append(latest)
    }
    if !generations.contains(where: \.isAccepted), let accepted = cut.first(where: \.isAccepted) {
      generations.append(accepted)
    }
  }
}

extension ArtifactCache {
  private func recordPath(_ location: String) -> String { "\(path)/sources/\(ContentHash.of(location)).json" }

  /// What is known of a location; empty where its record is missing or garbled.
  func generations(_ location: String) -> [GenerationRecord] {
    guard let text = Files.read(recordPath(location), limit: 1 << 20) else { return [] }
    return SourceRecord(text, location: location)?.generations ?? []
  }

  /// Writes down that what `location` held with this digest is good.
  func accept(_ digest: String, of location: String) throws(StoreError) {
    try exclusively { () throws(StoreError) in
      var record = SourceRecord(location: location, generations: generations(location))
      guard record.generations.contains(where: { $0.digest == digest && !$0.isAccepted }) else { return }
      for index in record.generations.indices where record.generations[index].digest == digest {
        record.generations[index].isAccepted = true
      }
      try Files.replace(recordPath(location), with: record.text)
    }
  }

  /// Writes down that `location` holds `generation`.
  func remember(_ generation: GenerationRecord, of location: String) throws(StoreError) {
    try exclusively { () throws(StoreError) in
      var record = SourceRecord(location: location, generations: generations(location))
      record.add(generation, limit: historyCount)
      try Files.replace(recordPath(location), with: record.text)
    }
  }
}
