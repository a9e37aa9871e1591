package import ArtifactStores

/// The credentials of a client, refreshed in time, by one caller for all.
///
/// From 15 minutes before they end new ones are asked for while the old ones are still used; from 10 minutes before, callers
/// wait for them. Where that fails the old ones are used to their end. The chain is asked once a minute at most while there
/// are credentials that have not ended.
package actor CredentialCache {
  private static let advisory: Int64 = 15 * 60_000
  private static let mandatory: Int64 = 10 * 60_000
  private static let holdOff: Int64 = 60_000

  private typealias Answer = Result<AWSCredentials, StoreError>

  private let load: @Sendable () async throws(StoreError) -> AWSCredentials
  private let now: @Sendable () -> Int64
  private var current: AWSCredentials?
  private var refresh: Task<Void, Never>?
  private var lastRefresh: Int64?
  private var waiters: [Int: CheckedContinuation<Answer, Never>] = [:]
  private var nextWaiter = 0
  private var isShutDown = false

  package init(_ chain: CredentialChain) {
    self.init(now: chain.now) { () async throws(StoreError) in try await chain.load() }
  }

  /// - Parameter now: milliseconds since 1970.
  package init(
    now: @escaping @Sendable () -> Int64, load: @escaping @Sendable () async throws(StoreError) -> AWSCredentials
  ) {
    self.now = now
    self.load = load
  }

  /// Credentials to sign with now.
  package func credentials() async throws(StoreError) -> AWSCredentials {
    let time = now()
    if let current {
      guard let end = current.expiration else { return current }
      let left = end.subtractingReportingOverflow(time).partialValue
      if left > CredentialCache.advisory { return current }
      let isHeldOff = lastRefresh.map { time - $0 < CredentialCache.holdOff } ?? false
      if left > 0, isHeldOff { return current }
      if left > CredentialCache.mandatory {
        start()
        return current
      }
    }
    switch await refreshed() {
    case .success(let credentials): return credentials
    case .failure(let error):
      if error.code != .cancelled, let current, let end = current.expiration, end > now() { return current }
      throw error
    }
  }

  /// Forgets credentials that a server does not take any more.
  package func invalidate(_ credentials: AWSCredentials) {
    if current == credentials { current = nil }
  }

  /// Ends a refresh that is under way.
  package func shutdown() {
    isShutDown = true
    refresh?.cancel()
  }

  private func start() {
    guard refresh == nil, !isShutDown else { return }
    refresh = Task {
      let answer: Answer
      do throws(StoreError) { answer = .success(try await load()) } catch { answer = .failure(error) }
      finish(answer)
    }
  }

  private func finish(_ answer: Answer) {
    refresh = nil
    lastRefresh = now()
    if case .success(let credentials) = answer { current = credentials }
    let waiting = waiters.values
    waiters = [:]
    for waiter in waiting { waiter.resume(returning: answer) }
  }

  /// Waits for the refresh, or until the caller's task is cancelled.
  private func refreshed() async -> Answer {
    let cancelled = Answer.failure(StoreError(.cancelled, "cancelled while credentials were asked for"))
    guard !isShutDown else { return cancelled }
    start()
    let id = nextWaiter
    nextWaiter += 1
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        if Task.isCancelled { continuation.resume(returning: cancelled) } else { waiters[id] = continuation }
      }
    } onCancel: {
      Task { await self.cancel(id, cancelled) }
    }
  }

  private func cancel(_ id: Int, _ answer: Answer) {
    waiters.removeValue(forKey: id)?.resume(returning: answer)
  }
}
