import ArtifactS3
import ArtifactStores
import NIOHTTP1
import Testing

@Suite struct RegionTests {
  private static func region(_ request: SeenRequest) -> String {
    let scope = request.headers["authorization"]?.split(separator: "/").map(String.init) ?? []
    return scope.count > 2 ? scope[2] : ""
  }

  @Test func malformedAuthorizationNamesTheRegion() async throws {
    try await withServer { request in
      Self.region(request) == "eu-west-1"
        ? serve(pattern(3), request) : .error(400, "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>")
    } body: { store, server in
      try await withFolder { folder in
        try await store.download(StoredObject(key: "k", size: 3, etag: "tag-1"), to: "\(folder)/a") { _ in }
        try await store.download(StoredObject(key: "k", size: 3, etag: "tag-1"), to: "\(folder)/b") { _ in }
      }
      // It is remembered.
      #expect(server.requests.map(Self.region) == ["us-east-1", "eu-west-1", "eu-west-1"])
    }
  }

  @Test func headLearnsTheRegionFromTheHeader() async throws {
    try await withServer { request in
      Self.region(request) == "eu-west-1"
        ? FakeAnswer(body: [1]) : FakeAnswer(301, [("x-amz-bucket-region", "eu-west-1")])
    } body: { store, server in
      let found = try await store.object("k", versionID: nil)
      #expect(found.size == 1)
      #expect(server.requests.filter { $0.method == "HEAD" }.map(Self.region) == ["us-east-1", "eu-west-1"])
    }
  }

  @Test func endpointOfAnErrorNamesTheRegion() async throws {
    try await withServer { request in
      Self.region(request) == "eu-west-3"
        ? FakeAnswer(body: Array("<ListBucketResult/>".utf8))
        : .error(301, "PermanentRedirect", "<Endpoint>models.s3-eu-west-3.amazonaws.com</Endpoint>")
    } body: { store, _ in
      let found = try await store.list(prefix: "", isFlat: true, token: nil)
      #expect(found.objects.isEmpty)
    }
  }

  @Test func redirectsThatGoRoundEnd() async throws {
    try await withServer { request in
      let other = Self.region(request) == "eu-west-1" ? "eu-west-2" : "eu-west-1"
      return .error(301, "PermanentRedirect", headers: [("x-amz-bucket-region", other)])
    } body: { store, server in
      let error = await failure { _ = try await store.list(prefix: "", isFlat: true, token: nil) }
      #expect(error?.code == .accessDenied)
      #expect(error?.description.contains("AWS_REGION") == true)
      #expect(server.requests.count == 2)
    }
  }

  @Test func temporaryRedirectIsFollowedOnceAndSignedAnew() async throws {
    try await withServer { request in
      request.headers["host"]?.hasPrefix("localhost") == true ? serve(pattern(3), request) : FakeAnswer(500)
    } body: { target, second in
      let place = "http://localhost:\(second.port)/models/k"
      // Of another host: not followed.
      try await withServer { _ in
        FakeAnswer(307, [("location", place)])
      } body: { store, server in
        try await withFolder { folder in
          let object = StoredObject(key: "k", size: 3, etag: "tag-1")
          let error = await failure { try await store.download(object, to: "\(folder)/a") { _ in } }
          #expect(error?.description.contains("redirect to \(place)") == true)
          #expect(second.requests.isEmpty)
        }
      }
      // Of the same host, on another port.
      try await withServer { request in
        request.number == 0 ? FakeAnswer(307, [("location", place)]) : FakeAnswer(500)
      } body: { _, server in
        var configuration = try S3Configuration(environment: [
          "AWS_ENDPOINT_URL": "http://localhost:\(server.port)", "AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "S",
        ])
        configuration.maxAttempts = 1
        let client = try S3Client(configuration)
        try await withFolder { folder in
          let object = StoredObject(key: "k", size: 3, etag: "tag-1")
          try await client.store(bucket: "models").download(object, to: "\(folder)/a") { _ in }
          #expect(read("\(folder)/a") == pattern(3))
        }
        await client.shutdown()
        let (first, moved) = (server.requests[0].headers, second.requests[0].headers)
        #expect(moved["host"] == "localhost:\(second.port)")
        #expect(first["authorization"] != moved["authorization"])
      }
    }
  }

