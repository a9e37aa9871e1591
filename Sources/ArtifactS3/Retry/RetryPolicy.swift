/// How attempts are counted (AWS SDKs and Tools reference, "Retry behavior").
public enum S3RetryMode: String, Sendable, Hashable, CaseIterable {
  /// Three attempts, full jitter, a quota.
  case standard
  /// As `standard`: what it adds is for calls that write.
  case adaptive
  /// Five attempts.
  case legacy

  /// Where nothing else is set.
  package var maxAttempts: Int { self == .legacy ? 5 : 3 }
}

/// What one attempt came to, as far as trying again is concerned.
package enum AttemptFault: Sendable, Hashable {
  /// The connection was refused, cut or silent.
  case connection
  /// The server is overloaded or says that it fails at the moment; `retryAfter` is in milliseconds.
  case server(retryAfter: Int64?)
  /// Trying again gives the same.
  case permanent

  /// The status and code of an error answer.
  package init(status: Int, code: String?, retryAfter: Int64? = nil) {
    let isTransient =
      code.map { AttemptFault.transientCodes.contains($0) } ?? false || AttemptFault.transientStatuses.contains(status)
    self = isTransient ? .server(retryAfter: retryAfter) : .permanent
  }

  private static let transientStatuses: Set<Int> = [429, 500, 502, 503, 504, 509]

  private static let transientCodes: Set<String> = [
    "RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete", "BadDigest", "InternalError",
    "ServiceUnavailable", "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottledException",
    "TooManyRequestsException", "ProvisionedThroughputExceededException", "TransactionInProgressException",
    "RequestLimitExceeded", "BandwidthLimitExceeded", "LimitExceededException", "RequestThrottled", "SlowDown",
    "EC2ThrottledException", "IDPCommunicationError",
  ]
}

/// When a request is tried again: a pure machine, one for each request.
///
/// The delay before attempt n + 1 is random between 0 and 2^(n - 1) seconds, 20 at most ("full jitter"). A server's
/// `Retry-After` makes it longer, up to those 20 seconds.
package struct RetryPolicy: Sendable {
  package let maxAttempts: Int
  /// Attempts that failed and brought nothing.
  package private(set) var failures = 0
  /// Tokens taken from the quota since the last success.
  package private(set) var taken = 0

  package static let maxDelay = Duration.seconds(20)

  package init(maxAttempts: Int) { self.maxAttempts = max(1, maxAttempts) }

  /// What to wait before the next attempt; nil where there is none.
  ///
  /// - Parameter madeProgress: true where the attempt brought bytes that are kept: the count then begins anew.
  package mutating func delay(
    after fault: AttemptFault, madeProgress: Bool = false, quota: RetryQuota, random: () -> Double
  ) -> Duration? {
    if fault == .permanent { return nil }
    failures = madeProgress ? 1 : failures + 1
    guard failures < maxAttempts, let tokens = quota.take(fault) else { return nil }
    taken += tokens
    let ceiling = failures > 5 ? 20 : Double(1 << (failures - 1))
    var delay = min(Duration.seconds(ceiling * random()), RetryPolicy.maxDelay)
    if case .server(let retryAfter?) = fault {
      delay = max(delay, min(.milliseconds(max(0, retryAfter)), RetryPolicy.maxDelay))
    }
    return delay
  }

  /// Gives the quota back what this request took from it.
  package mutating func succeed(quota: RetryQuota) {
    quota.give(back: max(1, taken))
    taken = 0
  }
}
