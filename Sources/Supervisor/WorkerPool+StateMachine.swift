/// Decides what the supervisor does: processes and clocks are events, and what is to be done comes back as actions.
///
/// It starts the front and the workers, restarts what dies, gives up when the first start cannot succeed, and stops in order:
/// readiness off, a short pause so that bytes already sent are read, the front drained, then the workers.
public struct WorkerPool: Sendable {
  /// What happened. `process` is a process id.
  public enum Event: Sendable, Equatable {
    case begin
    /// There is no model yet, and why; nil: there is one.
    case waitsFor(String?)
    /// The model cannot be had.
    case giveUp(StartError)
    /// A worker cannot load the model and is about to exit, but there is another one to start with.
    case workerRetries(process: Int32, StartError)
    case workerSpawned(index: Int, process: Int32)
    case frontSpawned(process: Int32)
    /// A process could not be started at all.
    case workerNotSpawned(index: Int, reason: String)
    case frontNotSpawned(reason: String)
    /// A worker has loaded the model and answered a warm-up.
    case workerReady(process: Int32)
    /// A worker cannot load the model, and says so before it exits.
    case workerFailed(process: Int32, StartError)
    case exited(process: Int32, ExitReason)
    /// SIGTERM or SIGINT came.
    case stop
    /// The deadline has passed.
    case tick
  }

  /// What is to be done.
  public enum Action: Sendable, Equatable {
    case spawnWorker(index: Int)
    case spawnFront
    case signalWorker(process: Int32, ProcessSignal)
    /// To the front's first process only, or to its whole process group.
    case signalFront(process: Int32, ProcessSignal)
    case signalFrontGroup(process: Int32, ProcessSignal)
    /// The front stops listening: the supervisor's own hold on the port ends.
    case closePort
    case publish(ServerStatus)
    case log(WorkerPoolLog)
    case finish(ServeStatus, reason: String?)
  }

  public enum ProcessSignal: Sendable, Equatable {
    case terminate, quit, kill
  }

  /// Times that are not settings, and those that are.
  public struct Configuration: Sendable {
    public var workers: Int
    public var hasFront: Bool
    public var startupTimeout: Duration
    public var shutdownTimeout: Duration
    /// Between readiness off and the end of listening.
    public var pause: Duration = .milliseconds(100)
    /// A front that lives this long has started: the first one, which may still find a fault in its configuration, and
    /// those that replace it.
    public var frontSettles: (first: Duration, later: Duration) = (.seconds(2), .milliseconds(400))
    /// Processes left over by a front that was killed get this long to finish their requests.
    public var orphanGrace: Duration = .seconds(5)
    /// First starts that may die by a signal before the start is given up.
    public var firstStarts = 3

    public init(workers: Int, hasFront: Bool, startupTimeout: Duration, shutdownTimeout: Duration) {
      self.workers = workers
      self.hasFront = hasFront
      self.startupTimeout = startupTimeout
      self.shutdownTimeout = shutdownTimeout
    }
  }

  private enum Child: Equatable {
    case absent
    case spawning
    case starting(Int32, until: Duration)
    case up(Int32)
    case waiting(until: Duration)
    case stopping(Int32)

    var process: Int32? {
      switch self {
      case .starting(let process, _), .up(let process), .stopping(let process): process
      case .absent, .spawning, .waiting: nil
      }
    }
  }

  private enum Stage: Equatable {
    case starting, running
    case pausing(until: Duration)
    case drainingFront(until: Duration)
    case stoppingWorkers(until: Duration)
    case finished
  }

