public import ServingCore
import Synchronization

/// The models of one worker: those that are resident, those on their way, and the memory that they may take together.
///
/// It does what `HostCommand` says and tells with `HostReply` what came of it; requests find their model here. Models are
/// loaded on threads of their own, so nothing here waits, and a slow load holds up nobody but those who want that model.
public final class WorkerHost: Sendable {
  /// What a host is made with.
  public struct Configuration: Sendable {
    /// The model of requests that name none; nil where they must name one.
    public var defaultName: String?
    /// Whether a name that is not resident is asked for with `HostReply.want`.
    public var loadsOnUse: Bool
    /// Names that are loaded for good.
    public var pinned: Set<String>
    /// The most bytes that one model may take.
    public var mostModelBytes: Int
    /// The most calls of one model that are under way in this process.
    public var mostCalls: Int
    /// Whether a new generation may drop or retype inputs and outputs.
    public var allowsSignatureChange: Bool
    /// How many workers there are.
    public var workers: Int
    /// Threads that load models.
    public var loaders = 2
    /// Milliseconds for which a load that failed is not tried again.
    public var failurePause = 1000

    public init(
      defaultName: String?, loadsOnUse: Bool, pinned: Set<String> = [], mostModelBytes: Int = .max,
      mostCalls: Int = .max, allowsSignatureChange: Bool = false, workers: Int = 1
    ) {
      self.defaultName = defaultName
      self.loadsOnUse = loadsOnUse
      self.pinned = pinned
      self.mostModelBytes = mostModelBytes
      self.mostCalls = mostCalls
      self.allowsSignatureChange = allowsSignatureChange
      self.workers = workers
    }
  }

  public typealias Completion = @Sendable (Result<any InvocationHandler, ServingError>) -> Void
  /// Loads a model and warms it up.
  public typealias Load = @Sendable (ModelSource) throws(ServingError) -> LoadedService

  let configuration: Configuration
  let load: Load
  private let send: @Sendable (HostReply) -> Void
  let trim: @Sendable () -> Void
  let state: Mutex<State>
  let counts: HostCounts
  /// Bytes of models that nobody holds any more, not yet taken off the ledger: a model may end where the state is locked.
  let freed = Atomic<Int>(0)
  /// True while somebody waits for memory to come free.
  let isAwaited = Atomic<Bool>(false)
  let isTrimming = Atomic<Bool>(false)
  /// Held by the thread that speaks.
  private let mouth = Mutex(())

  struct State {
    var ledger: MemoryLedger
    var residents: [String: Resident] = [:]
    var prepared: [Int: HostedModel] = [:]
    var waiting: [String: [Completion]] = [:]
    var failures: [String: (error: ServingError, until: Int)] = [:]
    var jobs: [LoadJob] = []
    /// What is being loaded, by number.
    var running: [Int: LoadJob] = [:]
    var nextNumber = 0
    /// Running loads that an unload overtook: what they load may be what the store had before.
    var overtaken: Set<Int> = []
    /// What waits for memory, first come first served.
    var starved: [LoadJob] = []
    var hasAsked = false
    var unloads: [Unload] = []
    /// Generations that are to be forgotten as soon as they are loaded.
    var discarded: Set<Int> = []
    /// Generations that have just been replaced, on their way out of the lock.
    var replaced: [HostedModel] = []
    /// What is to be said, in the order in which it became true.
    var outbox: [HostReply] = []
    /// What a digest took when it was last loaded.
    var known: [String: Int] = [:]
    /// Bytes of memory for a byte of file, of models met so far.
    var ratio = 1.125
    /// Memory of the process before it had models.
    var baseline: Int?
  }

  struct Resident {
    var model: HostedModel
    /// When it became resident, in milliseconds since 1970.
    var since: Int
    var gauge = HotGauge()

    var lastUse: Int { max(model.lastUse, since) }
  }

  /// A model that was unloaded by hand; the answer waits until nobody holds it.
  struct Unload {
    var id: Int
    var bytes: Int
    weak var model: HostedModel?
  }

  struct LoadJob {
    enum Goal: Equatable {
      case serve
      case prepare(id: Int)
    }

    var source: ModelSource
    var goal: Goal
    var number = 0
    /// Bytes set aside for it.
    var reserved = 0
  }

