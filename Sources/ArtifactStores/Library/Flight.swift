import Synchronization

/// One fetch, and those who wait for it.
final class Flight: Sendable {
  private struct State {
    var task: Task<Void, Never>?
    var waiters: [Int: Waiter] = [:]
    var joined = 0
    /// Nobody joins a fetch that has ended or was cancelled.
    var isOver = false
  }

  private struct Waiter {
    var continuation: CheckedContinuation<Result<FetchedArtifact?, StoreError>, Never>
    var progress: @Sendable (ArtifactProgress) -> Void
  }

  private let state = Mutex(State())

  var isOpen: Bool { state.withLock { !$0.isOver } }

  /// Waits for the result; the first to join starts `work`. Nil where the fetch was over before.
  func join(
    _ progress: @escaping @Sendable (ArtifactProgress) -> Void,
    _ work: @escaping @Sendable (Flight) async -> Result<FetchedArtifact, StoreError>
  ) async throws(StoreError) -> FetchedArtifact? {
    let id = state.withLock { state in
      state.joined += 1
      return state.joined
    }
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          guard !state.isOver, !Task.isCancelled else { return true }
          state.waiters[id] = Waiter(continuation: continuation, progress: progress)
          if state.task == nil {
            state.task = Task { self.end(await work(self)) }
          }
          return false
        }
        if isOver { continuation.resume(returning: Task.isCancelled ? .failure(Flight.cancelled) : .success(nil)) }
      }
    } onCancel: {
      leave(id)
    }
    return try result.get()
  }

  func report(_ progress: ArtifactProgress) {
    for waiter in state.withLock({ Array($0.waiters.values) }) { waiter.progress(progress) }
  }

  private static let cancelled = StoreError(.cancelled, "nobody waits for the artifact any more")

  /// Takes one waiter out; with the last one the work is cancelled.
  private func leave(_ id: Int) {
    let (waiter, task) = state.withLock { state -> (Waiter?, Task<Void, Never>?) in
      guard let waiter = state.waiters.removeValue(forKey: id) else { return (nil, nil) }
      guard state.waiters.isEmpty else { return (waiter, nil) }
      state.isOver = true
      return (waiter, state.task)
    }
    task?.cancel()
    waiter?.continuation.resume(returning: .failure(Flight.cancelled))
  }

  private func end(_ result: Result<FetchedArtifact, StoreError>) {
    let waiters = state.withLock { state in
      state.isOver = true
      defer { state.waiters = [:] }
      return Array(state.waiters.values)
    }
    for waiter in waiters { waiter.continuation.resume(returning: result.map { $0 }) }
  }
}
