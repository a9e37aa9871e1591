package import ArtifactStores
import Crypto
import JSONDocument
import NIOHTTP1
import S3Documents
import TextEncodings

/// A session of IAM Identity Center that `aws sso login` left in `~/.aws/sso/cache`, exchanged for keys of the profile's
/// account and role (GetRoleCredentials). A session of an `sso-session` section is renewed with its refresh token, from 15
/// minutes before it ends (OIDC CreateToken); one without takes a browser.
package struct SSOCredentials: CredentialSource {
  private static let window: Int64 = 15 * 60_000

  package let name = "SSO"

  package init() {}

  package func load(_ context: CredentialContext) async throws(StoreError) -> CredentialFinding {
    let name = context.profiles.name
    guard let profile = context.profiles.current, profile["sso_session"] ?? profile["sso_start_url"] != nil else {
      return .nothing("no sso_session in the profile \"\(name)\"")
    }
    let session = profile["sso_session"].flatMap { context.profiles.sessions[$0] } ?? profile
    guard let account = profile["sso_account_id"], let role = profile["sso_role_name"],
      let region = session["sso_region"], S3EndpointRules.isRegion(region),
      let key = profile["sso_session"] ?? session["sso_start_url"]
    else {
      throw context.fault("the profile \"\(name)\" needs sso_account_id, sso_role_name, sso_region and sso_start_url")
    }
    let file = SignatureV4.hex(Insecure.SHA1.hash(data: Array(key.utf8)))
    var cache = try TokenCacheFile(
      "\(context.home ?? "~")/.aws/sso/cache/\(file).json", remedy: "aws sso login --profile \(name)", context)
    let left = (cache.time("expiresAt") ?? 0) - context.now
    if left < SSOCredentials.window, profile["sso_session"] != nil, cache.document["refreshToken"]?.string != nil {
      do throws(StoreError) { try await renew(&cache, region: region, context) } catch {
        // What is left of the session is used to its end.
        guard left > 0, error.code != .cancelled else { throw error }
      }
    }
    let token = try cache.string("accessToken", context)
    guard let end = cache.time("expiresAt"), end > context.now else {
      throw context.fault("the session \(cache.path) is over; run: \(cache.remedy)")
    }
    return .found(try await exchange(token, account: account, role: role, region: region, context))
  }

  private func renew(
    _ cache: inout TokenCacheFile, region: String, _ context: CredentialContext
  ) async throws(StoreError) {
    guard let end = cache.time("registrationExpiresAt"), end > context.now else {
      throw context.fault("the session \(cache.path) cannot be renewed any more; run: \(cache.remedy)")
    }
    let body: JSONDocument = [
      "grantType": "refresh_token", "clientId": .string(try cache.string("clientId", context)),
      "clientSecret": .string(try cache.string("clientSecret", context)),
      "refreshToken": .string(try cache.string("refreshToken", context)),
    ]
    let url = try url("sso_oidc", host: "oidc", region, context)
    let answer = try await CredentialRequest(context: context).document("the OIDC service at \(url)") {
      HTTPCall(
        .POST, url, target: "\(url.path)/token", headers: [("content-type", "application/json")],
        body: Array(body.text().utf8))
    }
    guard let token = answer["accessToken"]?.string, let seconds = answer["expiresIn"]?.int, seconds > 0 else {
      throw context.fault("the OIDC service at \(url) gives an answer without a token")
    }
    var members: [(name: String, value: JSONDocument)] = [
      ("accessToken", .string(token)),
      (
        "expiresAt",
        .string(Timestamp.iso8601((context.now / 1000).addingReportingOverflow(Int64(seconds)).partialValue))
      ),
    ]
    // The old one may go on.
    if let next = answer["refreshToken"]?.string { members.append(("refreshToken", .string(next))) }
    cache.update(members)
  }

  private func exchange(
    _ token: String, account: String, role: String, region: String, _ context: CredentialContext
  ) async throws(StoreError) -> AWSCredentials {
    let url = try url("sso", host: "portal.sso", region, context)
    let query = SignatureV4.canonicalQuery([("role_name", role), ("account_id", account)])
    let target = "\(url.path)/federation/credentials?\(query)"
    let answer = try await CredentialRequest(context: context).document("SSO at \(url)") {
      HTTPCall(.GET, url, target: target, headers: [("x-amz-sso_bearer_token", token)])
    }
    guard let keys = answer["roleCredentials"], let id = keys["accessKeyId"]?.string,
      let secret = keys["secretAccessKey"]?.string
    else { throw context.fault("SSO at \(url) gives an answer without credentials") }
    return AWSCredentials(
      accessKeyID: id, secretAccessKey: secret, sessionToken: keys["sessionToken"]?.string,
      expiration: keys["expiration"]?.double.flatMap { Int64(exactly: $0.rounded()) },
      source: "the role \(role) of the account \(account) by SSO")
  }

  private func url(
    _ service: String, host: String, _ region: String, _ context: CredentialContext
  ) throws(StoreError) -> EndpointURL {
    guard
      let url = ServiceEndpoint.url(
        service, host: host, region: region, environment: context.environment, profiles: context.profiles)
    else { throw context.fault("the endpoint of SSO is no URL; see AWS_ENDPOINT_URL_\(service.uppercased())") }
    return url
  }
}
