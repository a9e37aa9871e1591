import ArtifactS3
import ArtifactStores
import Testing

@Suite struct CredentialTests {
  /// Loads credentials with an environment, a home folder and a server for the services.
  func load(
    _ environment: [String: String] = [:], files: [String: String] = [:],
    answer: @escaping @Sendable (SeenRequest) -> FakeAnswer = { _ in FakeAnswer(404) },
    check: (Result<AWSCredentials, StoreError>, [SeenRequest], _ home: String) throws -> Void
  ) async throws {
    let server = try await FakeServer(answer)
    try await withFolder { home in
      for folder in ["sso", "login"] { makeFolder("\(home)/.aws/\(folder)/cache") }
      for (name, text) in files { write(text, to: "\(home)/\(name)") }
      var variables = ["HOME": home]
      for (name, value) in environment {
        variables[name] = value.replacing("SERVER", with: server.url).replacing("HOME", with: home)
      }
      if variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"] == nil { variables["AWS_EC2_METADATA_DISABLED"] = "true" }
      let result: Result<AWSCredentials, StoreError>
      do {
        var configuration = try S3Configuration(environment: variables)
        configuration.hooks.sleep = { _ in }
        configuration.hooks.now = { 1_767_323_045_000 }
        configuration.hooks.containerEndpoint = server.url
        let transport = HTTPTransport(configuration)
        do {
          result = .success(try await CredentialChain(configuration, transport: transport).load())
        } catch {
          result = .failure(error as? StoreError ?? StoreError(.io, "\(error)"))
        }
        await transport.shutdown()
      } catch {
        result = .failure(error as? StoreError ?? StoreError(.io, "\(error)"))
      }
      try check(result, server.requests, home)
    }
    await server.stop()
  }

  private static let sts = FakeAnswer(
    body: Array(
      """
      <AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
      <AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s2</SecretAccessKey><SessionToken>t2</SessionToken>
      <Expiration>2026-01-02T04:04:05Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>
      """.utf8))

  private static let json = FakeAnswer(
    body: Array(
      """
      {"Code": "Success", "AccessKeyId": "ASIA", "SecretAccessKey": "s3", "Token": "t3",
       "Expiration": "2026-01-02T04:04:05Z"}
      """.utf8))

  @Test func environmentComesFirst() async throws {
    try await load(
      [
        "AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "S", "AWS_SECURITY_TOKEN": "T", "AWS_PROFILE": "p",
        "AWS_CREDENTIAL_EXPIRATION": "2026-01-02T04:04:05Z",
      ],
      files: [".aws/credentials": "[p]\naws_access_key_id = B\naws_secret_access_key = C"]
    ) { result, _, _ in
      let credentials = try result.get()
      #expect(credentials.accessKeyID == "A")
      #expect(credentials.sessionToken == "T")
      #expect(credentials.expiration == 1_767_326_645_000)
    }
  }

  @Test func halfAKeyIsAnError() async throws {
    try await load(["AWS_ACCESS_KEY_ID": "A"]) { result, _, _ in
      #expect(throws: StoreError.self) { try result.get() }
    }
  }

  @Test func nothingFoundSaysWhereItWasLooked() async throws {
    try await load { result, _, _ in
      let error = try #require(result.failure)
      #expect(error.code == .noCredentials)
      let places = [
        "environment:", "assumed role:", "web identity:", "SSO:", "shared credentials file:", "login:",
        "credential process:", "config file:", "EC2 credential file:", "boto file:", "container:", "instance metadata:",
      ]
      var rest = error.description[...]
      for place in places {
        let range = try #require(rest.firstRange(of: place), "\(place) after \(rest)")
        rest = rest[range.upperBound...]
      }
    }
  }