  /// - Parameters:
  ///   - lease: bytes that models may take before the supervisor says another number.
  ///   - trim: gives freed memory back to the system.
  public init(
    _ configuration: Configuration, lease: Int, load: @escaping Load, trim: @escaping @Sendable () -> Void = {},
    send: @escaping @Sendable (HostReply) -> Void
  ) {
    self.configuration = configuration
    self.load = load
    self.send = send
    self.trim = trim
    state = Mutex(State(ledger: MemoryLedger(lease: lease)))
    counts = HostCounts()
  }

  /// Puts a model that was loaded at start in place. Called before anything else.
  public func adopt(_ source: ModelSource, _ service: LoadedService, microseconds: Int) {
    let model = hosted(source, service, microseconds: microseconds)
    state.withLock { state in
      state.ledger.used += service.memory.total
      place(model, &state)
    }
    speak()
  }

  /// The counts that `/metrics` shows.
  public var totals: HostTotals { counts.totals }

  /// Says what is to be said. What changes the table is written into the outbox in the same step: said in another order,
  /// an eviction could come before the load that it ended.
  func speak() {
    mouth.withLock { _ in
      while true {
        let replies = state.withLock { state in
          defer { state.outbox = [] }
          return state.outbox
        }
        if replies.isEmpty { return }
        for reply in replies { send(reply) }
      }
    }
  }

  func say(_ reply: HostReply) {
    state.withLock { $0.outbox.append(reply) }
    speak()
  }

  func hosted(_ source: ModelSource, _ service: LoadedService, microseconds: Int) -> HostedModel {
    HostedModel(source, service, microseconds: microseconds) { [weak self] bytes in self?.released(bytes) }
  }
}

// MARK: - Requests

extension WorkerHost: InvocationTargets {
  public func target(_ name: String?, mayMove: Bool, completion: @escaping Completion) -> TargetLookup {
    let name = name.map(ModelName.canonical) ?? configuration.defaultName
    guard let name else {
      return .failed(
        ServingError(
          .badRequest, "This server has several models: name one in the header X-Amzn-SageMaker-Target-Model.",
          field: "X-Amzn-SageMaker-Target-Model", expected: "a path below the model store, such as iris.tar.gz"))
    }
    let only = configuration.loadsOnUse ? name : configuration.defaultName ?? name
    let (lookup, isNew): (TargetLookup, Bool) = state.withLock { state in
      if let index = state.residents.index(forKey: only) {
        let (key, resident) = state.residents[index]
        guard key.utf8.elementsEqual(only.utf8) else { return (.failed(.otherSpelling(name)), false) }
        if resident.model.inFlight >= configuration.mostCalls {
          return (
            .failed(
              ServingError(
                .overloaded, "The model has all the calls under way that it may have.",
                limit: "\(configuration.mostCalls) calls", setting: "max-model-calls")), false
          )
        }
        let moves = state.residents.values[index].gauge.count(
          busy: resident.model.busyNanoseconds, workers: configuration.workers)
        return (moves && mayMove ? .elsewhere : .found(resident.model), false)
      }
      guard configuration.loadsOnUse else {
        let isComing = only == configuration.defaultName
        return (
          .failed(isComing ? ServingError(.notReady, "The model is being loaded.") : .modelNotLoaded(name)), false
        )
      }
      if let failure = state.failures[name] {
        if failure.until > WallClock.milliseconds { return (.failed(failure.error), false) }
        state.failures[name] = nil
      }
      guard ModelName.isValid(name) else { return (.failed(.invalidModelName(name)), false) }
      if state.waiting.hasOtherSpelling(of: name) { return (.failed(.otherSpelling(name)), false) }
      let isFirst = state.waiting[name] == nil
      state.waiting[name, default: []].append(completion)
      if isFirst { state.outbox.append(.want(name: name)) }
      return (.waiting, isFirst)
    }
    switch lookup {
    case .found: counts.hit()
    case .waiting: counts.miss()
    case .failed, .elsewhere: break
    }
    if isNew { speak() }
    return lookup
  }
}

// MARK: - Commands

