package import ArtifactStores
import JSONDocument
import NIOHTTP1

/// The role of the EC2 instance, by its metadata service, version 2 (EC2 user guide, "Use the Instance Metadata Service").
/// A machine that has no such service is no error.
package struct InstanceCredentials: CredentialSource {
  package let name = "instance metadata"

  package init() {}

  package func load(_ context: CredentialContext) async throws(StoreError) -> CredentialFinding {
    let environment = context.environment
    guard !environment.isTrue("AWS_EC2_METADATA_DISABLED") else { return .nothing("AWS_EC2_METADATA_DISABLED is true") }
    let isIPv6 = environment.value("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE")?.lowercased() == "ipv6"
    let text =
      environment.value("AWS_EC2_METADATA_SERVICE_ENDPOINT")
      ?? (isIPv6 ? "http://[fd00:ec2::254]" : context.hooks.metadataEndpoint)
    guard let url = EndpointURL(text) else { throw context.fault("AWS_EC2_METADATA_SERVICE_ENDPOINT is no URL") }
    let seconds = environment.value("AWS_METADATA_SERVICE_TIMEOUT").flatMap { Double($0) } ?? 1
    let attempts = environment.value("AWS_METADATA_SERVICE_NUM_ATTEMPTS").flatMap { Int($0) } ?? 1
    let request = CredentialRequest(
      context: context, maxAttempts: min(max(attempts, 1), 100), timeout: .seconds(min(max(seconds, 0.01), 60)))
    let subject = "the metadata service at \(url.authority)"
    func call(_ method: HTTPMethod, _ path: String, _ header: (String, String)) -> HTTPCall {
      var call = HTTPCall(method, url, target: "\(url.path)/latest/\(path)", headers: [header])
      call.mayUseProxy = false
      return call
    }
    do throws(StoreError) {
      let lifetime = ("x-aws-ec2-metadata-token-ttl-seconds", "21600")
      let token = try await request.answer(subject) { call(.PUT, "api/token", lifetime) }
      guard let key = InstanceCredentials.line(token) else { return .nothing("\(subject) gives no token") }
      let header = ("x-aws-ec2-metadata-token", key)
      let folder = "meta-data/iam/security-credentials/"
      let roles = try await request.answer(subject) { call(.GET, folder, header) }
      guard let role = InstanceCredentials.line(roles), !role.contains("?"), !role.contains("#") else {
        return .nothing("the instance has no role")
      }
      let document = try await request.document(subject) { call(.GET, folder + role, header) }
      guard document["Code"]?.string ?? "Success" == "Success",
        let keys = AWSCredentials(document, token: "Token", source: "the instance's role \(role)")
      else { return .nothing("\(subject) has no credentials for the role \(role)") }
      return .found(keys)
    } catch {
      if error.code == .cancelled { throw error }
      return .nothing(error.description)
    }
  }

  /// The first line, where it can stand in a header and a path.
  private static func line(_ bytes: [UInt8]) -> String? {
    let line = bytes.prefix { $0 != 0x0A && $0 != 0x0D }
    guard !line.isEmpty, line.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
    return String(decoding: line, as: UTF8.self)
  }
}