  @Test func filesAreReadCredentialsFirst() async throws {
    let config =
      "[default]\nregion = eu-west-2\naws_access_key_id = C\naws_secret_access_key = D\n[profile p]\naws_access_key_id=E\naws_secret_access_key=F"
    try await load(files: [
      ".aws/config": config, ".aws/credentials": "[default]\naws_access_key_id=A\naws_secret_access_key=B",
    ]) {
      result, _, _ in
      let found = try result.get()
      #expect(found.accessKeyID == "A")
    }
    try await load(["AWS_PROFILE": "p"], files: [".aws/config": config]) { result, _, _ in
      let found = try result.get()
      #expect(found.accessKeyID == "E")
    }
    try await load(["AWS_PROFILE": "missing"], files: [".aws/config": config]) { result, _, _ in
      let error = try #require(result.failure)
      #expect(error.description.contains("\"missing\""))
    }
    try await load(files: [".aws/config": "[default]\nnonsense"]) { result, _, _ in
      let error = try #require(result.failure)
      #expect(error.description.contains("line 2"))
    }
  }

  @Test func rolesAreAssumedThroughProfiles() async throws {
    let config = """
      [profile app]
      role_arn = arn:aws:iam::1:role/app
      source_profile = middle
      external_id = x y
      duration_seconds = 900
      [profile middle]
      role_arn = arn:aws:iam::1:role/middle
      source_profile = base
      [profile base]
      aws_access_key_id = BASE
      aws_secret_access_key = S
      """
    try await load(
      ["AWS_PROFILE": "app", "AWS_ENDPOINT_URL_STS": "SERVER", "AWS_REGION": "eu-west-1"],
      files: [".aws/config": config]
    ) {
      _ in
      Self.sts
    } check: { result, requests, _ in
      let credentials = try result.get()
      #expect(credentials.accessKeyID == "ASIA")
      #expect(credentials.sessionToken == "t2")
      #expect(credentials.expiration == 1_767_326_645_000)
      #expect(requests.count == 2)
      #expect(requests[0].body.contains("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fmiddle"))
      #expect(
        requests[0].headers["authorization"]?.contains("Credential=BASE/20260102/eu-west-1/sts/aws4_request") == true)
      #expect(requests[1].body.contains("ExternalId=x%20y"))
      #expect(requests[1].body.contains("DurationSeconds=900"))
      #expect(requests[1].headers["x-amz-security-token"] == "t2")
    }
  }

  @Test(arguments: [
    ("role_arn = r\nsource_profile = b\n[profile b]\nrole_arn = r\nsource_profile = a", "go round"),
    ("role_arn = r\nsource_profile = none", "\"none\""), ("role_arn = r", "source_profile"),
    ("role_arn = r\nsource_profile = a\ncredential_source = Environment", "both"),
    ("role_arn = r\ncredential_source = Moon", "Moon"),
    ("role_arn = r\nsource_profile = b\nmfa_serial = x", "mfa_serial"),
    ("sso_start_url = https://x", "sso_account_id"),
    (
      "sso_start_url = https://x\nsso_region = eu-west-1\nsso_account_id = 1\nsso_role_name = r",
      "aws sso login --profile a"
    ),
    ("web_identity_token_file = /nonexistent\nrole_arn = r", "/nonexistent"),
    ("credential_process = /nonexistent/tool", "/nonexistent/tool"),
    ("credential_process = sh -c 'exit 3'", "ended with 3"),
    ("credential_process = sh -c 'yes no'", "writes more than"), ("credential_process = echo {}", "version 1"),
    ("credential_process = echo 'x", "quotes"),
  ]) func profilesThatCannotWorkSayWhy(_ settings: String, _ reason: String) async throws {
    try await load(["AWS_PROFILE": "a"], files: [".aws/config": "[profile a]\n\(settings)"]) { result, _, _ in
      let error = try #require(result.failure)
      #expect(error.code == .noCredentials)
      #expect(error.description.contains(reason), "\(error)")
    }
  }

  @Test func webIdentityIsExchangedUnsigned() async throws {
    try await load(
      [
        "AWS_WEB_IDENTITY_TOKEN_FILE": "HOME/token", "AWS_ROLE_ARN": "arn", "AWS_ROLE_SESSION_NAME": "me",
        "AWS_ENDPOINT_URL_STS": "SERVER",
      ], files: ["token": "abc.def\n"]
    ) { request in
      // Tried again where the identity provider could not be reached.
      request.number == 0 ? .error(400, "IDPCommunicationError") : Self.sts
    } check: { result, requests, _ in
      let found = try result.get()
      #expect(found.accessKeyID == "ASIA")
      #expect(requests.count == 2)
      #expect(requests[1].headers["authorization"] == nil)
      #expect(
        requests[1].body
          == "Action=AssumeRoleWithWebIdentity&RoleArn=arn&RoleSessionName=me&Version=2011-06-15&WebIdentityToken=abc.def"
      )
    }
  }

  @Test func ssoSessionIsExchanged() async throws {
    // The name of the file is the SHA-1 of "corp".
    try await load(
      ["AWS_ENDPOINT_URL_SSO": "SERVER"],
      files: [
        ".aws/config":
          "[default]\nsso_session = corp\nsso_account_id = 12\nsso_role_name = r w\n[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://x",
        ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json":
          "{\"accessToken\": \"tok\", \"expiresAt\": \"2026-01-02T05:00:00Z\"}",
      ]
    ) { _ in
      FakeAnswer(
        body: Array(
          "{\"roleCredentials\": {\"accessKeyId\": \"A\", \"secretAccessKey\": \"S\", \"sessionToken\": \"T\", \"expiration\": 1767326645000}}"
            .utf8))
    } check: { result, requests, _ in
      let credentials = try result.get()
      #expect(credentials.accessKeyID == "A")
      #expect(credentials.expiration == 1_767_326_645_000)
      #expect(requests[0].target == "/federation/credentials?account_id=12&role_name=r%20w")
      #expect(requests[0].headers["x-amz-sso_bearer_token"] == "tok")
    }
  }

  @Test func processIsAsked() async throws {
    let line =
      "credential_process = sh -c 'echo {\\\"Version\\\": 1, \\\"AccessKeyId\\\": \\\"$0\\\", \\\"SecretAccessKey\\\": \\\"S\\\"}' \"a b\""
    try await load(files: [".aws/config": "[default]\n\(line)"]) { result, _, _ in
      let found = try result.get()
      #expect(found.accessKeyID == "a b")
    }
  }

  @Test(arguments: [
    ("a b", ["a", "b"]), ("'a b' \"c \\\" d\" e\\ f ''", ["a b", "c \" d", "e f", ""]), ("a\"b\"c", ["abc"]), ("", []),
  ]) func commandLinesAreSplitAsAShellDoes(_ line: String, _ words: [String]) {
    #expect(ProcessCredentials.words(line) == words)
  }

  @Test func containerIsAskedWithItsToken() async throws {
    try await load(
      [
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "SERVER/creds?x=1", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "no",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "HOME/token",
      ], files: ["token": "Bearer t"]
    ) { request in
      request.number == 0 ? FakeAnswer(500) : Self.json
    } check: { result, requests, _ in
      let found = try result.get()
      #expect(found.sessionToken == "t3")
      #expect(requests.map(\.target) == ["/creds?x=1", "/creds?x=1"])
      #expect(requests[1].headers["authorization"] == "Bearer t")
    }
    try await load(["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/x"]) { _ in
      Self.json
    } check: { result, requests, _ in
      let found = try result.get()
      #expect(found.accessKeyID == "ASIA")
      #expect(requests[0].target == "/v2/x")
    }
  }

  @Test(arguments: [
    "http://example.com/x", "http://127.0.0.1.example.com/x", "http://169.254.170.2.example.com/", "http://10.0.0.1/",
    "ftp://localhost/",
    "http://user@localhost/",
  ]) func containerMustBeThisMachine(_ url: String) async throws {
    try await load(["AWS_CONTAINER_CREDENTIALS_FULL_URI": url]) { result, _, _ in
      #expect(throws: StoreError.self) { try result.get() }
    }
  }

  @Test func instanceIsAskedWithAToken() async throws {
    try await load(["AWS_EC2_METADATA_SERVICE_ENDPOINT": "SERVER", "AWS_METADATA_SERVICE_TIMEOUT": "20"]) { request in
      switch (request.method, request.target) {
      case ("PUT", "/latest/api/token"): FakeAnswer(body: Array("tok".utf8))
      case ("GET", "/latest/meta-data/iam/security-credentials/"): FakeAnswer(body: Array("role-1\n".utf8))
      case ("GET", "/latest/meta-data/iam/security-credentials/role-1"): Self.json
      default: FakeAnswer(404)
      }
    } check: { result, requests, _ in
      let found = try result.get()
      #expect(found.accessKeyID == "ASIA")
      #expect(requests[0].headers["x-aws-ec2-metadata-token-ttl-seconds"] == "21600")
      #expect(requests[1].headers["x-aws-ec2-metadata-token"] == "tok")
    }
    try await load(["AWS_EC2_METADATA_SERVICE_ENDPOINT": "SERVER", "AWS_METADATA_SERVICE_TIMEOUT": "20"]) { _ in
      FakeAnswer(404)
    } check: { result, _, _ in
      let error = try #require(result.failure)
      #expect(error.description.contains("instance metadata: "))
    }
  }
}

