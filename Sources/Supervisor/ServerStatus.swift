import Settings

/// What the supervisor knows of its workers, as `/ping` tells it.
public struct ServerStatus: Sendable, Equatable {
  public enum Phase: String, Sendable {
    case starting, running, draining
  }

  /// One worker process.
  public struct Worker: Sendable, Equatable {
    public enum State: String, Sendable {
      case starting, ready, restarting, stopping, stopped
    }

    public var state: State
    /// Starts after the first.
    public var restarts: Int
    /// Why it last died or could not load the model.
    public var lastFailure: String?

    public init(state: State, restarts: Int = 0, lastFailure: String? = nil) {
      self.state = state
      self.restarts = restarts
      self.lastFailure = lastFailure
    }
  }

  public var phase: Phase
  public var workers: [Worker]
  /// Why there is no model that workers could load; nil when there is one.
  public var waitsFor: String?

  public init(phase: Phase, workers: [Worker], waitsFor: String? = nil) {
    self.phase = phase
    self.workers = workers
    self.waitsFor = waitsFor
  }

  public var readyWorkers: Int { workers.count { $0.state == .ready } }

  /// True when a request sent now would be answered: some live worker has answered a warm-up, and no stop was asked for.
  public var isReady: Bool { phase != .draining && readyWorkers > 0 }

  /// Why the server is not ready, as one sentence; nil when it is.
  public var reason: String? {
    if phase == .draining { return "The server is stopping: accepted requests are finished, new ones are not taken." }
    if readyWorkers > 0 { return nil }
    if let waitsFor { return waitsFor }
    let failure = workers.lazy.compactMap(\.lastFailure).first.map { " Last failure: \($0)" } ?? ""
    let state = phase == .starting ? "is loading the model" : "is ready; they are being restarted"
    return
      "No worker \(phase == .starting ? "has finished: each of the \(workers.count) \(state)." : "\(state).")\(failure)"
  }
}
