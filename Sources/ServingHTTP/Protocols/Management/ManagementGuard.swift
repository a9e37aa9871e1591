import ServingCore

/// Who may call the management API.
public struct ManagementGuard: Sendable {
  public enum Rule: Sendable, Equatable {
    case nobody
    /// Requests that come from this machine, through no other proxy than this server's own, and not from a web page of
    /// another origin.
    case loopback
    /// Requests whose `Authorization` is `Bearer` and this token (RFC 6750, section 2.1).
    case token(String)
    case everyone
  }

  private let rule: Rule

  public init(_ rule: Rule) { self.rule = rule }

  /// - Throws: `ServingError` for a request that may not.
  func admit(_ request: HTTPRequest) throws(ServingError) {
    switch rule {
    case .everyone: return
    case .nobody:
      throw ServingError(.notFound, "The management API is off.", setting: "management")
    case .loopback:
      guard request.isFromThisMachine, isOfOwnOrigin(request) else {
        throw ServingError(
          .forbidden,
          "The management API takes requests from the server's own machine only; with management=token it takes others.",
          setting: "management")
      }
    case .token(let token):
      guard let given = request.headers["authorization"], given.utf8.count > 7,
        given.prefix(7).lowercased() == "bearer ", isSame(given.dropFirst(7), token)
      else {
        throw ServingError(
          .unauthorized, "The management API needs the header Authorization: Bearer with the server's token.",
          field: "Authorization", setting: "management-token")
      }
    }
  }

  /// Compares in a time that does not tell how much is right.
  private func isSame(_ a: Substring, _ b: String) -> Bool {
    let (a, b) = (Array(a.utf8), Array(b.utf8))
    var difference = a.count == b.count ? 0 as UInt8 : 1
    for index in a.indices { difference |= a[index] ^ (b.isEmpty ? 1 : b[index % b.count]) }
    return difference == 0
  }

  /// Browsers send pages' requests to this machine, too: then `Origin` or `Sec-Fetch-Site` says where the page is from, and
  /// `Host` what name it knows this machine by. A name that is not `localhost` may be anybody's (DNS rebinding).
  private func isOfOwnOrigin(_ request: HTTPRequest) -> Bool {
    let host = request.headers["host"].map(ManagementGuard.name)
    if let host, !ManagementGuard.isLoopback(host), !ManagementGuard.isAddress(host) { return false }
    let site = request.headers["sec-fetch-site"]
    if let site, site != "same-origin", site != "none" { return false }
    guard let origin = request.headers["origin"] else { return true }
    let authority = origin.utf8.firstIndex(of: UInt8(ascii: "/")).map { origin[$0...].drop { $0 == "/" } } ?? ""
    return ManagementGuard.name(String(authority)) == host
  }

  /// `host` of `host:port`.
  private static func name(_ authority: String) -> String {
    if authority.hasPrefix("[") { return String(authority.prefix { $0 != "]" }) + "]" }
    return String(authority.prefix { $0 != ":" })
  }

  private static func isAddress(_ host: String) -> Bool {
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return host.hasPrefix("[") || (parts.count == 4 && parts.allSatisfy { UInt8($0) != nil })
  }

  static func isLoopback(_ host: String) -> Bool {
    if ["localhost", "[::1]", "::1", "::ffff:127.0.0.1"].contains(host.lowercased()) { return true }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
  }
}

extension HTTPRequest {
  /// Whether the client is on this machine: the connection is a loopback one, or it is nginx's and nginx says so, and no
  /// other proxy passed it on.
  var isFromThisMachine: Bool {
    // Each is a sign of another proxy in between.
    if headers["forwarded"] != nil || headers["via"] != nil || headers["x-real-ip"] != nil { return false }
    let forwarded = headers.joined("x-forwarded-for")
    guard let peer else { return forwarded.map(ManagementGuard.isLoopback) ?? false }
    return forwarded == nil && ManagementGuard.isLoopback(peer)
  }
}
