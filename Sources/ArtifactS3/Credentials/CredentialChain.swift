package import ArtifactStores
import Logging

/// The places that credentials come from, in botocore's order; the first that has some is used.
package struct CredentialChain: Sendable {
  package static let sources: [any CredentialSource] = [
    EnvironmentCredentials(), AssumedRoleCredentials(), WebIdentityCredentials(), SSOCredentials(),
    SharedFileCredentials(), LoginCredentials(), ProcessCredentials(), ConfigFileCredentials(), EC2FileCredentials(),
    BotoFileCredentials(), ContainerCredentials(), InstanceCredentials(),
  ]

  private let configuration: S3Configuration
  private let transport: HTTPTransport
  private let sources: [any CredentialSource]

  package init(
    _ configuration: S3Configuration, transport: HTTPTransport,
    sources: [any CredentialSource] = CredentialChain.sources
  ) {
    self.configuration = configuration
    self.transport = transport
    self.sources = sources
  }

  /// The clock of the configuration, in milliseconds since 1970.
  var now: @Sendable () -> Int64 { configuration.hooks.now }

  /// Looks everywhere, from the start; files are read anew.
  ///
  /// - Throws: `StoreError` that says where it was looked, in order, and why there was nothing.
  package func load() async throws(StoreError) -> AWSCredentials {
    let (environment, home) = (configuration.environment, configuration.home)
    let context = CredentialContext(
      environment: environment, home: home, profiles: try SharedProfiles(environment: environment, home: home),
      region: configuration.region == "aws-global" ? "us-east-1" : configuration.region, limits: configuration.limits,
      hooks: configuration.hooks, transport: transport)
    var looked: [String] = []
    for source in sources {
      do throws(StoreError) {
        switch try await source.load(context) {
        case .found(let credentials):
          configuration.logger.debug("credentials: \(credentials)")
          return credentials
        case .nothing(let reason): looked.append("\(source.name): \(reason)")
        }
      } catch {
        let before = looked.isEmpty ? "" : "; looked at before: \(looked.joined(separator: "; "))"
        throw StoreError(error.code, "credentials from \(source.name): \(error.description)\(before)")
      }
    }
    throw StoreError(
      .noCredentials,
      "no credentials for S3: \(looked.joined(separator: "; ")). Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give "
        + "the machine a role; what is public is read without any where that is asked for")
  }
}
