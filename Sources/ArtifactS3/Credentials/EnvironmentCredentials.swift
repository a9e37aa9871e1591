package import ArtifactStores
import TextEncodings

/// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` (or `AWS_SECURITY_TOKEN`), `AWS_CREDENTIAL_EXPIRATION`.
package struct EnvironmentCredentials: CredentialSource {
  package let name = "environment"

  package init() {}

  package func load(_ context: CredentialContext) async throws(StoreError) -> CredentialFinding {
    let environment = context.environment
    guard let id = environment.value("AWS_ACCESS_KEY_ID") else { return .nothing("AWS_ACCESS_KEY_ID is not set") }
    guard let secret = environment.value("AWS_SECRET_ACCESS_KEY") else {
      throw context.fault("AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not")
    }
    var expiration: Int64?
    if let text = environment.value("AWS_CREDENTIAL_EXPIRATION") {
      expiration = Timestamp.milliseconds(iso8601: text)
      if expiration == nil { throw context.fault("AWS_CREDENTIAL_EXPIRATION is no date such as 2026-01-31T12:00:00Z") }
    }
    return .found(
      AWSCredentials(
        accessKeyID: id, secretAccessKey: secret,
        sessionToken: environment.value("AWS_SESSION_TOKEN") ?? environment.value("AWS_SECURITY_TOKEN"),
        expiration: expiration, source: "the environment"))
  }
}
