package import ArtifactStores
import S3Documents

/// The keys of the profile in `~/.aws/credentials`.
package struct SharedFileCredentials: CredentialSource {
  package let name = "shared credentials file"

  package init() {}

  package func load(_ context: CredentialContext) async throws(StoreError) -> CredentialFinding {
    let profiles = context.profiles
    return try ProfileKeys.find(
      profiles.credentials[profiles.name], profiles.name, in: profiles.credentialsPath, context)
  }
}

/// The keys of the profile in `~/.aws/config`.
package struct ConfigFileCredentials: CredentialSource {
  package let name = "config file"

  package init() {}

  package func load(_ context: CredentialContext) async throws(StoreError) -> CredentialFinding {
    let profiles = context.profiles
    return try ProfileKeys.find(profiles.config[profiles.name], profiles.name, in: profiles.configPath, context)
  }
}

/// Keys that stand in a profile.
enum ProfileKeys {
  static func find(
    _ profile: INIFile.Section?, _ name: String, in path: String, _ context: CredentialContext
  ) throws(StoreError) -> CredentialFinding {
    guard let profile else { return .nothing("no profile \"\(name)\" in \(path)") }
    guard let id = profile["aws_access_key_id"] else {
      return .nothing("no aws_access_key_id in the profile \"\(name)\" of \(path)")
    }
    guard let secret = profile["aws_secret_access_key"] else {
      throw context.fault("the profile \"\(name)\" of \(path) has aws_access_key_id without aws_secret_access_key")
    }
    return .found(
      AWSCredentials(
        accessKeyID: id, secretAccessKey: secret,
        sessionToken: profile["aws_session_token"] ?? profile["aws_security_token"],
        source: "the profile \"\(name)\" of \(path)"))
  }
}
