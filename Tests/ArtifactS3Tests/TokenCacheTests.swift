import ArtifactS3
import ArtifactStores
import Crypto
import Foundation
import JSONDocument
import Testing

/// Sessions that the AWS tools left, and files of older ones. The clock of these tests stands at 2026-01-02T03:04:05Z.
extension CredentialTests {
  // MARK: IAM Identity Center

  private static let profile =
    "[default]\nsso_session = corp\nsso_account_id = 12\nsso_role_name = r\n[sso-session corp]\nsso_region = eu-west-1"
    + "\nsso_start_url = https://x"
  private static let ssoFile = ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json"
  private static let endpoints = ["AWS_ENDPOINT_URL_SSO": "SERVER", "AWS_ENDPOINT_URL_SSO_OIDC": "SERVER/oidc"]

  private static func session(_ end: String, registration: String = "2026-02-01T00:00:00Z") -> String {
    """
    {"startUrl": "https://x", "accessToken": "old", "expiresAt": "\(end)", "clientId": "c", "clientSecret": "cs",
     "registrationExpiresAt": "\(registration)", "refreshToken": "r1"}
    """
  }

  private static let roleKeys = FakeAnswer(
    body: Array(#"{"roleCredentials": {"accessKeyId": "A", "secretAccessKey": "S", "expiration": 1767326645000}}"#.utf8)
  )
  private static let newToken = FakeAnswer(
    body: Array(#"{"accessToken": "new", "expiresIn": 3600, "refreshToken": "r2"}"#.utf8))

  @Test(arguments: ["2026-01-02T03:00:00Z", "2026-01-02T03:19:00Z"])
  func anSSOSessionNearItsEndIsRenewed(_ end: String) async throws {
    try await load(
      Self.endpoints, files: [".aws/config": Self.profile, Self.ssoFile: Self.session(end)]
    ) {
      $0.path == "/oidc/token" ? Self.newToken : Self.roleKeys
    } check: { result, requests, home in
      let found = try result.get()
      #expect(found.accessKeyID == "A")
      #expect(requests.count == 2)
      let sent = try JSONDocument(parsing: Array(requests[0].body.utf8), maxDepth: 4)
      #expect(
        sent == ["grantType": "refresh_token", "clientId": "c", "clientSecret": "cs", "refreshToken": "r1"])
      #expect(requests[0].method == "POST")
      #expect(requests[1].headers["x-amz-sso_bearer_token"] == "new")
      let path = "\(home)/\(Self.ssoFile)"
      let kept = try JSONDocument(parsing: Array(try #require(FileManager.default.contents(atPath: path))), maxDepth: 4)
      #expect(kept["accessToken"]?.string == "new")
      #expect(kept["refreshToken"]?.string == "r2")
      #expect(kept["expiresAt"]?.string == "2026-01-02T04:04:05Z")
      #expect(kept["startUrl"]?.string == "https://x")
      #expect(kept["clientSecret"]?.string == "cs")
      let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
      #expect(mode == 0o600)
    }
  }

  @Test func anSSOSessionThatCannotBeRenewedIsUsedToItsEnd() async throws {
    let files = [".aws/config": Self.profile, Self.ssoFile: Self.session("2026-01-02T03:19:00Z")]
    try await load(Self.endpoints, files: files) {
      $0.path == "/oidc/token" ? FakeAnswer(400, body: Array(#"{"error": "invalid_grant"}"#.utf8)) : Self.roleKeys
    } check: { result, requests, _ in
      let found = try result.get()
      #expect(found.accessKeyID == "A")
      #expect(requests.last?.headers["x-amz-sso_bearer_token"] == "old")
    }
  }

  @Test(arguments: [
    (CredentialTests.session("2026-01-02T03:00:00Z"), "does not give credentials"),
    (CredentialTests.session("2026-01-02T03:00:00Z", registration: "2026-01-01T00:00:00Z"), "cannot be renewed"),
    (#"{"accessToken": "old", "expiresAt": "2026-01-02T03:00:00Z"}"#, "is over"), ("[]", "cannot be read"),
  ]) func anSSOSessionThatIsOverSaysWhatToRun(_ session: String, _ words: String) async throws {
    try await load(Self.endpoints, files: [".aws/config": Self.profile, Self.ssoFile: session]) { _ in
      FakeAnswer(400, body: Array(#"{"error": "invalid_grant"}"#.utf8))
    } check: { result, _, _ in
      let error = try #require(result.failure)
      #expect(error.description.contains(words), "\(error)")
    }
  }

  // MARK: login

  /// A key made for these tests, as `openssl ecparam -name prime256v1 -genkey` writes it.
  private static let key = """
    -----BEGIN EC PRIVATE KEY-----
    MHcCAQEEIN8I3NNoNz87AAb2UQ12tr9r4yItVrf4Kao+jex6ILvwoAoGCCqGSM49
    AwEHoUQDQgAEsKxFGp4jBp4s9FJuF7Gb3BDVt0yYFpS+pkb70fRuhNpx/qwDU7vA
    p6nqhvxeCDc3nAdQxbSEImGpjHchOLaJRA==
    -----END EC PRIVATE KEY-----
    """
  /// The SHA-256 of the session's name.
  private static let loginFile =
    ".aws/login/cache/\(SHA256.hash(data: Array("arn:aws:iam::1:user/u".utf8)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()).json"
  private static let loginProfile = "[default]\nregion = eu-west-1\nlogin_session = arn:aws:iam::1:user/u"

  private static func login(_ end: String, key: String = CredentialTests.key) -> String {
    JSONDocument.object([
      (
        "accessToken",
        [
          "accessKeyId": "A1", "secretAccessKey": "S1", "sessionToken": "T1", "accountId": "1",
          "expiresAt": .string(end),
        ]
      ), ("tokenType", "aws_sigv4"), ("refreshToken", "r1"), ("clientId", "arn:aws:signin:::devtools/same-device"),
      ("dpopKey", .string(key)),
    ]).text()
  }

  @Test func aLoginIsUsed() async throws {
    try await load(
      files: [".aws/config": Self.loginProfile, Self.loginFile: Self.login("2026-01-02T03:15:00Z")]
    ) { result, requests, _ in
      let found = try result.get()
      #expect(found.accessKeyID == "A1")
      #expect(found.sessionToken == "T1")
      #expect(found.expiration == 1_767_323_700_000)
      #expect(requests.isEmpty)
    }
  }

  @Test(arguments: ["2026-01-02T03:00:00Z", "2026-01-02T03:09:00Z"])
  func aLoginNearItsEndIsRenewedWithAProof(_ end: String) async throws {
    try await load(
      ["AWS_ENDPOINT_URL_SIGNIN": "SERVER/in", "AWS_LOGIN_CACHE_DIRECTORY": "HOME/.aws/login/cache"],
      files: [".aws/config": Self.loginProfile, Self.loginFile: Self.login(end)]
    ) { _ in
      FakeAnswer(
        body: Array(
          #"{"accessToken": {"accessKeyId": "A2", "secretAccessKey": "S2", "sessionToken": "T2"}, "expiresIn": 900, "refreshToken": "r2"}"#
            .utf8))
    } check: { result, requests, home in
      let found = try result.get()
      #expect(found.accessKeyID == "A2")
      #expect(found.expiration == 1_767_323_945_000)
      let request = try #require(requests.first)
      #expect(request.target == "/in/v1/token")
      let sent = try JSONDocument(parsing: Array(request.body.utf8), maxDepth: 4)
      #expect(
        sent == [
          "clientId": "arn:aws:signin:::devtools/same-device", "grantType": "refresh_token", "refreshToken": "r1",
        ])
      let proof = try Proof(try #require(request.headers["dpop"]))
      #expect(proof.header["typ"]?.string == "dpop+jwt")
      #expect(proof.payload["htm"]?.string == "POST")
      #expect(proof.payload["htu"]?.string?.hasSuffix("/in/v1/token") == true)
      #expect(proof.payload["htu"]?.string?.hasPrefix("http://127.0.0.1:") == true)
      #expect(proof.payload["iat"]?.int == 1_767_323_045)
      let key = try P256.Signing.PrivateKey(pemRepresentation: Self.key).publicKey
      #expect(proof.isSigned(by: key))
      let path = "\(home)/\(Self.loginFile)"
      let kept = try JSONDocument(parsing: Array(try #require(FileManager.default.contents(atPath: path))), maxDepth: 4)
      #expect(kept["accessToken"]?["sessionToken"]?.string == "T2")
      #expect(kept["accessToken"]?["accountId"]?.string == "1")
      #expect(kept["accessToken"]?["expiresAt"]?.string == "2026-01-02T03:19:05Z")
      #expect(kept["refreshToken"]?.string == "r2")
      #expect(kept["dpopKey"]?.string == Self.key)
    }
  }

  @Test(arguments: [
    (CredentialTests.login("2026-01-02T03:00:00Z", key: "x"), "no P-256 key"),
    (CredentialTests.login("2026-01-02T03:00:00Z"), "TOKEN_EXPIRED"), ("{}", "no dpopKey"),
  ]) func aLoginThatIsOverSaysWhy(_ session: String, _ words: String) async throws {
    try await load(
      ["AWS_ENDPOINT_URL_SIGNIN": "SERVER"], files: [".aws/config": Self.loginProfile, Self.loginFile: session]
    ) { _ in
      FakeAnswer(403, body: Array(#"{"error": "TOKEN_EXPIRED", "message": "TOKEN_EXPIRED: log in again"}"#.utf8))
    } check: { result, _, _ in
      let error = try #require(result.failure)
      #expect(error.description.contains(words), "\(error)")
    }
  }

  /// A JSON Web Token, taken apart.
  private struct Proof {
    var header, payload: JSONDocument
    private var text: String
    private var signature: Data

    init(_ token: String) throws {
      func decoded(_ part: Substring) throws -> Data {
        let text = part.replacing("-", with: "+").replacing("_", with: "/")
        return try #require(Data(base64Encoded: text + String(repeating: "=", count: (4 - text.count % 4) % 4)))
      }
      let parts = token.split(separator: ".")
      try #require(parts.count == 3)
      header = try JSONDocument(parsing: Array(try decoded(parts[0])), maxDepth: 4)
      payload = try JSONDocument(parsing: Array(try decoded(parts[1])), maxDepth: 4)
      text = "\(parts[0]).\(parts[1])"
      signature = try decoded(parts[2])
    }

    func isSigned(by key: P256.Signing.PublicKey) -> Bool {
      let point = key.x963Representation.dropFirst()
      func encoded(_ data: some DataProtocol) -> String {
        Data(data).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
      }
      guard header["jwk"]?["x"]?.string == encoded(point.prefix(32)),
        header["jwk"]?["y"]?.string == encoded(point.suffix(32)), header["alg"]?.string == "ES256",
        let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature)
      else { return false }
      return key.isValidSignature(signature, for: Data(text.utf8))
    }
  }

  // MARK: files of older tools

  @Test func filesOfOlderToolsAreRead() async throws {
    try await load(
      ["AWS_CREDENTIAL_FILE": "HOME/ec2"], files: ["ec2": "AWSAccessKeyId=A\nAWSSecretKey = S=\n"]
    ) { result, _, _ in
      let found = try result.get()
      #expect(found.accessKeyID == "A")
      #expect(found.secretAccessKey == "S=")
    }
    let boto = "[Credentials]\naws_access_key_id = B\naws_secret_access_key = T\n"
    try await load(["BOTO_CONFIG": "HOME/boto"], files: ["boto": boto]) { result, _, _ in
      let found = try result.get()
      #expect(found.accessKeyID == "B")
    }
    try await load(files: [".boto": boto]) { result, _, _ in
      let found = try result.get()
      #expect(found.accessKeyID == "B")
    }
    try await load(["AWS_CREDENTIAL_FILE": "HOME/ec2"], files: ["ec2": "AWSAccessKeyId=A"]) { result, _, _ in
      let error = try #require(result.failure)
      #expect(error.description.contains("without AWSSecretKey"))
    }
  }
}
