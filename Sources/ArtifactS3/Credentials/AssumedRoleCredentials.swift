package import ArtifactStores
import S3Documents

/// A profile with `role_arn` and `source_profile` or `credential_source`: the keys of the one are exchanged for a session of
/// the other (AWS SDKs and Tools reference, "Assume role credential provider").
package struct AssumedRoleCredentials: CredentialSource {
  package let name = "assumed role"

  package init() {}

  package func load(_ context: CredentialContext) async throws(StoreError) -> CredentialFinding {
    let name = context.profiles.name
    guard let profile = context.profiles.current, let role = profile["role_arn"],
      profile["web_identity_token_file"] == nil
    else { return .nothing("no role_arn in the profile \"\(name)\"") }
    return .found(try await AssumedRoleCredentials.assume(role, profile, name, visited: [], context))
  }

  private static func assume(
    _ role: String, _ profile: INIFile.Section, _ name: String, visited: [String], _ context: CredentialContext
  ) async throws(StoreError) -> AWSCredentials {
    guard !visited.contains(name), visited.count < 8 else {
      throw context.fault("the source profiles go round: \((visited + [name]).joined(separator: " -> "))")
    }
    guard profile["mfa_serial"] == nil else {
      throw context.fault(
        "the role of the profile \"\(name)\" asks for a one-time code (mfa_serial), which nobody can type here")
    }
    let identity: AWSCredentials
    switch (profile["source_profile"], profile["credential_source"]) {
    case (let source?, nil):
      identity = try await keys(ofProfile: source, for: name, visited: visited + [name], context)
    case (nil, let source?): identity = try await keys(of: source, context)
    case (nil, nil):
      throw context.fault("the profile \"\(name)\" has role_arn without source_profile or credential_source")
    case (.some, .some):
      throw context.fault("the profile \"\(name)\" has both source_profile and credential_source")
    }
    let service = SecurityTokenService(context: context)
    let session = profile["role_session_name"] ?? context.environment.value("AWS_ROLE_SESSION_NAME")
    var parameters = [("RoleArn", role), ("RoleSessionName", service.sessionName(session))]
    if let id = profile["external_id"] { parameters.append(("ExternalId", id)) }
    if let seconds = profile["duration_seconds"] { parameters.append(("DurationSeconds", seconds)) }
    return try await service.credentials(
      "AssumeRole", parameters, signedBy: identity, source: "the role \(role) of the profile \"\(name)\"")
  }

  private static func keys(
    ofProfile source: String, for name: String, visited: [String], _ context: CredentialContext
  ) async throws(StoreError) -> AWSCredentials {
    guard let profile = context.profiles.profile(source) else {
      throw context.fault("the source_profile \"\(source)\" of the profile \"\(name)\" is in neither file")
    }
    // A profile may be its own source: then its keys are meant.
    if source != name, let role = profile["role_arn"], profile["web_identity_token_file"] == nil {
      return try await assume(role, profile, source, visited: visited, context)
    }
    var other = context
    other.profiles.name = source
    // The environment names a role of its own.
    other.environment["AWS_WEB_IDENTITY_TOKEN_FILE"] = nil
    if case .found(let keys) = try ProfileKeys.find(profile, source, in: "the AWS files", context) { return keys }
    let sources: [any CredentialSource] = [
      WebIdentityCredentials(), SSOCredentials(), LoginCredentials(), ProcessCredentials(),
    ]
    for place in sources {
      if case .found(let keys) = try await place.load(other) { return keys }
    }
    throw context.fault("the source_profile \"\(source)\" has no credentials")
  }

  private static func keys(of source: String, _ context: CredentialContext) async throws(StoreError) -> AWSCredentials {
    let place: any CredentialSource
    switch source.lowercased() {
    case "environment": place = EnvironmentCredentials()
    case "ecscontainer": place = ContainerCredentials()
    case "ec2instancemetadata": place = InstanceCredentials()
    default:
      throw context.fault("credential_source = \(source): write Environment, EcsContainer or Ec2InstanceMetadata")
    }
    switch try await place.load(context) {
    case .found(let credentials): return credentials
    case .nothing(let reason): throw context.fault("credential_source = \(source) has no credentials: \(reason)")
    }
  }
}
