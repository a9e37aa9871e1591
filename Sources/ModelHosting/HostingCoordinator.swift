public import JSONDocument
import ServingCore

/// Decides which models the workers have: what happens are events, and what is to be done comes back as actions.
///
/// A server has one model, called `model`, that every worker loads when it starts, or it has a fleet: models below a store,
/// loaded on first use by the worker that a request reaches. A new generation of a model goes the same way in both: the
/// store gives it, every worker that has the model prepares it aside, and when all have, all switch; when one cannot,
/// nobody does.
public struct HostingCoordinator: Sendable {
  public enum Event: Sendable {
    case begin
    /// A worker was started, has its first models, ended.
    case workerStarting(Int)
    case workerReady(Int)
    case workerGone(Int)
    case reply(worker: Int, HostReply)
    case store(job: Int, StoreResult)
    case command(id: Int, ManagementCommand)
    /// The deadline has passed.
    case tick
  }

  public enum Action: Sendable {
    case send(worker: Int, HostCommand)
    case ask(job: Int, StoreJob)
    case answer(command: Int, ManagementAnswer)
    /// Workers that start from now on load this.
    case serve(ModelSource)
    case log(level: String, String, [String: String])
    /// For `/ping`: what is served, and how the last refresh ended.
    case publish(JSONDocument?)
    /// Why there is no model yet; nil when there is.
    case waitFor(String?)
    /// The first model cannot be had.
    case giveUp(StoreFailure)
  }

  public struct Configuration: Sendable {
    public var workers: Int
    /// True for a fleet.
    public var isFleet: Bool
    /// False where models come by `POST /models` alone, as SageMaker's multi-model endpoints have it.
    public var hasStore: Bool
    /// nil for no polling.
    public var refreshInterval: Duration?
    /// How long the first model is waited for.
    public var fetchDeadline: Duration
    /// How long workers may take to prepare a generation.
    public var prepareDeadline: Duration
    /// Bytes that models may take in all workers together.
    public var memoryBudget: Int
    public var pinned: [String]
    /// Whether a model that is used where it lies is copied, so that there is a way back from the next one.
    public var copiesLocal = false
    /// Whether models that were loaded by hand are never dropped for others, as SageMaker's contract has it.
    public var keepsExplicit = false
    /// Generations that are kept for a rollback.
    public var keptGenerations = 3
    /// A factor around 1 that the refresh interval is multiplied with, so that servers do not poll in step.
    public var jitter: @Sendable () -> Double = { Double.random(in: 0.9...1.1) }

    public init(
      workers: Int, isFleet: Bool, hasStore: Bool, refreshInterval: Duration?, fetchDeadline: Duration,
      prepareDeadline: Duration, memoryBudget: Int, pinned: [String] = []
    ) {
      self.workers = workers
      self.isFleet = isFleet
      self.hasStore = hasStore
      self.refreshInterval = refreshInterval
      self.fetchDeadline = fetchDeadline
      self.prepareDeadline = prepareDeadline
      self.memoryBudget = memoryBudget
      self.pinned = pinned
    }
  }

  /// The name of a server's only model.
  public static let onlyName = "model"

  /// What is known of one model.
  struct Record: Sendable {
    var current: ModelArtifact?
    /// Those before it, the newest first, and after them what a rollback left.
    var previous: [ModelArtifact] = []
    var holders: [Int: Holder] = [:]
    /// Workers that are loading it.
    var loading: Set<Int> = []
    /// Workers that wait for the store's answer.
    var wanting: Set<Int> = []
    var change: Change?
    /// Commands that wait for the change under way, and those that want another one after it.
    var commands: [Int] = []
    var nextCommands: [Int] = []
    /// True after a rollback: polling leaves it alone.
    var isHeld = false
    /// What polling does not try again.
    var rejected: String?
    var lastError: String?
    var lastRefresh: (result: String, at: Int)?
    /// True where the next call is to get `current` whatever the store has: a rollback chose it, or what came after it was
    /// refused.
    var isChosen: Bool { current?.keeper != nil && (isHeld || rejected != nil) }
    /// Loaded by hand: it stays until it is unloaded by hand, where there is no store to load it from again.
    var isExplicit = false
    /// Where it was loaded from by hand; nil where the store says so.
    var url: String?
    var nextCheck: Duration?
  }

