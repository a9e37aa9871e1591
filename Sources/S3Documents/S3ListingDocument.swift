import TextEncodings

/// The answer of ListObjectsV2 (Amazon S3 API reference, `ListBucketResult`).
public struct S3ListingDocument: Sendable {
  /// One of `Contents`.
  public struct Entry: Sendable, Hashable {
    public var key: String
    public var size: Int
    /// Without its quotes.
    public var etag: String?
    /// Milliseconds since 1970.
    public var modified: Int64?
  }

  public var entries: [Entry] = []
  /// `CommonPrefixes`.
  public var prefixes: [String] = []
  public var isTruncated = false
  public var nextToken: String?

  /// Reads an answer. Keys are decoded where the answer says that they are encoded: percent signs, and `+` for a blank.
  ///
  /// - Parameter maxEntries: keys and prefixes, together.
  public init(_ bytes: [UInt8], limits: XMLLimits = XMLLimits(), maxEntries: Int = 10_000) throws(XMLError) {
    var reader = try XMLReader(bytes, limits: limits)
    let root = try reader.root()
    guard root == "ListBucketResult" else {
      throw XMLError(offset: 0, reason: "<\(root)> where <ListBucketResult> should be")
    }
    var isEncoded = false
    var document = S3ListingDocument()
    try reader.children { (reader, name) throws(XMLError) in
      switch name {
      case "Contents": document.entries.append(try Entry(&reader))
      case "CommonPrefixes":
        try reader.children { (reader, name) throws(XMLError) in
          if name == "Prefix" { document.prefixes.append(try reader.content()) }
        }
      case "IsTruncated": document.isTruncated = try reader.content() == "true"
      case "NextContinuationToken": document.nextToken = try reader.content()
      case "EncodingType": isEncoded = try reader.content() == "url"
      default: break
      }
      guard document.entries.count + document.prefixes.count <= maxEntries else {
        throw XMLError(offset: 0, reason: "more than \(maxEntries) entries on one page")
      }
    }
    try reader.finish()
    if isEncoded {
      func decoded(_ text: String) throws(XMLError) -> String {
        guard let key = PercentEncoding.decoded(text, plusIsBlank: true) else {
          throw XMLError(offset: 0, reason: "a key that is not encoded as it says")
        }
        return key
      }
      for i in document.entries.indices { document.entries[i].key = try decoded(document.entries[i].key) }
      for i in document.prefixes.indices { document.prefixes[i] = try decoded(document.prefixes[i]) }
    }
    self = document
  }

  private init() {}
}

extension S3ListingDocument.Entry {
  fileprivate init(_ reader: inout XMLReader) throws(XMLError) {
    var (key, size): (String?, Int?) = (nil, nil)
    var (etag, modified): (String?, Int64?) = (nil, nil)
    try reader.children { (reader, name) throws(XMLError) in
      switch name {
      case "Key": key = try reader.content()
      case "Size": size = Int(try reader.content())
      case "ETag": etag = try reader.content()
      case "LastModified": modified = Timestamp.milliseconds(iso8601: try reader.content())
      default: break
      }
    }
    guard let key, let size, size >= 0 else { throw XMLError(offset: 0, reason: "an entry without a key or a size") }
    if let text = etag, text.utf8.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") {
      etag = String(text.dropFirst().dropLast())
    }
    self.init(key: key, size: size, etag: etag, modified: modified)
  }
}
