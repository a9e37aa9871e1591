import ArtifactStores
import AsyncHTTPClient
import Logging
import NIOHTTP1
import TextEncodings

/// One object into one file: in one request where it is small, else in parts at the same time; resumed where an earlier
/// call ended; compared with its length and, where the store has one, its checksum (Amazon S3 API reference, `GetObject`).
///
/// Memory does not grow with the object: each request holds one block of its part.
struct ObjectDownload: Sendable {
  let client: S3Client
  /// GetObject of the newest version.
  let operation: S3Operation
  let object: StoredObject
  let path: String
  let progress: @Sendable (Int) -> Void

  func run() async throws(StoreError) {
    guard object.size >= 0 else { throw StoreError(.badAnswer, "\(operation.subject): a size below 0") }
    if object.size <= client.configuration.partSize {
      try await whole(object, expected: nil)
    } else {
      let (described, checksum) = try await describe()
      guard try await parts(described, checksum) else {
        client.configuration.logger.debug("\(operation.subject): the server does not know ranges")
        return try await whole(described, expected: checksum)
      }
    }
  }

  private var recordPath: String { "\(path).parts" }

  /// The request for an object that must still be the one described.
  private func request(_ object: StoredObject, _ method: HTTPMethod = .GET) -> S3Operation {
    var request = operation
    request.method = method
    if let version = object.versionID { request.query.append(("versionId", version)) }
    if let etag = object.etag { request.headers.append(("If-Match", "\"\(etag)\"")) }
    return request
  }

  /// HeadObject: the checksum of all bytes, which an answer with a part of them does not have.
  private func describe() async throws(StoreError) -> (StoredObject, ObjectChecksum?) {
    var question = request(object, .HEAD)
    if client.configuration.verifiesChecksums { question.headers.append(("x-amz-checksum-mode", "ENABLED")) }
    var policy = client.policy()
    let headers = try await client.send(question, policy: &policy).headers
    var described = object
    described.etag = object.etag ?? headers.etag
    let size = headers.first(name: "content-length").flatMap { Int($0) }
    guard headers.etag == nil || headers.etag == described.etag, size == object.size else {
      throw StoreError(
        .changed, "\(operation.subject): the object was replaced: it has \(size.map(String.init) ?? "no") bytes")
    }
    return (described, checksum(headers))
  }

  private func checksum(_ headers: HTTPHeaders) -> ObjectChecksum? {
    guard client.configuration.verifiesChecksums else { return nil }
    // The ETags of directory buckets are no hashes.
    return ObjectChecksum(headers, usesETag: !operation.bucket.hasSuffix("--x-s3"))
  }

  /// One request for all bytes.
  private func whole(_ object: StoredObject, expected: ObjectChecksum?) async throws(StoreError) {
    let (path, size, recordPath) = (path, object.size, recordPath)
    let file = try await client.onDisk { () throws(StoreError) in
      DestinationFile.remove(recordPath)
      let file = try DestinationFile(path)
      try file.prepare(size: size)
      return file
    }
    let (stream, frontier) = AsyncStream<Int>.makeStream(bufferingPolicy: .bufferingNewest(1))
    _ = stream
    let arrived = PartProgress(done: [false], bytes: 0, frontier: frontier, report: progress)
    let fetch = PartFetch(client: client, operation: request(object), object: object, file: file, range: 0..<size)
    guard case .complete(let headers) = try await fetch.run({ arrived.add($0) }) else {
      throw StoreError(.badAnswer, "\(operation.subject): ranges are not known")
    }
    guard let checksum = expected ?? checksum(headers) else { return }
    let value = try await client.onDisk { () throws(StoreError) in
      var hasher = ContentHasher(checksum.algorithm)
      try file.feed(&hasher, 0..<size)
      return hasher.value
    }
    try await compare(value, checksum)
  }

