import ArtifactS3
import ArtifactStores
import Testing

@Suite struct StoreTests {
  @Test func headDescribesAnObject() async throws {
    try await withServer { _ in
      FakeAnswer(
        200,
        [("etag", "\"abc\""), ("x-amz-version-id", "v1"), ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")],
        body: pattern(7))
    } body: { store, server in
      let object = try await store.object("a b/+é", versionID: "v 1")
      #expect(object == StoredObject(key: "a b/+é", size: 7, etag: "abc", versionID: "v1", modified: 784_111_777_000))
      let request = try #require(server.requests.first)
      #expect(request.method == "HEAD")
      #expect(request.target == "/models/a%20b/%2B%C3%A9?versionId=v%201")
      #expect(request.headers["authorization"]?.hasPrefix("AWS4-HMAC-SHA256 Credential=AKID/") == true)
      #expect(request.headers["host"] == "127.0.0.1:\(server.port)")
    }
  }

  @Test func listingGoesOnWithTheToken() async throws {
    try await withServer { request in
      let isSecond = request.target.contains("continuation-token=to%2Fken")
      return FakeAnswer(
        body: Array(
          """
          <ListBucketResult><Contents><Key>\(isSecond ? "b" : "a")</Key><Size>1</Size></Contents>
          <CommonPrefixes><Prefix>f/</Prefix></CommonPrefixes><IsTruncated>\(!isSecond)</IsTruncated>
          <NextContinuationToken>to/ken</NextContinuationToken></ListBucketResult>
          """.utf8))
    } body: { store, server in
      let first = try await store.list(prefix: "p q", isFlat: false, token: nil)
      #expect(first.objects.map(\.key) == ["a"])
      #expect(first.folders == ["f/"])
      #expect(first.next == "to/ken")
      let second = try await store.list(prefix: "p q", isFlat: true, token: first.next)
      #expect(second.next == nil)
      #expect(server.requests[0].target == "/models?delimiter=%2F&encoding-type=url&list-type=2&prefix=p%20q")
    }
  }

  @Test(arguments: [
    "<html>", "<Other/>", "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
    "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></ListBucketResult>",
  ])
  func listingThatCannotBeReadIsRefused(_ text: String) async throws {
    try await withServer { _ in
      FakeAnswer(body: Array(text.utf8))
    } body: { store, _ in
      #expect(await failure { _ = try await store.list(prefix: "", isFlat: true, token: "t") }?.code == .badAnswer)
    }
  }

  struct Told: Sendable {
    var status: Int
    var code: String
    var expected: StoreError.Code
    var says: String
  }

  @Test(arguments: [
    Told(status: 404, code: "NoSuchKey", expected: .notFound, says: "no such object"),
    Told(status: 404, code: "NoSuchBucket", expected: .notFound, says: "no bucket \"models\""),
    Told(status: 404, code: "NoSuchVersion", expected: .notFound, says: "no such version"),
    Told(status: 403, code: "AccessDenied", expected: .accessDenied, says: "s3:GetObject"),
    Told(status: 403, code: "SignatureDoesNotMatch", expected: .accessDenied, says: "AWS_SECRET_ACCESS_KEY"),
    Told(status: 403, code: "InvalidAccessKeyId", expected: .accessDenied, says: "AKID"),
    Told(status: 403, code: "InvalidObjectState", expected: .accessDenied, says: "archived"),
    Told(status: 412, code: "PreconditionFailed", expected: .changed, says: "replaced"),
    Told(status: 503, code: "SlowDown", expected: .unavailable, says: "later"),
    Told(status: 500, code: "InternalError", expected: .unavailable, says: "later"),
    Told(status: 418, code: "Teapot", expected: .badAnswer, says: "418 Teapot"),
  ]) func errorsSayWhatHelps(_ told: Told) async throws {
    try await withServer { request in
      request.method == "HEAD" ? FakeAnswer(told.status) : .error(told.status, told.code)
    } body: { store, server in
      let object = StoredObject(key: "k", size: 3, etag: "e")
      let error = await failure { try await store.download(object, to: "/nonexistent/x") { _ in } }
      #expect(error?.code == .io)
      try await withFolder { folder in
        let error = await failure { try await store.download(object, to: "\(folder)/x") { _ in } }
        #expect(error?.code == told.expected)
        let text = error?.description ?? ""
        for part in [told.says, "s3://models/k", server.url, told.code] { #expect(text.contains(part), "\(text)") }
        #expect(!text.contains("secret\""))
      }
    }
  }

  @Test func headAsksAgainForWhatItCannotBeTold() async throws {
    try await withServer { request in
      request.method == "HEAD" ? FakeAnswer(403) : .error(403, "SignatureDoesNotMatch")
    } body: { store, server in
      let error = await failure { _ = try await store.object("k", versionID: nil) }
      #expect(error?.description.contains("SignatureDoesNotMatch") == true)
      #expect(server.requests.map(\.method) == ["HEAD", "GET"])
      #expect(server.requests[1].headers["range"] == "bytes=0-0")
    }
  }

  @Test func transientAnswersAreTriedAgain() async throws {
    try await withServer { request in
      switch request.number {
      case 0: .error(503, "SlowDown", headers: [("retry-after", "1")])
      case 1: .error(500, "InternalError")
      default: FakeAnswer(body: [1])
      }
    } body: { store, server in
      let found = try await store.object("k", versionID: nil)
      #expect(found.size == 1)
      #expect(server.requests.count == 3)
    }
  }

  @Test func aSilentServerIsAskedAgainUnlessPatienceIsShort() async throws {
    try await withServer {
      $0.readTimeout = .milliseconds(100)
    } answer: { request in
      var answer = FakeAnswer()
      answer.isSilent = true
      return answer
    } body: { store, server in
      let error = await failure { _ = try await store.object("k", versionID: nil) }
      #expect(error?.code == .unreachable)
      #expect(server.requests.count == 3)
      await StorePatience.$isShort.withValue(true) {
        #expect(await failure { _ = try await store.object("k", versionID: nil) }?.code == .unreachable)
        #expect(await failure { _ = try await store.list(prefix: "", isFlat: true, token: nil) }?.code == .unreachable)
      }
      #expect(server.requests.count == 5)
    }
  }

  @Test func answersThatAskForItAreTriedAgainWithShortPatience() async throws {
    try await withServer { request in
      request.number == 0 ? .error(503, "SlowDown") : FakeAnswer(body: [1])
    } body: { store, server in
      let size = try await StorePatience.with(short: true) { () async throws(StoreError) in
        try await store.object("k", versionID: nil).size
      }
      #expect(size == 1 && server.requests.count == 2)
    }
  }

  @Test func attemptsAreThoseOfTheEnvironment() async throws {
    try await withServer(["AWS_MAX_ATTEMPTS": "4"]) { _ in
      .error(500, "InternalError")
    } body: { store, server in
      #expect(await failure { _ = try await store.object("k", versionID: nil) }?.code == .unavailable)
      #expect(server.requests.count == 4)
    }
  }

  @Test func garbageIsNoAnswer() async throws {
    try await withServer { _ in
      var answer = FakeAnswer()
      answer.garbage = "SSH-2.0-OpenSSH_9.6\r\n"
      return answer
    } body: { store, server in
      #expect(await failure { _ = try await store.object("k", versionID: nil) }?.code == .badAnswer)
      #expect(server.requests.count == 3)
    }
  }

  @Test func silentServersEndWithTheDeadline() async throws {
    try await withServer { configuration in
      configuration.deadline = .milliseconds(50)
    } answer: { _ in
      var answer = FakeAnswer(body: pattern(10))
      answer.stallAfter = 5
      return answer
    } body: { store, _ in
      #expect(await failure { _ = try await store.list(prefix: "", isFlat: true, token: nil) }?.code == .deadline)
    }
  }

  @Test func refusedConnectionsAreUnreachable() async throws {
    // Nothing listens on the port that "discard" once had.
    try await withServer(["AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"]) { _ in
      FakeAnswer()
    } body: { store, _ in
      let error = await failure { _ = try await store.object("k", versionID: nil) }
      #expect(error?.code == .unreachable)
      #expect(error?.description.contains("http://127.0.0.1:9") == true)
    }
  }

  @Test func anonymousRequestsAreNotSigned() async throws {
    try await withServer {
      $0.isAnonymous = true
    } answer: { _ in
      FakeAnswer(body: [1])
    } body: { store, server in
      _ = try await store.object("k", versionID: nil)
      #expect(server.requests[0].headers["authorization"] == nil)
      #expect(server.requests[0].headers["x-amz-date"] == nil)
    }
  }

  @Test func clientThatIsShutDownAnswersNothing() async throws {
    let client = try S3Client(
      try S3Configuration(environment: ["AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"]))
    await client.shutdown()
    await client.shutdown()
    #expect(await failure { _ = try await client.store(bucket: "abc").object("k", versionID: nil) } != nil)
  }

  @Test func clientThatIsForgottenEndsItsThreads() async throws {
    let server = try await FakeServer { _ in FakeAnswer(body: [1]) }
    do {
      let client = try S3Client(
        try S3Configuration(environment: [
          "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_ENDPOINT_URL": server.url,
        ]))
      let object = try await client.store(bucket: "abc").object("k", versionID: nil)
      #expect(object.size == 1)
    }
    await server.stop()
  }

  @Test func settingsThatBreakAHeaderAreNotTriedAgain() async throws {
    try await withServer(["AWS_SESSION_TOKEN": "a\nb"]) { _ in
      FakeAnswer(body: [1])
    } body: { store, server in
      #expect(await failure { _ = try await store.object("k", versionID: nil) }?.code == .unreachable)
      #expect(server.requests.isEmpty)
    }
  }

  @Test func callersMayStopWaiting() async throws {
    try await withServer { _ in
      var answer = FakeAnswer(body: pattern(10))
      answer.stallAfter = 5
      return answer
    } body: { store, server in
      let task = Task { await failure { _ = try await store.list(prefix: "", isFlat: true, token: nil) } }
      while server.requests.isEmpty { await Task.yield() }
      task.cancel()
      #expect(await task.value?.code == .cancelled)
    }
  }
}