@Suite struct CredentialCacheTests {
  private static func key(_ number: Int, _ end: Int64?) -> AWSCredentials {
    AWSCredentials(accessKeyID: "K\(number)", secretAccessKey: "S", expiration: end, source: "test")
  }

  @Test func oneCallerAsksForAll() async throws {
    let loads = Counter()
    let cache = CredentialCache(now: { 0 }) { () async throws(StoreError) in
      for _ in 0..<100 { await Task.yield() }
      return Self.key(loads.next(), nil)
    }
    let keys = try await withThrowingTaskGroup(of: String.self) { group in
      for _ in 0..<50 { group.addTask { try await cache.credentials().accessKeyID } }
      return try await group.reduce(into: Set<String>()) { $0.insert($1) }
    }
    #expect(keys == ["K0"])
    #expect(loads.count == 1)
  }

  @Test func credentialsAreRefreshedBeforeTheyEnd() async throws {
    let (loads, clock) = (Counter(), Counter())
    let minute = 60_000
    let cache = CredentialCache(now: { Int64(clock.count) }) { () async throws(StoreError) in
      Self.key(loads.next(), Int64(clock.count + 60 * minute))
    }
    #expect(try await cache.credentials().accessKeyID == "K0")
    clock.set(44 * minute)
    #expect(try await cache.credentials().accessKeyID == "K0")
    #expect(loads.count == 1)
    // 14 minutes before the end: the old ones are still used, and new ones asked for.
    clock.set(46 * minute)
    #expect(try await cache.credentials().accessKeyID == "K0")
    while loads.count < 2 { await Task.yield() }
    while try await cache.credentials().accessKeyID == "K0" { await Task.yield() }
    // 9 minutes before the end: callers wait.
    clock.set(46 * minute + 51 * minute)
    #expect(try await cache.credentials().accessKeyID == "K2")
  }

