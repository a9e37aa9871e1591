/// What has been put right for a request; each once.
package struct S3Repairs: Sendable {
  package var hasMoved = false
  package var hasRefreshed = false
  package var hasSetClock = false

  package init() {}
}

/// What a client does about an answer that is no success: a pure decision.
package enum S3Reaction: Sendable, Hashable {
  /// The bucket is in another region: ask there, signed for it.
  case region(String)
  /// The bucket is elsewhere and nobody says where: find out, then ask there.
  case findRegion
  /// The same, at another address, for this request alone.
  case location(EndpointURL)
  /// The credentials are over: ask for new ones.
  case refresh
  /// This machine's clock is wrong: sign with the server's. Milliseconds to add.
  case clock(Int64)
  /// Wait and try again, or give up.
  case retry(AttemptFault)

  /// - Parameters:
  ///   - endpoint: where the request went.
  ///   - now: milliseconds since 1970, by this machine's clock.
  package init(to failure: S3Failure, at endpoint: S3Endpoint, rules: S3EndpointRules, repairs: S3Repairs, now: Int64) {
    self = .retry(failure.fault)
    if failure.isElsewhere, !repairs.hasMoved {
      if let region = failure.region, region != endpoint.region {
        self = .region(region)
        return
      }
      if failure.status == 301, failure.region == nil, rules.custom == nil { self = .findRegion }
    }
    if [302, 307, 308].contains(failure.status), !repairs.hasMoved, let location = failure.location,
      let url = EndpointURL(location), S3Reaction.mayMove(from: endpoint, to: url, rules: rules)
    {
      self = .location(url)
    }
    switch failure.code {
    case "ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired":
      if !repairs.hasRefreshed { self = .refresh }
    case "RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture":
      if !repairs.hasSetClock, let time = failure.serverTime { self = .clock(time - now) }
    default: break
    }
  }

  /// A request goes to another host only where the same owner answers: AWS's names for S3 in the same partition, or the custom
  /// host and what is below it; and never from https to http.
  private static func mayMove(from old: S3Endpoint, to new: EndpointURL, rules: S3EndpointRules) -> Bool {
    guard new.isSecure || !old.url.isSecure, new.userInfo == nil else { return false }
    if let domain = rules.custom?.host { return new.host == domain || new.host.hasSuffix(".\(domain)") }
    // Below AWS's domain there are hosts of its customers, too.
    return new.host.hasSuffix(".\(S3EndpointRules.suffix(region: old.region))")
      && new.host.split(separator: ".").contains { $0 == "s3" || $0.hasPrefix("s3-") }
  }
}