  private let configuration: Configuration
  private var stage: Stage = .starting
  private var workers: [Child]
  private var front: Child = .absent
  private var workerBackoff: [RestartBackoff]
  private var frontBackoff = RestartBackoff()
  private var frontHasSettled = false
  private var restarts: [Int]
  private var failures: [String?]
  private var orphans: [(process: Int32, until: Duration)] = []
  private var finalDeadline: Duration?
  private var waitsFor: String?
  /// True when workers were started before there was a model.
  private var hasWaited = false
  private var retries: Set<Int> = []

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    workers = Array(repeating: .absent, count: configuration.workers)
    workerBackoff = Array(repeating: RestartBackoff(), count: configuration.workers)
    restarts = Array(repeating: 0, count: configuration.workers)
    failures = Array(repeating: nil, count: configuration.workers)
  }

  /// When `.tick` is due; nil when nothing waits for time.
  public var deadline: Duration? {
    var times: [Duration] = orphans.map(\.until)
    for child in workers + [front] {
      switch child {
      case .starting(_, let until), .waiting(let until): times.append(until)
      case .absent, .spawning, .up, .stopping: break
      }
    }
    switch stage {
    case .pausing(let until), .drainingFront(let until), .stoppingWorkers(let until): times.append(until)
    case .starting, .running, .finished: break
    }
    return times.min()
  }

  /// What is published of the workers.
  public var status: ServerStatus {
    let phase: ServerStatus.Phase =
      switch stage {
      case .starting: .starting
      case .running: .running
      case .pausing, .drainingFront, .stoppingWorkers, .finished: .draining
      }
    return ServerStatus(
      phase: phase,
      workers: workers.indices.map { index in
        let state: ServerStatus.Worker.State =
          switch workers[index] {
          // Requests go to all that wait for the first model: until each of them has it, some would be refused.
          case .up: hasWaited && stage == .starting ? .starting : .ready
          case .stopping: .stopping
          case .absent where phase == .draining: .stopped
          case .absent, .spawning, .starting: restarts[index] == 0 ? .starting : .restarting
          case .waiting: .restarting
          }
        return ServerStatus.Worker(state: state, restarts: restarts[index], lastFailure: failures[index])
      }, waitsFor: waitsFor)
  }

  /// Takes an event at a time that never goes back.
  public mutating func handle(_ event: Event, at now: Duration) -> [Action] {
    guard stage != .finished else { return [] }
    let before = status
    var actions: [Action] = []
    switch event {
    case .begin:
      if configuration.hasFront { startFront(&actions) }
      for index in workers.indices { startWorker(index, &actions) }
    case .waitsFor(let reason):
      waitsFor = reason
      if reason != nil { hasWaited = true }
      // Time runs from when there is something to load.
      for index in workers.indices {
        if case .starting(let process, _) = workers[index] {
          workers[index] = .starting(process, until: startupDeadline(now))
        }
      }
    case .workerRetries(let process, let error):
      if let index = workers.firstIndex(where: { $0.process == process }) {
        failures[index] = error.description
        retries.insert(index)
      }
    case .giveUp(let error): finish(error.status, error.description, &actions)
    case .workerSpawned(let index, let process):
      workers[index] = .starting(process, until: startupDeadline(now))
    case .frontSpawned(let process):
      let isFirst = !frontHasSettled && frontBackoff.earlyDeaths == 0
      let settles = !isFirst ? configuration.frontSettles.later : configuration.frontSettles.first
      front = .starting(process, until: now + settles)
    case .workerNotSpawned(let index, let reason):
      workerDied(index, .notStarted(reason), wasUp: false, now, &actions)
    case .frontNotSpawned(let reason):
      frontDied(.notStarted(reason), wasUp: false, now, &actions)
    case .workerReady(let process):
      workerReady(process, &actions)
    case .workerFailed(let process, let error):
      workerFailed(process, error, &actions)
    case .exited(let process, let reason):
      exited(process, reason, now, &actions)
    case .stop:
      stop(now, &actions)
    case .tick:
      tick(now, &actions)
    }
    if stage != .finished, status != before || event == .begin { actions.append(.publish(status)) }
    return actions
  }
}

// MARK: - Starting and restarting

extension WorkerPool {
  private mutating func startWorker(_ index: Int, _ actions: inout [Action]) {
    workers[index] = .spawning
    actions.append(.spawnWorker(index: index))
  }

