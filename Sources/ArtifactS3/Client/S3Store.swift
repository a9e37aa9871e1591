public import ArtifactStores
import AsyncHTTPClient
import Logging
import NIOHTTP1
import S3Documents
import TextEncodings

/// A bucket of S3, or of a server that speaks its protocol.
public struct S3Store: ArtifactStore {
  public let bucket: String
  let client: S3Client

  init(bucket: String, client: S3Client) {
    self.bucket = bucket
    self.client = client
  }

  /// HeadObject.
  public func object(_ key: String, versionID: String?) async throws(StoreError) -> StoredObject {
    var operation = operation(.HEAD, key)
    guard !key.isEmpty else { throw StoreError(.invalidLocation, "s3://\(bucket)/ is a bucket, not an object") }
    if let versionID { operation.query.append(("versionId", versionID)) }
    let question = operation
    return try await client.underDeadline(operation.subject) { () async throws(StoreError) -> StoredObject in
      var policy = client.policy()
      return try S3Store.describe(try await client.send(question, policy: &policy).headers, key: key, question)
    }
  }

  /// ListObjectsV2. Keys that stand for folders (`name/`, without bytes) are among the objects.
  public func list(prefix: String, isFlat: Bool, token: String?) async throws(StoreError) -> StoreListing {
    var operation = operation(.GET, "")
    operation.query = [("list-type", "2"), ("encoding-type", "url"), ("prefix", prefix)]
    if !isFlat { operation.query.append(("delimiter", "/")) }
    if let token { operation.query.append(("continuation-token", token)) }
    let question = operation
    return try await client.underDeadline(operation.subject) { () async throws(StoreError) -> StoreListing in
      var policy = client.policy()
      while true {
        let response = try await client.send(question, policy: &policy)
        let fault: TransportFault
        var body: [UInt8]?
        do throws(TransportFault) {
          let limit = client.configuration.limits.listingBytes
          body = try await HTTPTransport.body(of: response, limit: limit, cuts: false)
          fault = TransportFault(.connection, "")
        } catch let problem {
          fault = problem
        }
        if let body { return try S3Store.listing(body, question, client.configuration.limits) }
        let error = fault.error(question.subject, at: client.endpoint(of: bucket).url)
        let random = client.configuration.hooks.random
        guard let delay = policy.delay(after: fault.fault, quota: client.quota, random: random) else { throw error }
        try await client.pause(delay, after: error)
      }
    }
  }

  /// GetObject in parts; see `ObjectDownload`.
  public func download(
    _ object: StoredObject, to path: String, progress: @escaping @Sendable (Int) -> Void
  ) async throws(StoreError) {
    let operation = operation(.GET, object.key)
    try await client.underDeadline(operation.subject) { () async throws(StoreError) in
      try await ObjectDownload(client: client, operation: operation, object: object, path: path, progress: progress)
        .run()
    }
  }

  private func operation(_ method: HTTPMethod, _ key: String) -> S3Operation {
    var operation = S3Operation(method, bucket: bucket, key: key)
    if client.configuration.isRequesterPays { operation.headers.append(("x-amz-request-payer", "requester")) }
    if let owner = client.configuration.expectedOwner {
      operation.headers.append(("x-amz-expected-bucket-owner", owner))
    }
    return operation
  }

  /// What the header of an answer says of an object.
  private static func describe(
    _ headers: HTTPHeaders, key: String, _ operation: S3Operation
  ) throws(StoreError) -> StoredObject {
    guard let text = headers.first(name: "content-length"), let size = Int(text), size >= 0 else {
      throw StoreError(.badAnswer, "\(operation.subject): an answer that does not say how long the object is")
    }
    return StoredObject(
      key: key, size: size, etag: headers.etag, versionID: headers.first(name: "x-amz-version-id"),
      modified: headers.first(name: "last-modified").flatMap { Timestamp.seconds(httpDate: $0) }.map { $0 * 1000 })
  }

  private static func listing(
    _ body: [UInt8], _ operation: S3Operation, _ limits: S3Limits
  ) throws(StoreError) -> StoreListing {
    let document: S3ListingDocument
    do throws(XMLError) {
      var xml = XMLLimits()
      xml.bytes = limits.listingBytes
      document = try S3ListingDocument(body, limits: xml, maxEntries: limits.listingEntries)
    } catch {
      throw StoreError(.badAnswer, "\(operation.subject): a listing that cannot be read: \(error)")
    }
    guard !document.isTruncated || document.nextToken?.isEmpty == false else {
      throw StoreError(.badAnswer, "\(operation.subject): a listing that is not over and does not say how it goes on")
    }
    let token = operation.query.first { $0.name == "continuation-token" }?.value
    guard !document.isTruncated || document.nextToken != token else {
      throw StoreError(.badAnswer, "\(operation.subject): a listing that goes round")
    }
    let objects = document.entries.map {
      StoredObject(key: $0.key, size: $0.size, etag: $0.etag, modified: $0.modified)
    }
    return StoreListing(
      objects: objects, folders: document.prefixes, next: document.isTruncated ? document.nextToken : nil)
  }
}
