package import ArtifactStores
import Crypto
import JSONDocument
import NIOHTTP1
import S3Documents

/// A session of IAM Identity Center that `aws sso login` left in `~/.aws/sso/cache`, exchanged for keys of the profile's
/// account and role (GetRoleCredentials). A session that is over is not renewed: that takes a browser.
package struct SSOCredentials: CredentialSource {
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
    let path = "\(context.home ?? "~")/.aws/sso/cache/\(file).json"
    let login = "; run: aws sso login --profile \(name)"
    let bytes: [UInt8]?
    do throws(FileFault) { bytes = try SmallFile.read(path, limit: 64 << 10) } catch {
      throw context.fault(error.reason)
    }
    guard let bytes else { throw context.fault("there is no session \(path)\(login)") }
    guard let document = try? JSONDocument(parsing: bytes, maxDepth: 16), let token = document["accessToken"]?.string,
      let end = document["expiresAt"]?.string.flatMap({ Timestamp.milliseconds(iso8601: $0) })
    else { throw context.fault("the session \(path) cannot be read\(login)") }
    guard end > context.now else { throw context.fault("the session \(path) is over\(login)") }
    return .found(try await exchange(token, account: account, role: role, region: region, context))
  }

  private func exchange(
    _ token: String, account: String, role: String, region: String, _ context: CredentialContext
  ) async throws(StoreError) -> AWSCredentials {
    guard
      let url = ServiceEndpoint.url(
        "sso", host: "portal.sso", region: region, environment: context.environment, profiles: context.profiles)
    else { throw context.fault("the endpoint of SSO is no URL; see AWS_ENDPOINT_URL_SSO") }
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
}
