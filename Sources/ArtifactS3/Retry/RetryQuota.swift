import Synchronization

/// Tokens that attempts after the first cost, shared by all requests of a client: where a server fails all the time, most
/// requests fail at their first attempt instead of making it worse.
package final class RetryQuota: Sendable {
  private let capacity: Int
  private let tokens: Mutex<Int>

  package init(capacity: Int = 500) {
    self.capacity = capacity
    tokens = Mutex(capacity)
  }

  /// Tokens that are left.
  package var available: Int { tokens.withLock { $0 } }

  /// Takes 10 tokens after a fault of the connection, 5 after others; nil where there are too few.
  func take(_ fault: AttemptFault) -> Int? {
    let cost = fault == .connection ? 10 : 5
    return tokens.withLock { tokens in
      guard tokens >= cost else { return nil }
      tokens -= cost
      return cost
    }
  }

  func give(back count: Int) {
    tokens.withLock { $0 = min(capacity, $0 + count) }
  }
}
