import ArtifactS3
import ArtifactStores
import Testing

/// Repeatable random numbers (SplitMix64).
struct SeededNumbers: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}

@Suite struct FaultTests {
  private static let bytes = pattern(700_001)
  private static let checksum = DownloadFixtures.sha256(bytes)

  /// A fault that depends on the request alone, so that a run can be had again.
  private static func answer(_ request: SeenRequest, seed: UInt64) -> FakeAnswer {
    var numbers = SeededNumbers(state: seed &* 1000 &+ UInt64(request.number))
    var answer = serve(bytes, headers: [("x-amz-checksum-sha256", checksum)], request)
    guard request.method == "GET" else { return answer }
    switch Int.random(in: 0..<12, using: &numbers) {
    case 0: return .error(503, "SlowDown")
    case 1: return .error(500, "InternalError")
    case 2: answer.garbage = "nonsense\r\n\r\n"
    case 3, 4, 5: answer.cutAfter = Int.random(in: 0...answer.body.count, using: &numbers)
    case 6: answer.stallAfter = Int.random(in: 0..<answer.body.count, using: &numbers)
    case 7: return FakeAnswer(502, body: Array("<html>bad gateway</html>".utf8))
    case 8:
      // A proxy that ends early, as if all were there.
      answer.length = answer.body.count
      answer.body = Array(answer.body.prefix(answer.body.count / 2))
    default: break
    }
    return answer
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>) func anyMixOfFaultsEndsWithTheRightBytes(_ seed: UInt64) async throws {
    try await withServer {
      $0.maxAttempts = 60
      $0.parallelism = 4
      $0.readTimeout = .milliseconds(250)
    } answer: { request in
      Self.answer(request, seed: seed)
    } body: { store, server in
      try await withFolder { folder in
        let object = StoredObject(key: "k", size: Self.bytes.count, etag: "tag-1")
        // The quota of retries may end a call; the next goes on.
        for _ in 0..<20 {
          let error = await failure { try await store.download(object, to: "\(folder)/a") { _ in } }
          guard let error else { break }
          #expect(error.isTransient || error.code == .badAnswer, "\(error)")
        }
        #expect(read("\(folder)/a") == Self.bytes)
        #expect(read("\(folder)/a.parts") == nil)
      }
    }
  }

  @Test func stoppedDownloadsGoOn() async throws {
    try await withServer {
      $0.parallelism = 2
    } answer: { request in
      serve(Self.bytes, request)
    } body: { store, _ in
      try await withFolder { folder in
        let object = StoredObject(key: "k", size: Self.bytes.count, etag: "tag-1")
        var most = 0
        for stop in 1...10 {
          let (arrived, ends) = (Counter(), Counter())
          let task = Task {
            defer { ends.next() }
            return await failure {
              try await store.download(object, to: "\(folder)/a") { if $0 > arrived.count { arrived.set($0) } }
            }
          }
          while arrived.count < stop * 70_000, ends.count == 0 { await Task.yield() }
          task.cancel()
          let error = await task.value
          #expect(error == nil || error?.code == .cancelled)
          #expect(arrived.count + 2 * 65_536 >= most)
          most = max(most, arrived.count)
          if error == nil { break }
        }
        try await store.download(object, to: "\(folder)/a") { _ in }
        #expect(read("\(folder)/a") == Self.bytes)
      }
    }
  }
}
