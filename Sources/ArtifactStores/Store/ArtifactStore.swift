/// A place that keeps objects under keys: a bucket, or a folder of this machine.
///
/// A store does not retry for ever: each call has the attempts and the time that the store was made with, and throws what
/// the last attempt ran into. Calls are independent of each other and may run at the same time.
public protocol ArtifactStore: Sendable {
  /// What is known of the object under `key`, without its bytes.
  ///
  /// - Parameter versionID: one version of it; nil for the newest.
  /// - Throws: `StoreError`; `notFound` where there is none.
  func object(_ key: String, versionID: String?) async throws(StoreError) -> StoredObject

  /// One page of the objects whose keys begin with `prefix`, in the byte order of their keys.
  ///
  /// - Parameters:
  ///   - isFlat: true for all of them; false for those up to the next slash after the prefix, and the folders there.
  ///   - token: `next` of the page before; nil for the first.
  func list(prefix: String, isFlat: Bool, token: String?) async throws(StoreError) -> StoreListing

  /// Writes the bytes of `object` into a new or partly written file at `path`, verified by length and, where the store
  /// has one, by checksum. What an earlier call with the same object left there unfinished is used.
  ///
  /// - Parameter progress: told how many bytes have arrived in all; called from any thread.
  /// - Throws: `StoreError`; `changed` when the object is no longer the one that was described.
  func download(
    _ object: StoredObject, to path: String, progress: @escaping @Sendable (Int) -> Void
  ) async throws(StoreError)
}

/// An object as a store describes it.
public struct StoredObject: Sendable, Hashable {
  public var key: String
  /// Bytes.
  public var size: Int
  /// Opaque, without its quotes: it changes when the bytes do, and says nothing of them.
  public var etag: String?
  public var versionID: String?
  /// Milliseconds since 1970.
  public var modified: Int64?

  public init(key: String, size: Int, etag: String? = nil, versionID: String? = nil, modified: Int64? = nil) {
    self.key = key
    self.size = size
    self.etag = etag
    self.versionID = versionID
    self.modified = modified
  }

  /// A text that is the same as long as the object is.
  public var fingerprint: String {
    if let versionID, versionID != "null" { return "version \(versionID)" }
    return "\(etag ?? "-") \(size) \(etag == nil ? modified.map { "\($0)" } ?? "-" : "-")"
  }
}

/// One page of a listing.
public struct StoreListing: Sendable {
  public var objects: [StoredObject]
  /// Prefixes that end with the next slash; empty for a flat listing.
  public var folders: [String]
  /// What asks for the next page; nil on the last.
  public var next: String?

  public init(objects: [StoredObject], folders: [String] = [], next: String? = nil) {
    self.objects = objects
    self.folders = folders
    self.next = next
  }
}