  struct Holder: Sendable {
    var digest: String
    var memory: HostedMemory
    var microseconds: Int
    var since: Int
  }

  /// A new generation on its way.
  struct Change: Sendable {
    enum Cause: Sendable, Equatable {
      case poll, command, rollback
    }

    enum Stage: Sendable {
      case checking(job: Int)
      case fetching(job: Int)
      /// `ready` have prepared it, `waiting` are at it.
      case preparing(ModelArtifact, id: Int, waiting: Set<Int>, ready: Set<Int>, until: Duration)
      case committing(id: Int, waiting: Set<Int>)
    }

    var cause: Cause
    var stage: Stage
    /// Workers that died while they prepared it.
    var deaths = 0
    /// What the store's check said.
    var fingerprint: String?
    /// A rollback has ended when it is remembered beyond a restart, too.
    var pinJob: Int?
    var began: Duration
  }

  /// A model on its way out.
  struct Unload: Sendable {
    var command: Int
    var name: String
    /// Workers in which requests may still find it.
    var holding: Set<Int>
    /// Workers in which it still takes memory.
    var waiting: Set<Int>
    var bytes = 0
  }

  let configuration: Configuration
  var records: [String: Record] = [:]
  var jobs: [Int: (job: StoreJob, worker: Int?)] = [:]
  var ready: Set<Int> = []
  var starting: Set<Int> = []
  var nextID = 1
  var broker: LeaseBroker
  var gathers: [Int: Gather] = [:]
  /// Commands that wait for the end of something, by the id that ends it.
  var unloads: [Int: Unload] = [:]
  /// Jobs that read the store before an unload or a refresh of their model was answered.
  var outdated: Set<Int> = []
  /// When pinned models that could not be loaded are tried again.
  var retries: [String: Duration] = [:]
  static let pinnedRetry = Duration.seconds(15)
  /// The job that asks at the start whether the store can be read.
  var probe: Int?
  /// `POST /models` under way, by name.
  var loads: [String: Int] = [:]
  var catalogues: [Int: Int] = [:]
  var counters = HostingCounters()
  private var hasCopied = false
  /// While the copy is made nothing is known of what will be served.
  var isCopying = false
  /// Models with a change under way.
  var changing: Set<String> = []
  private var hasAccepted = false
  var firstFetch: (until: Duration, retryAt: Duration?, pause: Duration, reason: String?)?

  public init(_ configuration: Configuration) {
    self.configuration = configuration
    broker = LeaseBroker(budget: configuration.memoryBudget, workers: configuration.workers)
  }

  /// What every worker may take at first.
  public static func firstLease(budget: Int, workers: Int) -> Int { budget / max(workers, 1) }

  /// Begins with a model that is on this machine already.
  public mutating func adopt(_ artifact: ModelArtifact, at now: Duration) {
    var record = Record()
    record.current = artifact
    record.previous = artifact.previous
    record.isHeld = artifact.isPinned
    records[HostingCoordinator.onlyName] = record
    schedule(HostingCoordinator.onlyName, now)
  }

  /// When `.tick` is due; nil when nothing waits for time.
  public var deadline: Duration? {
    var times: [Duration] = gathers.values.map(\.until)
    if let first = firstFetch { times.append(first.retryAt ?? first.until) }
    times += retries.values
    for name in changing {
      if case .preparing(_, _, _, _, let until)? = records[name]?.change?.stage { times.append(until) }
    }
    if configuration.refreshInterval != nil {
      for record in records.values { if let next = record.nextCheck, record.change == nil { times.append(next) } }
    }
    return times.min()
  }

