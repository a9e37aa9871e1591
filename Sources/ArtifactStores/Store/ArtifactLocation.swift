/// Where an artifact is, as a user names it: a path, a `file://` URL, or `s3://bucket/key`.
public enum ArtifactLocation: Sendable, Hashable, CustomStringConvertible {
  /// A file or folder of this machine.
  case file(path: String)
  /// An object, or all objects whose keys begin with `key` where it ends in a slash. The bucket's root is the empty key.
  case s3(bucket: String, key: String, versionID: String?)

  /// Reads `s3://bucket/key`, `s3://bucket/prefix/`, `s3://bucket/key?versionId=V`, `file:///path` or a path.
  ///
  /// A key is taken as it stands, as the AWS CLI takes it: nothing in it is percent-encoded, and a `?` begins the version
  /// only where `versionId=` follows.
  ///
  /// - Throws: `StoreError` with the code `invalidLocation`.
  public init(_ text: String) throws(StoreError) {
    if text.hasPrefix("s3://") {
      let rest = text.dropFirst("s3://".count)
      let bucket = rest.prefix { $0 != "/" }
      var key = String(rest.dropFirst(bucket.count + 1))
      var versionID: String?
      if let mark = key.range(ofLast: "?versionId=") {
        versionID = String(key[mark.upperBound...])
        key = String(key[..<mark.lowerBound])
      }
      guard ArtifactLocation.isBucketName(bucket) else {
        throw .ofArtifact(
          .invalidLocation, "\(text): \"\(bucket)\" is no bucket name; write s3://bucket/key or s3://bucket/prefix/")
      }
      guard key.utf8.count <= 1024, !key.utf8.contains(0), versionID?.isEmpty != true,
        versionID == nil || (!key.isEmpty && !key.hasSuffix("/"))
      else {
        throw .ofArtifact(
          .invalidLocation, "\(text): a key has 1024 bytes at most, and a versionId goes with the key of one object")
      }
      self = .s3(bucket: String(bucket), key: key, versionID: versionID)
    } else if text.hasPrefix("file://") {
      let path = text.dropFirst("file://".count)
      guard path.hasPrefix("/") else {
        throw .ofArtifact(.invalidLocation, "\(text): a file URL has three slashes, such as file:///opt/ml/model")
      }
      self = .file(path: String(path))
    } else if let scheme = text.range(ofLast: "://"), !text[..<scheme.lowerBound].contains("/") {
      throw .ofArtifact(
        .invalidLocation, "\(text): \(text[..<scheme.lowerBound]) is not supported; use s3:// or a path")
    } else {
      guard !text.isEmpty, !text.utf8.contains(0) else { throw .ofArtifact(.invalidLocation, "an empty path") }
      self = .file(path: text)
    }
  }

  /// The form that `init` reads.
  public var description: String {
    switch self {
    case .file(let path): path
    case .s3(let bucket, let key, let versionID): "s3://\(bucket)/\(key)\(versionID.map { "?versionId=\($0)" } ?? "")"
    }
  }

  /// True for a path of this machine.
  public var isLocal: Bool {
    if case .file = self { true } else { false }
  }

  /// The location of `path` below this folder or prefix. `path` is relative and has no `..` parts.
  public func appending(_ path: String) -> ArtifactLocation {
    switch self {
    case .file(let folder): .file(path: folder.hasSuffix("/") ? folder + path : "\(folder)/\(path)")
    case .s3(let bucket, let key, _):
      .s3(bucket: bucket, key: key.isEmpty || key.hasSuffix("/") ? key + path : "\(key)/\(path)", versionID: nil)
    }
  }

  /// 3 to 63 characters of a-z, A-Z, 0-9, `.`, `-`, `_`: what S3 and the servers that speak its protocol allow or allowed.
  private static func isBucketName(_ text: Substring) -> Bool {
    (3...63).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
          true
        default: false
        }
      }
  }
}

extension String {
  /// Where `text` stands last.
  fileprivate func range(ofLast text: String) -> Range<Index>? {
    let (own, sought) = (Array(utf8), Array(text.utf8))
    guard own.count >= sought.count else { return nil }
    for start in stride(from: own.count - sought.count, through: 0, by: -1)
    where own[start..<start + sought.count].elementsEqual(sought) {
      let lower = utf8.index(utf8.startIndex, offsetBy: start)
      return lower..<utf8.index(lower, offsetBy: sought.count)
    }
    return nil
  }
}