  private func startupDeadline(_ now: Duration) -> Duration {
    waitsFor == nil ? now + configuration.startupTimeout : now + .seconds(86_400 * 365)
  }

  private mutating func startFront(_ actions: inout [Action]) {
    front = .spawning
    actions.append(.spawnFront)
  }

  private mutating func workerReady(_ process: Int32, _ actions: inout [Action]) {
    guard let index = workers.firstIndex(where: { $0.process == process }), case .starting = workers[index] else {
      return
    }
    workers[index] = .up(process)
    failures[index] = nil
    workerBackoff[index] = RestartBackoff()
    actions.append(.log(.workerReady(index: index, process: process, restarts: restarts[index])))
    if stage == .starting, workers.allSatisfy({ if case .up = $0 { true } else { false } }) {
      stage = .running
      actions.append(.log(.allReady(workers: workers.count)))
    }
  }

  private mutating func workerFailed(_ process: Int32, _ error: StartError, _ actions: inout [Action]) {
    guard let index = workers.firstIndex(where: { $0.process == process }) else { return }
    failures[index] = error.description
    if stage == .starting, restarts[index] == 0 { finish(error.status, error.description, &actions) }
  }

  private mutating func exited(_ process: Int32, _ reason: ExitReason, _ now: Duration, _ actions: inout [Action]) {
    orphans.removeAll { $0.process == process }
    if let index = workers.firstIndex(where: { $0.process == process }) {
      let child = workers[index]
      workers[index] = .absent
      if case .stopping = child { return stopWorkersIfIdle(now, &actions) }
      if case .up = child {
        workerDied(index, reason, wasUp: true, now, &actions)
      } else {
        workerDied(index, reason, wasUp: false, now, &actions)
      }
    } else if front.process == process {
      let child = front
      front = .absent
      if case .stopping = child { return stopWorkers(now, &actions) }
      actions.append(.signalFrontGroup(process: process, .quit))
      orphans.append((process, now + configuration.orphanGrace))
      if case .up = child {
        frontDied(reason, wasUp: true, now, &actions)
      } else {
        frontDied(reason, wasUp: false, now, &actions)
      }
    }
  }

  private mutating func workerDied(
    _ index: Int, _ reason: ExitReason, wasUp: Bool, _ now: Duration, _ actions: inout [Action]
  ) {
    if case .stoppingWorkers = stage { return stopWorkersIfIdle(now, &actions) }
    let delay = workerBackoff[index].delay(afterDeathBeforeUp: !wasUp)
    if wasUp || failures[index] == nil { failures[index] = "worker \(index) \(reason)" }
    if retries.remove(index) != nil {
      restarts[index] += 1
      return startWorker(index, &actions)
    }
    if stage == .starting, !wasUp,
      !reason.isSignal || workerBackoff[index].earlyDeaths >= configuration.firstStarts
    {
      let text = failures[index] ?? "worker \(index) \(reason)"
      return finish(.model, "the model could not be loaded: \(text)", &actions)
    }
    restarts[index] += 1
    actions.append(.log(.workerDied(index: index, reason: reason, wasReady: wasUp, restartIn: delay)))
    workers[index] = .waiting(until: now + delay)
    if delay == .zero { startWorker(index, &actions) }
  }

  private mutating func frontDied(
    _ reason: ExitReason, wasUp: Bool, _ now: Duration, _ actions: inout [Action]
  ) {
    if !frontHasSettled, !reason.isSignal {
      return finish(.unavailable, "nginx does not start: it \(reason); its own message is above", &actions)
    }
    let delay = frontBackoff.delay(afterDeathBeforeUp: !wasUp)
    actions.append(.log(.frontDied(reason: reason, restartIn: delay)))
    front = .waiting(until: now + delay)
    if delay == .zero { startFront(&actions) }
  }
}

// MARK: - Stopping

