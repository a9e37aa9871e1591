package import ArtifactStores
import S3Documents

/// A token that a cluster gives to a workload, in `AWS_WEB_IDENTITY_TOKEN_FILE`, exchanged for a session of the role
/// `AWS_ROLE_ARN`; or the same from a profile. The file is read at each exchange: the cluster replaces it.
package struct WebIdentityCredentials: CredentialSource {
  package let name = "web identity"

  package init() {}

  package func load(_ context: CredentialContext) async throws(StoreError) -> CredentialFinding {
    let profile = context.profiles.current
    let environment = context.environment
    guard let path = environment.value("AWS_WEB_IDENTITY_TOKEN_FILE") ?? profile?["web_identity_token_file"] else {
      return .nothing("AWS_WEB_IDENTITY_TOKEN_FILE is not set")
    }
    guard let role = environment.value("AWS_ROLE_ARN") ?? profile?["role_arn"] else {
      throw context.fault("AWS_WEB_IDENTITY_TOKEN_FILE is set, and AWS_ROLE_ARN is not")
    }
    let token: String?
    do throws(FileFault) { token = try SmallFile.text(path) } catch { throw context.fault(error.reason) }
    guard let token else { throw context.fault("the token file \(path) is missing or empty") }
    let service = SecurityTokenService(context: context)
    let session = environment.value("AWS_ROLE_SESSION_NAME") ?? profile?["role_session_name"]
    return .found(
      try await service.credentials(
        "AssumeRoleWithWebIdentity",
        [("RoleArn", role), ("RoleSessionName", service.sessionName(session)), ("WebIdentityToken", token)],
        signedBy: nil, source: "the role \(role) by web identity"))
  }
}
