import ArtifactS3
import Testing

@Suite struct RetryTests {
  @Test func delaysGrowToTwentySeconds() {
    var policy = RetryPolicy(maxAttempts: 100)
    let quota = RetryQuota(capacity: 10_000)
    var delays: [Duration] = []
    for _ in 0..<8 {
      if let delay = policy.delay(after: .connection, quota: quota, random: { 1 }) { delays.append(delay) }
    }
    #expect(delays == [1, 2, 4, 8, 16, 20, 20, 20].map { .seconds($0) })
  }

  @Test func attemptsEnd() {
    var policy = RetryPolicy(maxAttempts: 3)
    let quota = RetryQuota()
    #expect(policy.delay(after: .connection, quota: quota, random: { 0 }) == .zero)
    #expect(policy.delay(after: .connection, quota: quota, random: { 0 }) == .zero)
    #expect(policy.delay(after: .connection, quota: quota, random: { 0 }) == nil)
    #expect(policy.delay(after: .permanent, quota: quota, random: { 0 }) == nil)
  }

  @Test func bytesThatArrivedBeginTheCountAnew() {
    var policy = RetryPolicy(maxAttempts: 2)
    let quota = RetryQuota(capacity: 10_000)
    for _ in 0..<50 {
      #expect(policy.delay(after: .connection, madeProgress: true, quota: quota, random: { 0 }) != nil)
    }
    #expect(policy.delay(after: .connection, quota: quota, random: { 0 }) == nil)
  }

  @Test func quotaEndsAttemptsAndSuccessRefillsIt() {
    let quota = RetryQuota(capacity: 10)
    var policy = RetryPolicy(maxAttempts: 10)
    #expect(policy.delay(after: .server(retryAfter: nil), quota: quota, random: { 0 }) != nil)
    #expect(policy.delay(after: .server(retryAfter: nil), quota: quota, random: { 0 }) != nil)
    #expect(policy.delay(after: .server(retryAfter: nil), quota: quota, random: { 0 }) == nil)
    policy.succeed(quota: quota)
    #expect(quota.available == 10)
  }

  @Test func retryAfterIsHonouredWithinBounds() {
    let quota = RetryQuota()
    func delay(_ milliseconds: Int64) -> Duration? {
      var policy = RetryPolicy(maxAttempts: 3)
      return policy.delay(after: .server(retryAfter: milliseconds), quota: quota, random: { 0.5 })
    }
    #expect(delay(5000) == .seconds(5))
    #expect(delay(1) == .milliseconds(500))
    #expect(delay(.max) == .seconds(20))
    #expect(delay(-5) == .milliseconds(500))
  }

  @Test(
    arguments: [
      (500, nil, true), (503, "SlowDown", true), (429, nil, true), (400, "RequestTimeout", true),
      (400, "BadDigest", true),
      (403, "AccessDenied", false), (404, nil, false), (400, nil, false), (409, nil, false), (501, nil, false),
    ] as [(Int, String?, Bool)]) func faultsAreToldApart(_ status: Int, _ code: String?, _ isTransient: Bool)
  {
    #expect((AttemptFault(status: status, code: code) != .permanent) == isTransient)
  }
}