  /// - Returns: false where the server does not know ranges.
  private func parts(_ object: StoredObject, _ checksum: ObjectChecksum?) async throws(StoreError) -> Bool {
    let plan = PartPlan(size: object.size, partSize: client.configuration.partSize)
    let (path, recordPath, heading) = (path, recordPath, heading(object, plan))
    let (file, record, done) = try await client.onDisk {
      () throws(StoreError) -> (DestinationFile, PartRecord, [Bool]) in
      let file = try DestinationFile(path)
      let size = try file.size()
      let isUsable = object.etag ?? object.versionID != nil && size == plan.size
      var done: [Bool] = []
      let record = try PartRecord(recordPath, heading: heading, parts: plan.count, isUsable: isUsable, done: &done)
      if !done.contains(true) { try file.prepare(size: plan.size) }
      return (file, record, done)
    }
    let (stream, frontier) = AsyncStream<Int>.makeStream(bufferingPolicy: .bufferingNewest(1))
    let bytes = done.indices.reduce(0) { $0 + (done[$1] ? plan.range($1).count : 0) }
    let progress = PartProgress(done: done, bytes: bytes, frontier: frontier, report: progress)
    let request = request(object)
    let workers = min(client.configuration.parallelism, done.count { !$0 })

    enum End: Sendable {
      case done
      case value([UInt8])
      case rangesIgnored
      case failed(StoreError)
    }
    var (value, isIgnored): ([UInt8]?, Bool) = (nil, false)
    var problem: StoreError?
    await withTaskGroup(of: End.self) { group in
      for _ in 0..<workers {
        group.addTask {
          do throws(StoreError) {
            while let part = progress.take() {
              let range = plan.range(part)
              let fetch = PartFetch(client: client, operation: request, object: object, file: file, range: range)
              if case .rangesIgnored = try await fetch.run({ progress.add($0) }) { return .rangesIgnored }
              try await client.onDisk { () throws(StoreError) in try record.note(part) }
              progress.finish(part)
            }
            return .done
          } catch {
            return .failed(error)
          }
        }
      }
      if let checksum {
        group.addTask {
          do throws(StoreError) {
            return .value(try await hash(file, checksum.algorithm, plan, stream))
          } catch {
            return .failed(error)
          }
        }
      }
      for await end in group {
        switch end {
        case .done: break
        case .value(let bytes): value = bytes
        case .rangesIgnored:
          isIgnored = true
          group.cancelAll()
        case .failed(let error):
          // What the others then say is that they were cancelled.
          if problem == nil { problem = error }
          group.cancelAll()
        }
      }
    }
    if isIgnored { return false }
    if let problem {
      if problem.code == .changed { await discard() }
      throw problem
    }
    if let checksum { try await compare(value ?? [], checksum) }
    try await client.onDisk { () throws(StoreError) in DestinationFile.remove(recordPath) }
    return true
  }

  /// Hashes parts in their order, while later ones arrive.
  private func hash(
    _ file: DestinationFile, _ algorithm: ContentHasher.Algorithm, _ plan: PartPlan, _ frontier: AsyncStream<Int>
  ) async throws(StoreError) -> [UInt8] {
    var hasher = ContentHasher(algorithm)
    var next = 0
    for await whole in frontier {
      while next < whole {
        let (before, range) = (hasher, plan.range(next))
        hasher = try await client.onDisk { () throws(StoreError) in
          var hasher = before
          try file.feed(&hasher, range)
          return hasher
        }
        next += 1
      }
    }
    guard next == plan.count else { throw StoreError(.cancelled, "\(operation.subject): cancelled") }
    return hasher.value
  }

  private func compare(_ value: [UInt8], _ checksum: ObjectChecksum) async throws(StoreError) {
    guard value != checksum.value else { return }
    await discard()
    let isETag = checksum.algorithm == .md5
    throw StoreError(
      .corrupt,
      "\(operation.subject): the bytes that arrived have another \(isETag ? "MD5 than the ETag says" : checksum.algorithm.rawValue)"
        + ": \(SignatureV4.hex(value)), not \(SignatureV4.hex(checksum.value))"
        + (isETag ? "; for a server whose ETags are no MD5 set AWS_RESPONSE_CHECKSUM_VALIDATION=when_required" : ""))
  }

  /// Bytes that are wrong are not gone on with.
  private func discard() async {
    let (path, recordPath) = (path, recordPath)
    _ = try? await client.onDisk { () throws(StoreError) in
      DestinationFile.remove(recordPath)
      DestinationFile.remove(path)
    }
  }

  private func heading(_ object: StoredObject, _ plan: PartPlan) -> String {
    """
    parts 1
    object \(PercentEncoding.encoded(operation.bucket)) \(PercentEncoding.encoded(object.key))
    etag \(PercentEncoding.encoded(object.etag ?? ""))
    version \(PercentEncoding.encoded(object.versionID ?? ""))
    size \(plan.size) \(plan.partSize)
    boot \(PartRecord.boot())
    """
  }
}