extension WorkerPool {
  private mutating func stop(_ now: Duration, _ actions: inout [Action]) {
    switch stage {
    case .starting, .running:
      finalDeadline = now + configuration.pause + configuration.shutdownTimeout + .seconds(3)
      stage = .pausing(until: now + configuration.pause)
      actions.append(.log(.draining))
    case .pausing, .drainingFront, .stoppingWorkers:
      finish(.stoppedAtOnce, "stopped at once by a second signal", &actions)
    case .finished: break
    }
  }

  private mutating func tick(_ now: Duration, _ actions: inout [Action]) {
    for orphan in orphans where orphan.until <= now {
      actions.append(.signalFrontGroup(process: orphan.process, .kill))
    }
    orphans.removeAll { $0.until <= now }
    switch stage {
    case .pausing(let until) where until <= now: endListening(now, &actions)
    case .drainingFront(let until) where until <= now:
      if let process = front.process { actions.append(.signalFrontGroup(process: process, .kill)) }
      stopWorkers(now, &actions)
    case .stoppingWorkers(let until) where until <= now:
      for case let process? in workers.map(\.process) { actions.append(.signalWorker(process: process, .kill)) }
      return finish(.stopped, nil, &actions)
    case .starting, .running, .pausing, .drainingFront, .stoppingWorkers, .finished: break
    }
    if case .stoppingWorkers = stage { return }
    for index in workers.indices {
      switch workers[index] {
      case .waiting(let until) where until <= now: startWorker(index, &actions)
      case .starting(let process, let until) where until <= now:
        failures[index] = "worker \(index) was not ready within startup-timeout"
        workers[index] = .starting(process, until: now + .seconds(5))
        actions.append(.signalWorker(process: process, .kill))
        if stage == .starting {
          return finish(
            .model, "worker \(index) did not load the model within startup-timeout; raise it with --startup-timeout",
            &actions)
        }
      case .absent, .spawning, .starting, .up, .waiting, .stopping: break
      }
    }
    switch front {
    case .waiting(let until) where until <= now: startFront(&actions)
    case .starting(let process, let until) where until <= now:
      front = .up(process)
      frontHasSettled = true
      frontBackoff = RestartBackoff()
    case .absent, .spawning, .starting, .up, .waiting, .stopping: break
    }
  }

  private mutating func endListening(_ now: Duration, _ actions: inout [Action]) {
    actions.append(.closePort)
    guard let process = front.process else { return stopWorkers(now, &actions) }
    front = .stopping(process)
    let end = now + configuration.shutdownTimeout + .seconds(1)
    stage = .drainingFront(until: min(end, (finalDeadline ?? end) - .seconds(1)))
    actions.append(.signalFront(process: process, .quit))
  }

  private mutating func stopWorkers(_ now: Duration, _ actions: inout [Action]) {
    front = .absent
    let left = (finalDeadline ?? now) - now
    stage = .stoppingWorkers(until: now + (configuration.hasFront ? min(left, .seconds(2)) : left))
    for index in workers.indices {
      switch workers[index] {
      case .up(let process):
        workers[index] = .stopping(process)
        actions.append(.signalWorker(process: process, .terminate))
      case .starting(let process, _):
        workers[index] = .stopping(process)
        actions.append(.signalWorker(process: process, .kill))
      case .waiting, .spawning: workers[index] = .absent
      case .absent, .stopping: break
      }
    }
    stopWorkersIfIdle(now, &actions)
  }

  private mutating func stopWorkersIfIdle(_ now: Duration, _ actions: inout [Action]) {
    guard case .stoppingWorkers = stage, workers.allSatisfy({ $0.process == nil }) else { return }
    finish(.stopped, nil, &actions)
  }

  /// Kills what is left and ends.
  private mutating func finish(_ status: ServeStatus, _ reason: String?, _ actions: inout [Action]) {
    stage = .finished
    for case let process? in workers.map(\.process) { actions.append(.signalWorker(process: process, .kill)) }
    if let process = front.process { actions.append(.signalFrontGroup(process: process, .kill)) }
    for orphan in orphans { actions.append(.signalFrontGroup(process: orphan.process, .kill)) }
    actions.append(.finish(status, reason: reason))
  }
}
