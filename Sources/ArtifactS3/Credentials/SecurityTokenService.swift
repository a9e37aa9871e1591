import ArtifactStores
import NIOHTTP1
import S3Documents

/// Calls of AWS STS that give credentials (AWS STS API reference, version 2011-06-15).
struct SecurityTokenService {
  let context: CredentialContext

  /// Sends an action, signed where there are credentials to sign with.
  func credentials(
    _ action: String, _ parameters: [(name: String, value: String)], signedBy identity: AWSCredentials?, source: String
  ) async throws(StoreError) -> AWSCredentials {
    guard
      let url = ServiceEndpoint.url(
        "sts", host: "sts", region: context.region, environment: context.environment, profiles: context.profiles)
    else { throw context.fault("the endpoint of STS is no URL; see AWS_ENDPOINT_URL_STS") }
    let form = [("Action", action), ("Version", "2011-06-15")] + parameters
    let body = Array(SignatureV4.canonicalQuery(form).utf8)
    let path = url.path.isEmpty ? "/" : url.path
    let answer = try await CredentialRequest(context: context).answer("STS at \(url)") {
      var headers = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")]
      if let identity {
        let request = SigningRequest(
          method: "POST", path: path, headers: headers + [("host", url.authority)],
          payloadHash: SignatureV4.hash(body))
        headers += SignatureV4(credentials: identity, region: context.region, service: "sts")
          .headers(for: request, at: context.now / 1000)
      }
      return HTTPCall(.POST, url, target: path, headers: headers, body: body)
    }
    do throws(XMLError) {
      let document = try STSCredentialsDocument(answer)
      return AWSCredentials(
        accessKeyID: document.accessKeyID, secretAccessKey: document.secretAccessKey,
        sessionToken: document.sessionToken, expiration: document.expiration, source: source)
    } catch {
      throw context.fault("STS at \(url) gave an answer to \(action) that cannot be read: \(error)")
    }
  }

  /// A session's name as roles allow it: `AWS_ROLE_SESSION_NAME`, or one that says when.
  func sessionName(_ configured: String?) -> String { configured ?? "swiftlet-\(context.now / 1000)" }
}
