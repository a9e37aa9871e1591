public import ArtifactStores
public import Logging
import S3Documents

/// How a bucket is reached: endpoint, region, attempts, times, limits. It says nothing of the objects in it.
public struct S3Configuration: Sendable {
  /// The region of buckets that nothing else is known of; a bucket that is elsewhere is found.
  public var region: String
  /// The URL of a server of one's own; nil for AWS.
  public var endpoint: String?
  public var addressing: S3AddressingStyle
  /// AWS's names with IPv6 addresses, and those with validated cryptography.
  public var usesDualStack: Bool
  public var usesFIPS: Bool
  /// True for requests without a signature, which read what is public. Never chosen on its own.
  public var isAnonymous = false
  /// What one call may take in all, with all its attempts; nil for no end.
  public var deadline: Duration?
  /// Attempts for one request, from 1.
  public var maxAttempts: Int
  /// `AWS_RETRY_MODE`.
  public var retryMode: S3RetryMode
  public var connectTimeout: Duration = .seconds(10)
  /// The longest time without a byte: an answer, or the rest of one, that is silent for so long counts as cut.
  public var readTimeout: Duration = .seconds(10)
  /// Bytes that one request asks for; an object with more is read in several, at the same time. It grows for an object
  /// that would have more than 10 000 parts.
  public var partSize = 8 << 20
  /// Requests of one download at the same time.
  public var parallelism = 8
  /// False reads bytes without comparing them with a checksum or an ETag
  /// (`AWS_RESPONSE_CHECKSUM_VALIDATION=when_required`); lengths are always compared.
  public var verifiesChecksums: Bool
  /// True where the caller pays for requests (`x-amz-request-payer`).
  public var isRequesterPays = false
  /// The account that a bucket must belong to (`x-amz-expected-bucket-owner`).
  public var expectedOwner: String?
  /// A file of certificates, in PEM, instead of the system's (`AWS_CA_BUNDLE`, `ca_bundle`, `SSL_CERT_FILE`).
  public var certificates: String?
  public var limits = S3Limits()
  /// Silent unless set. Attempts and refreshed credentials are told at the level `debug`, trouble that a request got over
  /// at `warning`; no secret is in any of it.
  public var logger = Logger(label: "swiftlet.s3") { _ in SwiftLogNoOpLogHandler() }

  package var environment: [String: String]
  package var home: String?
  package var profiles: SharedProfiles
  package var proxies: ProxySettings
  package var hooks = S3Hooks()

  /// Reads what the AWS tools read: the variables, and the profile in `~/.aws/config` and `~/.aws/credentials`.
  ///
  /// - Region: `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile's `region`, `us-east-1`.
  /// - Endpoint: `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, the profile's `services` section, its `endpoint_url`; none of
  ///   them where `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` is `true`.
  /// - Addressing: `addressing_style` inside the profile's `s3`.
  /// - Attempts: `AWS_MAX_ATTEMPTS`, `AWS_RETRY_MODE`, or `max_attempts` and `retry_mode` of the profile.
  /// - Throws: `StoreError` that names the setting that cannot be used.
  public init(environment: [String: String]) throws(StoreError) {
    let home = environment.value("HOME")
    let profiles = try SharedProfiles(environment: environment, home: home)
    let profile = profiles.current
    self.environment = environment
    self.home = home
    self.profiles = profiles
    proxies = ProxySettings(environment: environment)
    let s3 = profile?.nested["s3"] ?? [:]
    func setting(_ variable: String, _ name: String) -> String? { environment.value(variable) ?? profile?[name] }
    func isTrue(_ variable: String, _ name: String) -> Bool { setting(variable, name)?.lowercased() == "true" }

    region =
      environment.value("AWS_REGION") ?? environment.value("AWS_DEFAULT_REGION") ?? profile?["region"] ?? "us-east-1"
    endpoint = ServiceEndpoint.configured("s3", environment: environment, profiles: profiles)
    usesDualStack =
      isTrue("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint") || s3["use_dualstack_endpoint"] == "true"
    usesFIPS = isTrue("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint")
    let style = s3["addressing_style"] ?? "auto"
    guard let addressing = S3AddressingStyle(rawValue: style) else {
      throw StoreError(.invalidLocation, "addressing_style = \(style) of the profile: write auto, virtual or path")
    }
    self.addressing = addressing
    let mode = setting("AWS_RETRY_MODE", "retry_mode") ?? "standard"
    guard let retryMode = S3RetryMode(rawValue: mode.lowercased()) else {
      throw StoreError(.invalidLocation, "AWS_RETRY_MODE is \(mode): write standard, adaptive or legacy")
    }
    self.retryMode = retryMode
    maxAttempts = retryMode.maxAttempts
    if let text = setting("AWS_MAX_ATTEMPTS", "max_attempts") {
      guard let number = Int(text), number > 0 else {
        throw StoreError(.invalidLocation, "AWS_MAX_ATTEMPTS is \(text): write a number from 1")
      }
      maxAttempts = number
    }
    verifiesChecksums =
      setting("AWS_RESPONSE_CHECKSUM_VALIDATION", "response_checksum_validation")?.lowercased() != "when_required"
    certificates =
      environment.value("AWS_CA_BUNDLE") ?? profile?["ca_bundle"] ?? environment.value("REQUESTS_CA_BUNDLE")
      ?? environment.value("SSL_CERT_FILE")
  }

  /// The endpoints that follow from the settings.
  ///
  /// - Throws: `StoreError` with the code `invalidLocation`.
  package func endpointRules() throws(StoreError) -> S3EndpointRules {
    guard S3EndpointRules.isRegion(region) else {
      throw StoreError(.invalidLocation, "\"\(region)\" is no region; write one such as eu-central-1 into AWS_REGION")
    }
    var rules = S3EndpointRules(style: addressing)
    if let endpoint {
      guard let url = EndpointURL(endpoint), url.userInfo == nil else {
        throw StoreError(
          .invalidLocation,
          "the endpoint \(endpoint) of S3 is no URL such as https://host:9000; see AWS_ENDPOINT_URL_S3")
      }
      rules.custom = url
    }
    rules.usesDualStack = usesDualStack
    rules.usesFIPS = usesFIPS
    return rules
  }
}

/// Limits for what a server answers.
public struct S3Limits: Sendable {
  /// Bytes of a page of a listing.
  public var listingBytes = 8 << 20
  /// Keys and folders on a page.
  public var listingEntries = 10_000
  /// Bytes of the answer that tells an error; what goes beyond is not read.
  public var errorBytes = 64 << 10
  /// Bytes of all names and values of an answer's header.
  public var headerBytes = 64 << 10
  /// Bytes of an answer with credentials, and of what `credential_process` writes.
  public var credentialBytes = 256 << 10

  public init() {}
}
