package import ArtifactStores

/// One place that credentials may come from.
package protocol CredentialSource: Sendable {
  /// What messages call it.
  var name: String { get }

  /// Looks there.
  ///
  /// - Throws: `StoreError` where the place is set up and does not work: later places are then not looked at.
  func load(_ context: CredentialContext) async throws(StoreError) -> CredentialFinding
}

/// What one place has.
package enum CredentialFinding: Sendable, Hashable {
  case found(AWSCredentials)
  /// Nothing, and why.
  case nothing(String)
}

/// What places are looked at with.
package struct CredentialContext: Sendable {
  package var environment: [String: String]
  package var home: String?
  package var profiles: SharedProfiles
  package var region: String
  package var limits: S3Limits
  package var hooks: S3Hooks
  package var transport: HTTPTransport

  /// Milliseconds since 1970.
  var now: Int64 { hooks.now() }

  func fault(_ text: String) -> StoreError { StoreError(.noCredentials, text) }
}