  @Test func oldCredentialsAreUsedToTheirEnd() async throws {
    let (loads, clock) = (Counter(), Counter())
    let cache = CredentialCache(now: { Int64(clock.count) }) { () async throws(StoreError) in
      if loads.next() > 0 { throw StoreError(.noCredentials, "gone") }
      return Self.key(0, 3_600_000)
    }
    #expect(try await cache.credentials().accessKeyID == "K0")
    clock.set(3_500_000)
    #expect(try await cache.credentials().accessKeyID == "K0")
    // Asked once a minute.
    #expect(try await cache.credentials().accessKeyID == "K0")
    #expect(loads.count == 2)
    clock.set(3_600_001)
    #expect(await failure { _ = try await cache.credentials() }?.code == .noCredentials)
  }

  @Test func refusedCredentialsAreForgotten() async throws {
    let loads = Counter()
    let cache = CredentialCache(now: { 0 }) { () async throws(StoreError) in Self.key(loads.next(), nil) }
    let first = try await cache.credentials()
    await cache.invalidate(first)
    let second = try await cache.credentials()
    #expect(second.accessKeyID == "K1")
    // Somebody else was first.
    await cache.invalidate(first)
    #expect(try await cache.credentials() == second)
  }

  @Test func callersMayStopWaiting() async throws {
    let isOver = Counter()
    let cache = CredentialCache(now: { 0 }) { () async throws(StoreError) in
      while isOver.count == 0 { await Task.yield() }
      return Self.key(0, nil)
    }
    let task = Task { await failure { _ = try await cache.credentials() } }
    task.cancel()
    #expect(await task.value?.code == .cancelled)
    isOver.set(1)
    #expect(try await cache.credentials().accessKeyID == "K0")
  }
}

extension Result {
  /// The error; nil for a success.
  var failure: Failure? {
    if case .failure(let error) = self { error } else { nil }
  }
}
