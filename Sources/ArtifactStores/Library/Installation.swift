#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Makes a cache entry of what was downloaded.
struct Installation {
  let cache: ArtifactCache
  let limits: ArchiveLimits
  /// For messages.
  let location: String
  let expected: String?
  /// Where the downloads are.
  let partial: String
  let flag: CancellationFlag
  let progress: (ArtifactProgress) -> Void

  func install(_ content: Resolution.Content) throws(StoreError) -> ArtifactCache.Entry {
    let staging = try cache.makeStaging()
    let manifest: Manifest
    var isPackedZip = false
    switch content {
    case .object(let object):
      let name = object.key.utf8.split(separator: UInt8(ascii: "/")).last.map { String(decoding: $0, as: UTF8.self) }
      guard let name, ArchivePath.fault(ofKey: name, limits: limits) == nil else {
        throw .ofArtifact(.badArtifact, "\(location): the key \"\(object.key)\" cannot be a file")
      }
      let path = "\(partial)/object"
      if ArchiveExtractor.isArchiveName(name) || ArchiveExtractor.isArchive(path) {
        manifest = try unpack(path, name, into: staging)
      } else {
        isPackedZip = ArchiveExtractor.isZip(path)
        manifest = try move(path, name, into: staging)
      }
    case .objects(let objects, let prefix):
      manifest = try move(objects, prefix, into: staging)
    }
    progress(ArtifactProgress(stage: .installing, bytes: 0, total: nil))
    return try cache.install(
      staging, manifest, name: manifest.digest + (isPackedZip ? ArtifactCache.fileSuffix : ""))
  }

  private func check(_ digest: String) throws(StoreError) {
    if let expected, expected != digest { throw ArtifactLibrary.mismatch(location, expected, digest) }
  }

  private func unpack(
    _ path: String, _ name: String, into staging: ArtifactCache.Staging
  ) throws(StoreError) -> Manifest {
    // Before anything is made of it: that it is another artifact is what is to be said.
    if expected != nil { try check(try ContentHash.of(file: path, flag)) }
    let content: ArchiveExtractor.Content
    do throws(ArchiveError) {
      content = try ArchiveExtractor(limits: limits).unpack(path, into: staging.content, hashes: true, flag: flag) {
        progress(ArtifactProgress(stage: .unpacking, bytes: $0, total: nil))
      }
    } catch {
      let code = StoreError(error).code
      let text = "\(location) cannot be unpacked: \(error.description.replacing(path, name))"
      throw [.badArtifact, .limit].contains(code) ? .ofArtifact(code, text) : StoreError(code, text)
    }
    try check(content.digest)
    return Manifest(digest: content.digest, kind: .folder, files: content.files)
  }

  private func move(
    _ path: String, _ name: String, into staging: ArtifactCache.Staging
  ) throws(StoreError) -> Manifest {
    let digest = try ContentHash.of(file: path, flag)
    try check(digest)
    let size = Files.status(path, followsLink: false)?.size ?? 0
    try rename(path, "\(staging.content)/\(name)")
    return Manifest(digest: digest, kind: .file, files: [ManifestFile(path: name, size: size, sha256: digest)])
  }

  private func move(
    _ objects: [StoredObject], _ prefix: String, into staging: ArtifactCache.Staging
  ) throws(StoreError) -> Manifest {
    var files: [ManifestFile] = []
    for (index, object) in objects.enumerated() {
      let relative = String(decoding: Array(object.key.utf8.dropFirst(prefix.utf8.count)), as: UTF8.self)
      let path = "\(partial)/done/\(index)"
      files.append(
        ManifestFile(path: relative, size: object.size, sha256: try ContentHash.of(file: path, flag)))
    }
    let digest = ContentHash.of(files: files)
    try check(digest)
    for (index, file) in files.enumerated() {
      let path = "\(staging.content)/\(file.path)"
      if let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) { try Files.makeFolders(String(path[..<slash])) }
      try rename("\(partial)/done/\(index)", path)
    }
    return Manifest(digest: digest, kind: .folder, files: files)
  }

  private func rename(_ from: String, _ to: String) throws(StoreError) {
    guard systemRename(from, to) == 0 else { throw Files.error("cannot move \(from)") }
  }
}

/// `rename(2)`, under a name that no method hides.
private func systemRename(_ from: String, _ to: String) -> Int32 { rename(from, to) }

extension String {
  /// The text with every `part` replaced.
  fileprivate func replacing(_ part: String, _ other: String) -> String {
    var out: [UInt8] = []
    let (own, sought) = (Array(utf8), Array(part.utf8))
    var at = 0
    while at < own.count {
      if !sought.isEmpty, own[at...].starts(with: sought) {
        out += Array(other.utf8)
        at += sought.count
      } else {
        out.append(own[at])
        at += 1
      }
    }
    return String(decoding: out, as: UTF8.self)
  }
}
