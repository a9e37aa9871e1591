import JSONDocument

/// A file or link of an artifact.
struct ManifestFile: Sendable, Hashable {
  /// Relative to the artifact's folder.
  var path: String
  /// Bytes; of a link, of its target's text.
  var size: Int
  /// Of the bytes; of a link, of the words `link` and its target.
  var sha256: String
  /// Where a symbolic link leads.
  var link: String?

  init(path: String, size: Int, sha256: String) {
    self.path = path
    self.size = size
    self.sha256 = sha256
  }

  init(link target: String, path: String) {
    self.path = path
    size = target.utf8.count
    sha256 = ContentHash.of("link \(target)")
    link = target
  }
}

/// What a cache entry holds; the last file written of it.
struct Manifest: Sendable, Hashable {
  /// What the model loader is pointed at.
  enum Kind: String, Sendable { case file, folder }

  var digest: String
  var kind: Kind
  var bytes: Int
  /// In the byte order of their paths.
  var files: [ManifestFile]

  init(digest: String, kind: Kind, files: [ManifestFile]) {
    self.digest = digest
    self.kind = kind
    self.files = files
    bytes = files.reduce(0) { $0.addingReportingOverflow($1.size).partialValue }
  }

  /// Reads a manifest; nil where it is damaged.
  init?(_ text: [UInt8]) {
    guard let document = try? JSONDocument(parsing: text), document["format"]?.int == 1,
      let digest = document["digest"]?.string, ContentHash.isDigest(digest),
      let kind = document["kind"]?.string.flatMap(Kind.init), let list = document["files"]?.array
    else { return nil }
    var files: [ManifestFile] = []
    for item in list {
      guard let path = item["path"]?.string, ArchivePath.confined(path) == path, let size = item["size"]?.int,
        size >= 0,
        let sha256 = item["sha256"]?.string
      else { return nil }
      var file = ManifestFile(path: path, size: size, sha256: sha256)
      file.link = item["link"]?.string
      files.append(file)
    }
    guard kind == .folder || files.count == 1 else { return nil }
    self.init(digest: digest, kind: kind, files: files)
  }

  var text: [UInt8] {
    let list = files.map { file -> JSONDocument in
      var members: [(name: String, value: JSONDocument)] = [
        ("path", .string(file.path)), ("size", .number(file.size)), ("sha256", .string(file.sha256)),
      ]
      if let link = file.link { members.append(("link", .string(link))) }
      return .object(members)
    }
    let document: JSONDocument = [
      "format": 1, "digest": .string(digest), "kind": .string(kind.rawValue), "files": .array(list),
    ]
    return Array(document.text().utf8)
  }
}
