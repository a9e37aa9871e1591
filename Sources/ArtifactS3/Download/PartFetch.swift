import ArtifactStores
import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// Fetches one range of an object into a file, however often the connection is cut: each attempt goes on where the one
/// before ended.
struct PartFetch: Sendable {
  let client: S3Client
  /// GetObject, with the conditions that it stays the same object.
  let operation: S3Operation
  let object: StoredObject
  let file: DestinationFile
  let range: Range<Int>

  enum End: Sendable {
    /// With the header of the first answer.
    case complete(HTTPHeaders)
    /// The server gives the whole object whatever range is asked for.
    case rangesIgnored
  }

  /// Bytes that are handed to the disk at once.
  private static let block = 512 << 10
  /// An attempt that brought so many bytes begins the count of attempts anew.
  private static let progress = 64 << 10

  private var isWhole: Bool { range == 0..<object.size }

  /// - Parameter arrived: told how many more bytes are written.
  func run(_ arrived: (Int) -> Void) async throws(StoreError) -> End {
    var policy = client.policy()
    var offset = range.lowerBound
    var first: HTTPHeaders?
    var etag = object.etag
    while true {
      let start = offset
      var question = operation
      // The object was described without an ETag: what the first answer says holds for the next ones.
      if object.etag == nil, let etag { question.headers.append(("If-Match", "\"\(etag)\"")) }
      if isWhole, offset == 0 {
        if client.configuration.verifiesChecksums { question.headers.append(("x-amz-checksum-mode", "ENABLED")) }
      } else {
        question.headers.append(("Range", "bytes=\(offset)-\(range.upperBound - 1)"))
      }
      let response = try await client.send(question, policy: &policy)
      let skip = try check(response, offset, etag)
      guard let skip else { return .rangesIgnored }
      first = first ?? response.headers
      etag = etag ?? response.headers.etag
      let fault = try await consume(response, skip: skip, &offset, arrived)
      if offset == range.upperBound { return .complete(first ?? HTTPHeaders()) }
      let problem = fault ?? TransportFault(.connection, "the answer ended before its bytes did")
      let error = problem.error(operation.subject, at: client.endpoint(of: operation.bucket).url)
      let delay = policy.delay(
        after: problem.fault, madeProgress: offset - start >= PartFetch.progress, quota: client.quota,
        random: client.configuration.hooks.random)
      guard let delay else { throw error }
      try await client.pause(delay, after: error)
    }
  }

  /// Compares what an answer announces with what was asked for.
  ///
  /// - Returns: bytes to pass over, where the answer begins with the object; nil where that is not worth while.
  private func check(_ response: HTTPClientResponse, _ offset: Int, _ etag: String?) throws(StoreError) -> Int? {
    func changed(_ what: String) -> StoreError {
      StoreError(.changed, "\(operation.subject): the object was replaced while it was read: \(what)")
    }
    if let found = response.headers.etag, let etag, found != etag {
      throw changed("its ETag is \(found.prefix(80)), not \(etag)")
    }
    if response.status == .partialContent {
      guard let text = response.headers.first(name: "content-range"), let answer = ContentRange(text) else {
        throw StoreError(.badAnswer, "\(operation.subject): a part of the object that does not say which")
      }
      guard answer.size == object.size else { throw changed("it has \(answer.size) bytes, not \(object.size)") }
      guard answer.range == offset..<range.upperBound else {
        throw StoreError(
          .badAnswer,
          "\(operation.subject): bytes \(text.prefix(80)) where \(offset)-\(range.upperBound - 1) were asked for")
      }
      return 0
    }
    if let text = response.headers.first(name: "content-length"), let length = Int(text), length != object.size {
      throw changed("it has \(length) bytes, not \(object.size)")
    }
    return isWhole ? offset : nil
  }

  /// Writes the body of an answer; `offset` is where the next byte belongs.
  ///
  /// - Returns: what cut it short.
  private func consume(
    _ response: HTTPClientResponse, skip: Int, _ offset: inout Int, _ arrived: (Int) -> Void
  ) async throws(StoreError) -> TransportFault? {
    var body = response.body.makeAsyncIterator()
    var skip = skip
    var (pending, size): ([ByteBuffer], Int) = ([], 0)
    while true {
      var fault: TransportFault?
      var next: ByteBuffer?
      do { next = try await body.next() } catch { fault = TransportFault(error) }
      if var buffer = next {
        let passed = min(skip, buffer.readableBytes)
        buffer.moveReaderIndex(forwardBy: passed)
        skip -= passed
        guard buffer.readableBytes <= range.upperBound - offset - size else {
          throw StoreError(.corrupt, "\(operation.subject): more bytes than announced")
        }
        size += buffer.readableBytes
        if buffer.readableBytes > 0 { pending.append(buffer) }
      }
      if size >= PartFetch.block || (next == nil && size > 0) {
        let (blocks, place) = (pending, offset)
        (pending, size) = ([], 0)
        try await client.onDisk { () throws(StoreError) in try file.write(blocks, at: place) }
        let count = blocks.reduce(0) { $0 + $1.readableBytes }
        offset += count
        arrived(count)
      }
      if next == nil { return fault }
    }
  }
}

extension S3Client {
  /// Runs `body` on a thread that may wait for a disk.
  func onDisk<T: Sendable>(_ body: @escaping @Sendable () throws(StoreError) -> T) async throws(StoreError) -> T {
    do {
      return try await transport.offLoop(body)
    } catch let error as StoreError {
      throw error
    } catch {
      throw StoreError(.cancelled, "the client is shut down, or the call cancelled")
    }
  }
}
