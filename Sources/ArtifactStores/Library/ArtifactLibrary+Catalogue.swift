/// One page of the names of models below a prefix or folder.
public struct CataloguePage: Sendable, Hashable {
  /// Paths below it, each of which `ArtifactLocation.appending` makes the model's location of.
  public var names: [String]
  /// What asks for the next page; nil on the last.
  public var next: String?

  public init(names: [String], next: String? = nil) {
    self.names = names
    self.next = next
  }
}

extension ArtifactLibrary {
  /// The models below a prefix or folder, in the order of its listing:
  /// - an archive, by its path: `a/b.tar.gz`;
  /// - a model file at the top, by its name: `m.onnx`;
  /// - a folder that holds a model file, or numeric versions of one, by the folder's path, once: what else is below it
  ///   belongs to that model.
  ///
  /// - Parameters:
  ///   - extensions: of model files, with their dot.
  ///   - token: `next` of the page before; nil for the first. A page has at least one name, unless it is the last.
  /// - Complexity: one listing request for every 1000 objects.
  public func catalogue(
    _ prefix: ArtifactLocation, extensions: [String] = [".onnx"], token: String?
  ) async throws(StoreError) -> CataloguePage {
    let store: any ArtifactStore
    var key = ""
    switch prefix {
    case .file(let path): store = LocalStore(folder: Files.absolute(path), links: .anywhere)
    case .s3(let bucket, let text, _):
      store = try self.store(ofBucket: bucket)
      key = text.isEmpty || text.hasSuffix("/") ? text : "\(text)/"
    }
    // The store's token comes after the last model that is a folder, which may go on on the next page.
    let parts = token.map { $0.utf8.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false) }
    var scan = CatalogueScan(extensions: extensions.map { $0.lowercased() })
    scan.folder = parts.flatMap { $0.first.map { String(decoding: $0, as: UTF8.self) } } ?? ""
    var next = parts.flatMap { $0.count == 2 ? String(decoding: $0[1], as: UTF8.self) : nil }
    repeat {
      let page = try await store.list(prefix: key, isFlat: true, token: next)
      for object in page.objects where object.key.utf8.count > key.utf8.count {
        scan.take(String(decoding: Array(object.key.utf8.dropFirst(key.utf8.count)), as: UTF8.self))
      }
      next = page.next
    } while scan.names.isEmpty && next != nil
    return CataloguePage(names: scan.names, next: next.map { "\(scan.folder)\0\($0)" })
  }
}

/// Makes models of keys that come in their byte order.
private struct CatalogueScan {
  let extensions: [String]
  var names: [String] = []
  /// The last model that is a folder.
  var folder = ""

  init(extensions: [String]) { self.extensions = extensions }

  mutating func take(_ key: String) {
    if !folder.isEmpty, key.utf8.starts(with: "\(folder)/".utf8) { return }
    let lower = key.lowercased()
    let isArchive = ArchiveExtractor.isArchiveName(lower)
    guard isArchive || extensions.contains(where: { lower.hasSuffix($0) }) else { return }
    let parts = ArchivePath.components(key)
    let version = parts.dropLast().indices.dropFirst().first { ArtifactLibrary.digits(parts[$0]) != nil }
    if let version {
      folder = parts[..<version].joined(separator: "/")
    } else if isArchive || parts.count == 1 {
      names.append(key)
      return
    } else {
      folder = parts.dropLast().joined(separator: "/")
    }
    names.append(folder)
  }
}
