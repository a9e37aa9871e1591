package import ArtifactStores
import NIOHTTP1

/// The service beside a container that has its role's keys (ECS, EKS Pod Identity, SageMaker):
/// `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`, or `AWS_CONTAINER_CREDENTIALS_FULL_URI`, whose host must be this machine or one
/// of the addresses that AWS reserves where it is not https.
package struct ContainerCredentials: CredentialSource {
  package let name = "container"

  package init() {}

  package func load(_ context: CredentialContext) async throws(StoreError) -> CredentialFinding {
    let environment = context.environment
    let text: String
    let isRelative = environment.value("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != nil
    if let path = environment.value("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
      text = context.hooks.containerEndpoint + (path.hasPrefix("/") ? path : "/\(path)")
    } else if let full = environment.value("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
      text = full
    } else {
      return .nothing("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and _FULL_URI are not set")
    }
    guard let url = EndpointURL(text), url.userInfo == nil else {
      throw context.fault("the URL of the container's credentials is no URL")
    }
    guard isRelative || url.isSecure || ContainerCredentials.isTrusted(url.host)
    else {
      throw context.fault(
        "\(url.host) may not be asked for the container's credentials over http: it is not this machine")
    }
    var headers: [(name: String, value: String)] = [("accept", "application/json")]
    if let token = try ContainerCredentials.token(context) { headers.append(("authorization", token)) }
    let query = text.firstIndex(of: "?").map { String(text[$0...].prefix { $0 != "#" }) } ?? ""
    guard query.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw context.fault("the URL of the container's credentials is no URL")
    }
    var call = HTTPCall(.GET, url, target: (url.path.isEmpty ? "/" : url.path) + query, headers: headers)
    call.mayUseProxy = false
    let request = CredentialRequest(context: context, maxAttempts: 3, timeout: .seconds(2), pause: .seconds(1))
    let question = call
    let document = try await request.document("the container service at \(url.authority)") { question }
    guard let keys = AWSCredentials(document, token: "Token", source: "the container service") else {
      throw context.fault("the container service at \(url.authority) gives an answer without credentials")
    }
    return .found(keys)
  }

  /// The token's file wins, and is read each time; a token with a line break would become a second header.
  private static func token(_ context: CredentialContext) throws(StoreError) -> String? {
    var token = context.environment.value("AWS_CONTAINER_AUTHORIZATION_TOKEN")
    if let path = context.environment.value("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
      do throws(FileFault) { token = try SmallFile.text(path) } catch { throw context.fault(error.reason) }
      if token == nil { throw context.fault("the token file \(path) is missing or empty") }
    }
    if let token, token.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
      throw context.fault("the token for the container's credentials has a line break")
    }
    return token
  }

  private static func isTrusted(_ host: String) -> Bool {
    if ["localhost", "169.254.170.2", "169.254.170.23", "fd00:ec2::23", "::1"].contains(host) { return true }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
  }
}
