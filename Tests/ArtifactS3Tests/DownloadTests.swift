import ArtifactS3
import ArtifactStores
import Crypto
import Testing
import TextEncodings

enum DownloadFixtures {
  /// As `x-amz-checksum-sha256` has it.
  static func sha256(_ bytes: [UInt8]) -> String { Base64.encoded(Array(SHA256.hash(data: bytes))) }
}

@Suite struct DownloadTests {
  /// Five parts of the test configuration's size, the last of them short.
  static let bytes = pattern(4 * 65_536 + 1234)
  static let object = StoredObject(key: "k", size: bytes.count, etag: "tag-1", versionID: "v1")

  private func download(_ store: S3Store, _ object: StoredObject = Self.object, to path: String) async throws -> Int {
    let most = Counter()
    try await store.download(object, to: path) { if $0 > most.count { most.set($0) } }
    return most.count
  }

  @Test func largeObjectComesInParts() async throws {
    try await withServer {
      serve(Self.bytes, $0)
    } body: { store, server in
      try await withFolder { folder in
        let arrived = try await download(store, to: "\(folder)/a")
        #expect(arrived == Self.bytes.count)
        #expect(read("\(folder)/a") == Self.bytes)
        #expect(read("\(folder)/a.parts") == nil)
      }
      let parts = server.requests.filter { $0.method == "GET" }
      #expect(parts.count == 5)
      #expect(parts.allSatisfy { $0.headers["if-match"] == "\"tag-1\"" && $0.target == "/models/k?versionId=v1" })
      #expect(server.requests[0].method == "HEAD")
      #expect(server.requests[0].headers["x-amz-checksum-mode"] == "ENABLED")
    }
  }

  @Test(arguments: [0, 1, 1000, 65_536]) func smallObjectComesInOneRequest(_ size: Int) async throws {
    let bytes = pattern(size)
    try await withServer {
      serve(bytes, $0)
    } body: { store, server in
      try await withFolder { folder in
        write("older and longer than the object", to: "\(folder)/a")
        try await store.download(StoredObject(key: "k", size: size, etag: "tag-1"), to: "\(folder)/a") { _ in }
        #expect(read("\(folder)/a") == bytes)
      }
      #expect(server.requests.count == 1)
      #expect(server.requests[0].headers["range"] == nil)
    }
  }

  @Test func cutPartsGoOnWhereTheyEnded() async throws {
    let cuts = Counter()
    try await withServer { request in
      var answer = serve(Self.bytes, request)
      if request.headers["range"] != nil, cuts.next() < 6 { answer.cutAfter = 30_000 }
      return answer
    } body: { store, server in
      try await withFolder { folder in
        let arrived = try await download(store, to: "\(folder)/a")
        #expect(arrived == Self.bytes.count)
        #expect(read("\(folder)/a") == Self.bytes)
      }
      let starts = server.requests.compactMap { $0.range(Self.bytes.count)?.lowerBound }
      #expect(starts.contains { $0 % 65_536 == 30_000 })
    }
  }

  @Test func silentPartsCountAsCut() async throws {
    try await withServer {
      $0.readTimeout = .milliseconds(250)
      $0.maxAttempts = 20
    } answer: { request in
      var answer = serve(Self.bytes, request)
      if request.range(Self.bytes.count)?.lowerBound == 65_536 { answer.stallAfter = 20_000 }
      return answer
    } body: { store, server in
      try await withFolder { folder in
        let arrived = try await download(store, to: "\(folder)/a")
        #expect(arrived == Self.bytes.count)
        #expect(read("\(folder)/a") == Self.bytes)
      }
      #expect(server.requests.contains { $0.range(Self.bytes.count)?.lowerBound == 85_536 })
    }
  }

  @Test func smallObjectIsResumedToo() async throws {
    let bytes = pattern(50_000)
    try await withServer { request in
      var answer = serve(bytes, request)
      if request.number == 0 { answer.cutAfter = 20_000 }
      return answer
    } body: { store, server in
      try await withFolder { folder in
        try await store.download(StoredObject(key: "k", size: bytes.count, etag: "tag-1"), to: "\(folder)/a") { _ in }
        #expect(read("\(folder)/a") == bytes)
      }
      #expect(server.requests.map { $0.headers["range"] } == [nil, "bytes=20000-49999"])
    }
  }

  @Test(arguments: [50_000, 300_000]) func objectWithoutAnETagIsHeldToTheFirstOneSeen(_ size: Int) async throws {
    let bytes = pattern(size)
    let count = Counter()
    try await withServer { request in
      let isLater = request.method == "GET" && count.next() > 0
      var answer = serve(bytes, etag: isLater ? "tag-2" : "tag-1", request)
      if request.method == "GET" { answer.cutAfter = 20_000 }
      return answer
    } body: { store, _ in
      try await withFolder { folder in
        let object = StoredObject(key: "k", size: size)
        #expect(await failure { _ = try await download(store, object, to: "\(folder)/a") }?.code == .changed)
      }
    }
  }

