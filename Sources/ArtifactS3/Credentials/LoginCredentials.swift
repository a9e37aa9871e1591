package import ArtifactStores
import Crypto
import JSONDocument
import NIOHTTP1
import S3Documents
import TextEncodings

/// A console session that `aws login` left in `~/.aws/login/cache` (or `AWS_LOGIN_CACHE_DIRECTORY`): keys that are good for
/// minutes, renewed with a refresh token until the session ends (AWS Sign-In, CreateOAuth2Token). The request proves that it
/// comes from where the login was made with a signature of the session's key (DPoP, RFC 9449).
package struct LoginCredentials: CredentialSource {
  private static let window: Int64 = 5 * 60_000
  /// Other partitions than the commercial one, by how their regions begin (the service's endpoint rules).
  private static let domains: [(region: String, name: String)] = [
    ("cn-", "amazonaws.cn"), ("us-gov-", "amazonaws-us-gov.com"), ("us-iso-", "c2shome.ic.gov"),
    ("us-isob-", "sc2shome.sgov.gov"), ("us-isof-", "csphome.hci.ic.gov"), ("eu-isoe-", "csphome.adc-e.uk"),
    ("eusc-", "amazonaws-eusc.eu"),
  ]

  package let name = "login"

  package init() {}

  package func load(_ context: CredentialContext) async throws(StoreError) -> CredentialFinding {
    let name = context.profiles.name
    guard let session = context.profiles.current?["login_session"] else {
      return .nothing("no login_session in the profile \"\(name)\"")
    }
    let home = context.home ?? "~"
    let folder =
      context.environment.value("AWS_LOGIN_CACHE_DIRECTORY").map { SharedProfiles.expanded($0, home: context.home) }
      ?? "\(home)/.aws/login/cache"
    let file = SignatureV4.hex(SHA256.hash(data: Array(session.utf8)))
    var cache = try TokenCacheFile("\(folder)/\(file).json", remedy: "aws login --profile \(name)", context)
    let before = LoginCredentials.keys(cache.document, source: session)
    if let before, (before.expiration ?? 0) - context.now > LoginCredentials.window { return .found(before) }
    do throws(StoreError) { try await renew(&cache, context) } catch {
      // What is left of the keys is used to their end.
      guard let before, before.expiration ?? 0 > context.now, error.code != .cancelled else { throw error }
      return .found(before)
    }
    guard let keys = LoginCredentials.keys(cache.document, source: session) else {
      throw context.fault("the session \(cache.path) has no keys; run: \(cache.remedy)")
    }
    return .found(keys)
  }

  private static func keys(_ document: JSONDocument, source: String) -> AWSCredentials? {
    guard let token = document["accessToken"], let id = token["accessKeyId"]?.string,
      let secret = token["secretAccessKey"]?.string,
      let end = token["expiresAt"]?.string.flatMap({ Timestamp.milliseconds(iso8601: $0) })
    else { return nil }
    return AWSCredentials(
      accessKeyID: id, secretAccessKey: secret, sessionToken: token["sessionToken"]?.string, expiration: end,
      source: "the login \(source)")
  }

  private func renew(_ cache: inout TokenCacheFile, _ context: CredentialContext) async throws(StoreError) {
    let pem = try cache.string("dpopKey", context)
    guard let key = try? P256.Signing.PrivateKey(pemRepresentation: pem) else {
      throw context.fault("the dpopKey of the session \(cache.path) is no P-256 key; run: \(cache.remedy)")
    }
    let body: JSONDocument = [
      "clientId": .string(try cache.string("clientId", context)), "grantType": "refresh_token",
      "refreshToken": .string(try cache.string("refreshToken", context)),
    ]
    guard let url = LoginCredentials.endpoint(context) else {
      throw context.fault("the endpoint of AWS Sign-In is no URL; see AWS_ENDPOINT_URL_SIGNIN")
    }
    let target = "\(url.path)/v1/token"
    let subject = "AWS Sign-In at \(url)"
    let answer = try await CredentialRequest(context: context).document(subject) {
      let proof = LoginProof.header(
        key, method: "POST", url: "\(url.scheme)://\(url.authority)\(target)", seconds: context.now / 1000)
      return HTTPCall(
        .POST, url, target: target, headers: [("content-type", "application/json"), ("dpop", proof)],
        body: Array(body.text().utf8))
    }
    guard let keys = answer["accessToken"], let id = keys["accessKeyId"]?.string,
      let secret = keys["secretAccessKey"]?.string, let seconds = answer["expiresIn"]?.int, seconds > 0
    else { throw context.fault("\(subject) gives an answer without credentials") }
    let end = (context.now / 1000).addingReportingOverflow(Int64(seconds)).partialValue
    var members: [(name: String, value: JSONDocument)] = [
      (
        "accessToken",
        [
          "accessKeyId": .string(id), "secretAccessKey": .string(secret),
          "sessionToken": keys["sessionToken"] ?? .null,
          "accountId": cache.document["accessToken"]?["accountId"] ?? .null,
          "expiresAt": .string(Timestamp.iso8601(end)),
        ]
      )
    ]
    if let next = answer["refreshToken"]?.string { members.append(("refreshToken", .string(next))) }
    cache.update(members)
  }

  private static func endpoint(_ context: CredentialContext) -> EndpointURL? {
    if let text = ServiceEndpoint.configured(
      "signin", environment: context.environment, profiles: context.profiles)
    {
      return EndpointURL(text)
    }
    let domain = domains.first { context.region.hasPrefix($0.region) }?.name ?? "aws.amazon.com"
    return EndpointURL(isSecure: true, host: "\(context.region).signin.\(domain)")
  }
}

/// The header `DPoP`: a JSON Web Token with the public key in it, signed with ES256 (RFC 9449, section 4.2; RFC 7518,
/// sections 3.4 and 6.2.1).
enum LoginProof {
  static func header(
    _ key: P256.Signing.PrivateKey, method: String, url: String, seconds: Int64
  ) -> String {
    // 0x04, x, y.
    let point = Array(key.publicKey.x963Representation)
    let header: JSONDocument = [
      "typ": "dpop+jwt", "alg": "ES256",
      "jwk": [
        "kty": "EC", "x": .string(encoded(point[1..<33])), "y": .string(encoded(point[33..<65])), "crv": "P-256",
      ],
    ]
    let payload: JSONDocument = [
      "htm": .string(method), "htu": .string(url), "iat": .number(Int(seconds)), "jti": .string(uniqueID()),
    ]
    let text = "\(encoded(Array(header.text().utf8)[...])).\(encoded(Array(payload.text().utf8)[...]))"
    // Signing with a valid key does not fail.
    let signature = (try? key.signature(for: Array(text.utf8))).map { Array($0.rawRepresentation) } ?? []
    return "\(text).\(encoded(signature[...]))"
  }

  private static func uniqueID() -> String {
    SignatureV4.hex((0..<16).map { _ in UInt8.random(in: 0...255) })
  }

  /// Base64 for URLs, without padding (RFC 4648, section 5).
  private static func encoded(_ bytes: ArraySlice<UInt8>) -> String {
    String(
      Base64.encoded(Array(bytes)).compactMap { c -> Character? in
        switch c {
        case "+": "-"
        case "/": "_"
        case "=": nil
        default: c
        }
      })
  }
}