  @Test func redirectLoopEnds() async throws {
    try await withServer { request in
      FakeAnswer(307, [("location", "http://\(request.headers["host"] ?? "")/models/k")])
    } body: { store, server in
      try await withFolder { folder in
        let object = StoredObject(key: "k", size: 3, etag: "tag-1")
        #expect(await failure { try await store.download(object, to: "\(folder)/a") { _ in } }?.code == .accessDenied)
        #expect(server.requests.count == 2)
      }
    }
  }

  @Test func clockIsSetOnce() async throws {
    // 2026-01-02T03:04:05Z by the server.
    try await withServer {
      $0.hooks.now = { 1_000_000_000_000 }
    } answer: { request in
      request.headers["x-amz-date"]?.hasPrefix("20260102T0304") == true
        ? FakeAnswer(body: Array("<ListBucketResult/>".utf8))
        : .error(403, "RequestTimeTooSkewed", "<ServerTime>2026-01-02T03:04:05Z</ServerTime>")
    } body: { store, server in
      _ = try await store.list(prefix: "", isFlat: true, token: nil)
      _ = try await store.list(prefix: "", isFlat: true, token: nil)
      #expect(server.requests.count == 3)
    }
    try await withServer { _ in
      .error(403, "RequestTimeTooSkewed", "<ServerTime>2026-01-02T03:04:05Z</ServerTime>")
    } body: { store, server in
      let error = await failure { _ = try await store.list(prefix: "", isFlat: true, token: nil) }
      #expect(error?.description.contains("clock") == true)
      #expect(server.requests.count == 2)
    }
  }

  @Test func expiredCredentialsAreAskedForAgainOnce() async throws {
    try await withServer { _ in
      .error(400, "ExpiredToken")
    } body: { store, server in
      let error = await failure { _ = try await store.list(prefix: "", isFlat: true, token: nil) }
      #expect(error?.code == .accessDenied)
      #expect(server.requests.count == 2)
    }
  }
}

@Suite struct ReactionTests {
  private func reaction(_ status: Int, _ headers: [(String, String)], custom: String? = nil) -> S3Reaction {
    let rules = S3EndpointRules(custom: custom.flatMap { EndpointURL($0) })
    return S3Reaction(
      to: S3Failure(status: status, headers: HTTPHeaders(headers), body: [], now: 0),
      at: rules.endpoint(bucket: "models", region: "us-east-1"), rules: rules, repairs: S3Repairs(), now: 0)
  }

  @Test(arguments: [
    ("https://models.s3.us-west-2.amazonaws.com/k", true), ("https://models.s3-us-west-2.amazonaws.com/k", true),
    ("http://models.s3.us-west-2.amazonaws.com/k", false), ("https://example.com/k", false),
    ("https://ec2-1-2-3-4.compute-1.amazonaws.com/k", false), ("https://s3.amazonaws.com.example.com/k", false),
    ("https://u:p@s3.us-west-2.amazonaws.com/k", false), ("https://s3.cn-north-1.amazonaws.com.cn/k", false),
  ]) func redirectsStayWithTheSameOwner(_ location: String, _ isFollowed: Bool) {
    let reaction = reaction(307, [("location", location)])
    if case .location = reaction { #expect(isFollowed) } else { #expect(!isFollowed) }
  }

  @Test func customServersRedirectWithinTheirDomain() {
    for (location, isFollowed) in [
      ("http://models.minio.example:9001/k", true), ("http://minio.example/k", true),
      ("http://xminio.example/k", false), ("http://s3.amazonaws.com/k", false),
    ] {
      let reaction = reaction(307, [("location", location)], custom: "http://minio.example:9000")
      if case .location = reaction { #expect(isFollowed) } else { #expect(!isFollowed) }
    }
  }

  @Test func regionsThatAreNoneAreNotTaken() {
    #expect(reaction(301, [("x-amz-bucket-region", "eu-west-1")]) == .region("eu-west-1"))
    #expect(reaction(301, [("x-amz-bucket-region", "evil.example/")]) == .findRegion)
    #expect(reaction(301, [("x-amz-bucket-region", "us-east-1")]) == .retry(.permanent))
    #expect(reaction(301, [], custom: "http://h") == .retry(.permanent))
    #expect(reaction(503, [("retry-after", "7")]) == .retry(.server(retryAfter: 7000)))
    #expect(reaction(503, [("retry-after", "Thu, 01 Jan 1970 00:00:09 GMT")]) == .retry(.server(retryAfter: 9000)))
    #expect(reaction(503, [("retry-after", "99999999999999999999")]) == .retry(.server(retryAfter: nil)))
  }
}