  @Test func nextCallUsesWhatAnEarlierOneLeft() async throws {
    let isBroken = Counter()
    isBroken.set(1)
    try await withServer {
      $0.parallelism = 1
    } answer: { request in
      if isBroken.count == 1, request.range(Self.bytes.count)?.lowerBound == 2 * 65_536 { return FakeAnswer(403) }
      return serve(Self.bytes, request)
    } body: { store, server in
      try await withFolder { folder in
        // One after the other, so that two parts are there when the third fails.
        #expect(await failure { _ = try await download(store, to: "\(folder)/a") }?.code == .accessDenied)
        let record = String(decoding: read("\(folder)/a.parts") ?? [], as: UTF8.self)
        #expect(record.contains("done 0\ndone 1\n"))
        let before = server.requests.count
        isBroken.set(0)
        let arrived = try await download(store, to: "\(folder)/a")
        #expect(arrived == Self.bytes.count)
        #expect(read("\(folder)/a") == Self.bytes)
        let parts = server.requests[before...].compactMap { $0.range(Self.bytes.count)?.lowerBound }
        #expect(!parts.contains(0) && !parts.contains(65_536) && parts.contains(2 * 65_536))
        #expect(read("\(folder)/a.parts") == nil)
      }
    }
  }

  @Test(arguments: ["etag tag-1", "size", "done 0", "boot", "done 1"])
  func recordOfSomethingElseIsNotUsed(_ line: String) async throws {
    let isBroken = Counter()
    isBroken.set(1)
    try await withServer {
      $0.parallelism = 1
    } answer: { request in
      if isBroken.count == 1, request.range(Self.bytes.count)?.lowerBound == 2 * 65_536 { return FakeAnswer(403) }
      return serve(Self.bytes, request)
    } body: { store, server in
      try await withFolder { folder in
        _ = await failure { _ = try await download(store, to: "\(folder)/a") }
        let record = String(decoding: read("\(folder)/a.parts") ?? [], as: UTF8.self)
        #expect(record.contains(line))
        let lines = record.split(separator: "\n").map { $0.hasPrefix(line) ? "done 99999999999" : String($0) }
        write(lines.joined(separator: "\n") + "\n", to: "\(folder)/a.parts")
        isBroken.set(0)
        let before = server.requests.count
        let arrived = try await download(store, to: "\(folder)/a")
        #expect(arrived == Self.bytes.count)
        #expect(read("\(folder)/a") == Self.bytes)
        #expect(server.requests[before...].filter { $0.method == "GET" }.count == 5)
      }
    }
  }

  @Test func lineThatWasCutOffDoesNotCount() async throws {
    let isBroken = Counter()
    isBroken.set(1)
    try await withServer {
      $0.parallelism = 1
    } answer: { request in
      if isBroken.count == 1, request.range(Self.bytes.count)?.lowerBound == 2 * 65_536 { return FakeAnswer(403) }
      return serve(Self.bytes, request)
    } body: { store, server in
      try await withFolder { folder in
        _ = await failure { _ = try await download(store, to: "\(folder)/a") }
        let record = String(decoding: read("\(folder)/a.parts") ?? [], as: UTF8.self)
        write(record + "done 4", to: "\(folder)/a.parts")
        isBroken.set(0)
        let before = server.requests.count
        _ = try await download(store, to: "\(folder)/a")
        #expect(read("\(folder)/a") == Self.bytes)
        #expect(server.requests[before...].filter { $0.method == "GET" }.count == 3)
      }
    }
  }

  @Test func objectThatChangesMeanwhileIsNotMixed() async throws {
    let newer = pattern(Self.bytes.count + 1)
    for isHonest in [true, false] {
      let count = Counter()
      try await withServer { request in
        if request.method == "GET", count.next() >= 2 {
          guard !isHonest else { return serve(newer, etag: "tag-2", request) }
          var request = request
          request.headers["if-match"] = nil
          return serve(newer, etag: "tag-2", request)
        }
        return serve(Self.bytes, request)
      } body: { store, _ in
        try await withFolder { folder in
          #expect(await failure { _ = try await download(store, to: "\(folder)/a") }?.code == .changed)
          #expect(read("\(folder)/a.parts") == nil)
        }
      }
    }
  }

