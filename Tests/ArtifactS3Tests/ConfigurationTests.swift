import ArtifactS3
import ArtifactStores
import Testing

@Suite struct ConfigurationTests {
  private func configuration(
    _ environment: [String: String] = [:], config: String = ""
  ) async throws -> S3Configuration {
    var result: S3Configuration?
    try await withFolder { folder in
      write(config, to: "\(folder)/config")
      result = try S3Configuration(
        environment: environment.merging(["AWS_CONFIG_FILE": "\(folder)/config", "HOME": "/nonexistent"]) { $1 })
    }
    return try #require(result)
  }

  @Test func regionIsLookedForInOrder() async throws {
    let config = "[default]\nregion = eu-west-3"
    #expect(try await configuration().region == "us-east-1")
    #expect(try await configuration(config: config).region == "eu-west-3")
    #expect(try await configuration(["AWS_DEFAULT_REGION": "eu-west-2"], config: config).region == "eu-west-2")
    #expect(
      try await configuration(["AWS_DEFAULT_REGION": "eu-west-2", "AWS_REGION": "eu-west-1"], config: config).region
        == "eu-west-1")
    #expect(try await configuration(["AWS_REGION": ""], config: config).region == "eu-west-3")
  }

  @Test func endpointIsLookedForInOrder() async throws {
    let config = """
      [default]
      endpoint_url = http://profile
      [profile two]
      services = mine
      endpoint_url = http://profile
      [services mine]
      s3 =
        endpoint_url = http://services
      """
    #expect(try await configuration().endpoint == nil)
    #expect(try await configuration(config: config).endpoint == "http://profile")
    #expect(try await configuration(["AWS_PROFILE": "two"], config: config).endpoint == "http://services")
    #expect(try await configuration(["AWS_ENDPOINT_URL": "http://all"], config: config).endpoint == "http://all")
    #expect(
      try await configuration(["AWS_ENDPOINT_URL": "http://all", "AWS_ENDPOINT_URL_S3": "http://s3"], config: config)
        .endpoint
        == "http://s3")
    #expect(
      try await configuration(
        ["AWS_ENDPOINT_URL_S3": "http://s3", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"], config: config
      ).endpoint == nil)
  }

  @Test func settingsComeFromTheProfile() async throws {
    let config = """
      [default]
      retry_mode = legacy
      ca_bundle = /ca.pem
      use_fips_endpoint = true
      s3 =
        addressing_style = path
      """
    let found = try await configuration(config: config)
    #expect(found.retryMode == .legacy)
    #expect(found.maxAttempts == 5)
    #expect(found.certificates == "/ca.pem")
    #expect(found.usesFIPS)
    #expect(found.addressing == .path)
    #expect(!found.isAnonymous)
    let other = try await configuration(["AWS_RETRY_MODE": "standard", "AWS_CA_BUNDLE": "/other.pem"], config: config)
    #expect(other.maxAttempts == 3)
    #expect(other.certificates == "/other.pem")
  }

  @Test(arguments: [
    ["AWS_RETRY_MODE": "often"], ["AWS_MAX_ATTEMPTS": "0"], ["AWS_MAX_ATTEMPTS": "many"], ["AWS_REGION": "EU WEST"],
    ["AWS_REGION": "evil.example/"], ["AWS_ENDPOINT_URL_S3": "minio:9000"], ["AWS_ENDPOINT_URL": "http://a@b"],
    ["AWS_CA_BUNDLE": "/nonexistent.pem"],
  ]) func settingsThatCannotBeUsedAreNamed(_ environment: [String: String]) async throws {
    let error = await failure { _ = try S3Client(try await configuration(environment)) }
    #expect(error?.code == .invalidLocation)
    let name = environment.keys.first ?? ""
    #expect(error?.description.contains(name.hasPrefix("AWS_ENDPOINT") ? "AWS_ENDPOINT_URL_S3" : name) == true)
  }
}