  /// Takes an event at a time that never goes back.
  public mutating func handle(_ event: Event, at now: Duration) -> [Action] {
    var actions: [Action] = []
    switch event {
    case .begin: begin(now, &actions)
    case .workerStarting(let worker):
      starting.insert(worker)
      if !configuration.isFleet { records[HostingCoordinator.onlyName]?.loading.insert(worker) }
    case .workerReady(let worker): workerReady(worker, now, &actions)
    case .workerGone(let worker): workerGone(worker, now, &actions)
    case .reply(let worker, let reply): take(reply, worker, now, &actions)
    case .store(let job, let result):
      if let entry = jobs.removeValue(forKey: job) { take(result, job, entry.job, entry.worker, now, &actions) }
    case .command(let id, let command): take(command, id, now, &actions)
    case .tick: tick(now, &actions)
    }
    if !changing.isEmpty { changing = changing.filter { records[$0]?.change != nil } }
    return actions
  }

  mutating func id() -> Int {
    defer { nextID += 1 }
    return nextID
  }

  mutating func ask(_ job: StoreJob, for worker: Int? = nil, _ actions: inout [Action]) -> Int {
    let number = id()
    jobs[number] = (job, worker)
    actions.append(.ask(job: number, job))
    return number
  }

  mutating func schedule(_ name: String, _ now: Duration) {
    guard let interval = configuration.refreshInterval, records[name] != nil else { return }
    records[name]?.nextCheck = now + interval * configuration.jitter()
  }
}

// MARK: - Start, workers, time

extension HostingCoordinator {
  private mutating func begin(_ now: Duration, _ actions: inout [Action]) {
    if configuration.isFleet {
      for name in configuration.pinned { preload(name, &actions) }
      if configuration.hasStore { probe = ask(.catalogue(token: nil, limit: 1), &actions) }
      return
    }
    if let current = records[HostingCoordinator.onlyName]?.current {
      actions.append(.serve(current.source(HostingCoordinator.onlyName)))
      publish(&actions)
      return
    }
    records[HostingCoordinator.onlyName] = Record()
    firstFetch = (until: now + configuration.fetchDeadline, retryAt: nil, pause: .seconds(1), reason: nil)
    _ = ask(.fetchFirst(name: HostingCoordinator.onlyName), &actions)
    actions.append(.waitFor("The model is being fetched."))
  }

  private mutating func workerReady(_ worker: Int, _ now: Duration, _ actions: inout [Action]) {
    starting.remove(worker)
    ready.insert(worker)
    if configuration.isFleet {
      actions.append(.send(worker: worker, .lease(bytes: broker.lease(of: worker), isFinal: false)))
      for (name, record) in records where record.isExplicit && record.holders.isEmpty && record.loading.isEmpty {
        if let current = record.current, ModelName.home(name, workers: configuration.workers) == worker {
          load(name, current, on: worker, &actions)
        }
      }
      for name in configuration.pinned
      where records[name] == nil && ModelName.home(name, workers: configuration.workers) == worker {
        preload(name, &actions)
      }
    } else {
      records[HostingCoordinator.onlyName]?.loading.remove(worker)
      if configuration.copiesLocal, !hasCopied, let current = records[HostingCoordinator.onlyName]?.current,
        current.keeper == nil
      {
        hasCopied = true
        isCopying = true
        _ = ask(.copy(name: HostingCoordinator.onlyName), &actions)
      }
      if !hasAccepted, let current = records[HostingCoordinator.onlyName]?.current, current.keeper != nil {
        hasAccepted = true
        _ = ask(.accept(name: HostingCoordinator.onlyName, digest: current.digest), &actions)
      }
      advance(HostingCoordinator.onlyName, now, &actions)
    }
  }

  /// What the only model's workers load when they start.
  public var served: ModelSource? {
    records[HostingCoordinator.onlyName]?.current.map { $0.source(HostingCoordinator.onlyName) }
  }