  @Test func changedBeforeTheFirstByteIsSaid() async throws {
    try await withServer {
      serve(pattern(5), etag: "other", $0)
    } body: { store, _ in
      try await withFolder { folder in
        for size in [5, 300_000] {
          let object = StoredObject(key: "k", size: size, etag: "tag-1")
          #expect(await failure { _ = try await download(store, object, to: "\(folder)/a") }?.code == .changed)
        }
      }
    }
  }

  @Test func wrongLengthsAreFound() async throws {
    let bytes = pattern(1000)
    let object = StoredObject(key: "k", size: 1000, etag: "tag-1")
    try await withServer { _ in
      var answer = FakeAnswer(200, [("etag", "\"tag-1\"")], body: Array(bytes.prefix(900)))
      answer.length = 1000
      return answer
    } body: { store, server in
      try await withFolder { folder in
        #expect(await failure { _ = try await download(store, object, to: "\(folder)/a") }?.code != nil)
      }
      #expect(server.requests.count >= 3)
    }
    try await withServer { _ in
      FakeAnswer(200, [("etag", "\"tag-1\"")], body: bytes + [1])
    } body: { store, _ in
      try await withFolder { folder in
        #expect(await failure { _ = try await download(store, object, to: "\(folder)/a") }?.code == .changed)
      }
    }
  }

  @Test(arguments: ["bytes 0-9/10", "bytes 1-65536/263378", "nonsense", "bytes 0-65535/*"])
  func otherRangesThanAskedForAreRefused(_ range: String) async throws {
    try await withServer { request in
      var answer = serve(Self.bytes, request)
      if answer.status == 206 { answer.headers = [("content-range", range)] }
      return answer
    } body: { store, _ in
      try await withFolder { folder in
        let code = await failure { _ = try await download(store, to: "\(folder)/a") }?.code
        #expect(code == .badAnswer || code == .changed)
      }
    }
  }

  @Test func serverWithoutRangesGivesTheWholeObject() async throws {
    try await withServer { request in
      var request = request
      request.headers["range"] = nil
      return serve(Self.bytes, request)
    } body: { store, server in
      try await withFolder { folder in
        _ = try await download(store, to: "\(folder)/a")
        #expect(read("\(folder)/a") == Self.bytes)
      }
    }
  }

  static let sha256 = DownloadFixtures.sha256(bytes)
  static let md5 = SignatureV4.hex(Insecure.MD5.hash(data: bytes))

  @Test func checksumsAreComparedOnce() async throws {
    for (headers, etag, isRight) in [
      ([("x-amz-checksum-sha256", Self.sha256)], "tag-1", true),
      ([("x-amz-checksum-sha256", Base64.encoded([UInt8](repeating: 1, count: 32)))], "tag-1", false),
      ([("x-amz-checksum-crc32", "AAAAAA=="), ("x-amz-checksum-type", "FULL_OBJECT")], "tag-1", false),
      ([("x-amz-checksum-crc32", "AAAAAA=="), ("x-amz-checksum-type", "COMPOSITE")], "tag-1", true),
      ([], Self.md5, true), ([], String(Self.md5.reversed()), false), ([], "\(Self.md5)-2", true),
      ([("x-amz-server-side-encryption", "aws:kms")], String(Self.md5.reversed()), true),
    ] {
      for partSize in [1 << 16, 1 << 20] {
        try await withServer {
          $0.partSize = partSize
        } answer: { request in
          serve(Self.bytes, etag: etag, headers: headers, request)
        } body: { store, _ in
          try await withFolder { folder in
            let object = StoredObject(key: "k", size: Self.bytes.count, etag: etag)
            let code = await failure { _ = try await download(store, object, to: "\(folder)/a") }?.code
            #expect(code == (isRight ? nil : .corrupt))
            // What is wrong is not left for the next call.
            #expect((read("\(folder)/a") == nil) == !isRight)
            #expect(read("\(folder)/a.parts") == nil)
          }
        }
      }
    }
  }

  @Test func checksumsAreNotAskedForWhereTheEnvironmentSaysSo() async throws {
    try await withServer(["AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required"]) { request in
      serve(Self.bytes, headers: [("x-amz-checksum-crc32", "AAAAAA==")], request)
    } body: { store, server in
      try await withFolder { folder in _ = try await download(store, to: "\(folder)/a") }
      #expect(server.requests.allSatisfy { $0.headers["x-amz-checksum-mode"] == nil })
    }
  }

  @Test func folderInsteadOfAFileIsAnError() async throws {
    try await withServer {
      serve(Self.bytes, $0)
    } body: { store, _ in
      try await withFolder { folder in
        #expect(await failure { _ = try await download(store, to: folder) }?.code == .io)
        #expect(await failure { _ = try await download(store, to: "\(folder)/no/such") }?.code == .io)
      }
    }
  }
}