extension WorkerHost {
  /// Does what the supervisor says. Never waits.
  public func handle(_ command: HostCommand) {
    switch command {
    case .prepare(let id, let source):
      start { $0.jobs.append(LoadJob(source: source, goal: .prepare(id: id))) }
    case .commit(let id): commit(id)
    case .discard(let id): discard(id)
    case .load(let source):
      let (model, waiting): (HostedModel?, [Completion]) = state.withLock { state in
        guard let model = state.residents[source.name]?.model, model.source.digest == source.digest else {
          return (nil, [])
        }
        state.outbox.append(model.reply)
        return (model, state.waiting.removeValue(forKey: source.name) ?? [])
      }
      if let model {
        for completion in waiting { completion(.success(model)) }
        speak()
      } else {
        start { $0.jobs.append(LoadJob(source: source, goal: .serve)) }
      }
    case .loadNot(let name, let error): fail(name, error)
    case .unload(let id, let name): unload(id, name)
    case .lease(let bytes, let isFinal):
      let victims = state.withLock { state in
        state.ledger.lease = bytes
        state.hasAsked = false
        settle(&state)
        return evict(state.ledger.staying - bytes, &state, isIdle: true)
      }
      dropped(victims)
      if isFinal { refuseStarved() }
      start()
    case .shrink(let id, let bytes): shrink(id, by: bytes)
    case .report(let id):
      let reports = state.withLock { state in
        state.residents.map { name, resident in
          ModelReport(name: name, hits: resident.model.hits, lastUse: resident.model.lastUse)
        }
      }
      say(.report(id: id, reports, counts.totals))
    }
  }

  private func commit(_ id: Int) {
    let old: HostedModel? = state.withLock { state in
      if let model = state.prepared.removeValue(forKey: id) { place(model, &state) }
      state.outbox.append(.done(id: id, bytes: 0))
      return state.replaced.popLast()
    }
    withExtendedLifetime(old) {}
    speak()
    trimSoon()
  }

  /// Makes a model the one that requests get.
  func place(_ model: HostedModel, _ state: inout State) {
    let name = model.source.name
    if let old = state.residents[name]?.model {
      state.ledger.dying += old.service.memory.total
      state.replaced.append(old)
    }
    state.residents[name] = Resident(model: model, since: WallClock.milliseconds)
    state.failures[name] = nil
    state.outbox.append(model.reply)
  }

  private func discard(_ id: Int) {
    let model = state.withLock { state in
      let model = state.prepared.removeValue(forKey: id)
      if let model { state.ledger.dying += model.service.memory.total }
      state.jobs.removeAll { $0.goal == .prepare(id: id) }
      state.starved.removeAll { $0.goal == .prepare(id: id) }
      if state.running.values.contains(where: { $0.goal == .prepare(id: id) }) { state.discarded.insert(id) }
      return model
    }
    withExtendedLifetime(model) {}
    // What waited behind it may fit.
    start()
  }

  private func unload(_ id: Int, _ name: String) {
    let model = state.withLock { state in
      state.failures[name] = nil
      let model = state.residents.removeValue(forKey: name)?.model
      state.outbox.append(.removed(id: id))
      if let model {
        state.ledger.dying += model.service.memory.total
        state.unloads.append(Unload(id: id, bytes: model.service.memory.total, model: model))
        isAwaited.store(true, ordering: .sequentiallyConsistent)
      } else {
        state.outbox.append(.done(id: id, bytes: 0))
      }
      if overtakeLoads(of: name, &state), state.waiting[name] != nil { state.outbox.append(.want(name: name)) }
      return model
    }
    withExtendedLifetime(model) {}
    speak()
    start()
  }

  /// Ends the loads of a model that are on their way, without a word of them.
  ///
  /// - Returns: whether there were any.
  private func overtakeLoads(of name: String, _ state: inout State) -> Bool {
    func isOfModel(_ job: LoadJob) -> Bool { job.goal == .serve && job.source.name == name }
    let running = state.running.filter { isOfModel($0.value) && !state.overtaken.contains($0.key) }.keys
    let waits = state.jobs.count + state.starved.count
    state.jobs.removeAll(where: isOfModel)
    state.starved.removeAll(where: isOfModel)
    state.overtaken.formUnion(running)
    return !running.isEmpty || state.jobs.count + state.starved.count < waits
  }

  private func shrink(_ id: Int, by bytes: Int) {
    let (given, victims): (Int, [HostedModel]) = state.withLock { state in
      settle(&state)
      let spare = max(0, state.ledger.lease - state.ledger.staying)
      let victims = evict(bytes - spare, &state, isIdle: true)
      let given = min(bytes, spare + victims.reduce(0) { $0 + $1.service.memory.total })
      state.ledger.lease -= given
      return (given, victims)
    }
    dropped(victims)
    say(.done(id: id, bytes: given))
  }
}