  /// The first model does not load.
  ///
  /// - Returns: the generation before it that served once, to be loaded instead; nil where there is none.
  public mutating func fallBack(_ reason: String) -> (source: ModelSource, actions: [Action])? {
    guard !configuration.isFleet, !hasAccepted, var record = records[HostingCoordinator.onlyName],
      let bad = record.current, let good = record.previous.first
    else { return nil }
    record.rejected = bad.fingerprint
    record.current = good
    record.previous.removeFirst()
    record.lastError = reason
    records[HostingCoordinator.onlyName] = record
    return (
      good.source(HostingCoordinator.onlyName),
      [
        .log(
          level: "error", "the model does not load; the last one that served does instead",
          fields(HostingCoordinator.onlyName, good, ["reason": reason]))
      ]
    )
  }

  private mutating func workerGone(_ worker: Int, _ now: Duration, _ actions: inout [Action]) {
    starting.remove(worker)
    ready.remove(worker)
    actions += broker.gone(worker)
    for name in records.keys.sorted() {
      guard var record = records[name] else { continue }
      let wasLoading = record.loading.remove(worker) != nil
      let wasWanting = record.wanting.remove(worker) != nil
      record.holders[worker] = nil
      var isUndone = false
      switch record.change?.stage {
      case .preparing(let artifact, let id, var waiting, var done, let until)?:
        if waiting.remove(worker) != nil { record.change?.deaths += 1 }
        done.remove(worker)
        isUndone = (record.change?.deaths ?? 0) >= 2
        record.change?.stage = .preparing(artifact, id: id, waiting: waiting, ready: done, until: until)
      case .committing(let id, var waiting)?:
        waiting.remove(worker)
        record.change?.stage = .committing(id: id, waiting: waiting)
      case .checking?, .fetching?, nil: break
      }
      records[name] = record
      if isUndone {
        fail(
          name,
          StoreFailure(
            ServingError(.modelLoadFailed, "Workers die while they prepare the new generation."), isTransient: true),
          now, &actions)
      } else {
        advance(name, now, &actions)
      }
      if (wasLoading || wasWanting) && configuration.isFleet {
        loadEnded(
          name,
          ServingError(.modelLoadFailed, "The worker died while it loaded the model."), &actions)
        forgetIfUnused(name)
      }
    }
    for (id, var unload) in unloads where unload.waiting.remove(worker) != nil {
      unload.holding.remove(worker)
      unloads[id] = unload
      finishUnload(id, &actions)
    }
    for (id, var gather) in gathers where gather.waiting.remove(worker) != nil {
      gathers[id] = gather
      finishGather(id, &actions)
    }
  }

  private mutating func tick(_ now: Duration, _ actions: inout [Action]) {
    if let retry = firstFetch?.retryAt, retry <= now {
      firstFetch?.retryAt = nil
      _ = ask(.fetchFirst(name: HostingCoordinator.onlyName), &actions)
    } else if let first = firstFetch, first.until <= now {
      notFetchedFirst(
        StoreFailure(
          ServingError(
            .notReady, first.reason ?? "the store has not given the model in time", setting: "fetch-deadline"),
          isTransient: true), now, &actions)
    }
    for (name, due) in retries where due <= now { preload(name, &actions) }
    for (id, gather) in gathers where gather.until <= now {
      gathers[id]?.waiting = []
      finishGather(id, &actions)
    }
    for name in records.keys.sorted() {
      guard let record = records[name] else { continue }
      if case .preparing(_, _, _, _, let until)? = record.change?.stage, until <= now {
        fail(
          name,
          StoreFailure(
            ServingError(
              .modelLoadFailed, "The workers did not prepare the new generation in time.", setting: "startup-timeout"),
            isTransient: false), now, &actions)
      }
      if record.change == nil, let next = record.nextCheck, next <= now { poll(name, now, &actions) }
    }
  }
}
