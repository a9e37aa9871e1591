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
    /// How long a load that failed is not tried again.
    public var failurePause = 2000

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
  private let load: Load
  private let send: @Sendable (HostReply) -> Void
  private let trim: @Sendable () -> Void
  private let state: Mutex<State>
  private let counts: HostCounts
  /// Bytes of models that nobody holds any more, not yet taken off the ledger: a model may end where the state is locked.
  private let freed = Atomic<Int>(0)
  /// True while somebody waits for memory to come free.
  private let isAwaited = Atomic<Bool>(false)
  private let isTrimming = Atomic<Bool>(false)

  struct State {
    var ledger: MemoryLedger
    var residents: [String: Resident] = [:]
    var prepared: [Int: HostedModel] = [:]
    var waiting: [String: [Completion]] = [:]
    var failures: [String: (error: ServingError, until: Int)] = [:]
    var jobs: [LoadJob] = []
    var running = 0
    /// What waits for memory, first come first served.
    var starved: [LoadJob] = []
    var hasAsked = false
    var unloads: [Unload] = []
    /// Generations that are to be forgotten as soon as they are loaded.
    var discarded: Set<Int> = []
    /// Generations that have just been replaced, on their way out of the lock.
    var replaced: [HostedModel] = []
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
    /// Bytes set aside for it.
    var reserved = 0
  }

  /// The bytes of models.
  struct MemoryLedger {
    /// What they may be.
    var lease: Int
    /// Of those that exist, whoever holds them, and those set aside for loads under way.
    var used = 0
    /// The part of `used` that goes when the last request lets go of it.
    var dying = 0

    /// What the process takes beyond that: pages of the allocator's that are partly used.
    var overhead = 0

    /// What remains when all that is to go is gone.
    var staying: Int { used - dying + overhead }
    /// What there is.
    var total: Int { used + overhead }
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
    let reply = state.withLock { state in
      state.ledger.used += service.memory.total
      state.residents[source.name] = Resident(model: model, since: WallClock.milliseconds)
      return HostReply.resident(
        name: source.name, digest: source.digest, memory: service.memory, microseconds: microseconds)
    }
    send(reply)
  }

  /// The counts that `/metrics` shows.
  public var totals: HostTotals { counts.totals }

  private func hosted(_ source: ModelSource, _ service: LoadedService, microseconds: Int) -> HostedModel {
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
      if var resident = state.residents[only] {
        if resident.model.inFlight >= configuration.mostCalls {
          return (
            .failed(
              ServingError(
                .overloaded, "The model has all the calls under way that it may have.",
                limit: "\(configuration.mostCalls) calls", setting: "max-model-calls")), false
          )
        }
        let moves = resident.gauge.count(
          busy: resident.model.busyNanoseconds, workers: configuration.workers)
        state.residents[only] = resident
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
      let isFirst = state.waiting[name] == nil
      state.waiting[name, default: []].append(completion)
      return (.waiting, isFirst)
    }
    switch lookup {
    case .found: counts.hit()
    case .waiting: counts.miss()
    case .failed, .elsewhere: break
    }
    if isNew { send(.want(name: name)) }
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
        return (model, state.waiting.removeValue(forKey: source.name) ?? [])
      }
      if let model {
        for completion in waiting { completion(.success(model)) }
        send(
          .resident(
            name: source.name, digest: source.digest, memory: model.service.memory, microseconds: model.microseconds))
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
      tell(evicted: victims)
      if isFinal { refuseStarved() }
      start()
    case .shrink(let id, let bytes): shrink(id, by: bytes)
    case .report(let id):
      let reports = state.withLock { state in
        state.residents.map { name, resident in
          ModelReport(name: name, hits: resident.model.hits, lastUse: resident.model.lastUse)
        }
      }
      send(.report(id: id, reports, counts.totals))
    }
  }

  private func commit(_ id: Int) {
    let (reply, old): (HostReply?, HostedModel?) = state.withLock { state in
      guard let model = state.prepared.removeValue(forKey: id) else { return (nil, nil) }
      return (place(model, &state), state.replaced.popLast())
    }
    withExtendedLifetime(old) {}
    if let reply { send(reply) }
    send(.done(id: id, bytes: 0))
    trimSoon()
  }

  /// Makes a model the one that requests get.
  private func place(_ model: HostedModel, _ state: inout State) -> HostReply {
    let name = model.source.name
    if let old = state.residents[name]?.model {
      state.ledger.dying += old.service.memory.total
      state.replaced.append(old)
    }
    state.residents[name] = Resident(model: model, since: WallClock.milliseconds)
    state.failures[name] = nil
    return .resident(
      name: name, digest: model.source.digest, memory: model.service.memory, microseconds: model.microseconds)
  }

  private func discard(_ id: Int) {
    let model = state.withLock { state in
      let model = state.prepared.removeValue(forKey: id)
      if let model { state.ledger.dying += model.service.memory.total }
      let waits = state.jobs.count + state.starved.count
      state.jobs.removeAll { $0.goal == .prepare(id: id) }
      state.starved.removeAll { $0.goal == .prepare(id: id) }
      if model == nil, state.jobs.count + state.starved.count == waits { state.discarded.insert(id) }
      return model
    }
    withExtendedLifetime(model) {}
  }

  private func unload(_ id: Int, _ name: String) {
    let model = state.withLock { state in
      state.failures[name] = nil
      let model = state.residents.removeValue(forKey: name)?.model
      if let model {
        state.ledger.dying += model.service.memory.total
        state.unloads.append(Unload(id: id, bytes: model.service.memory.total, model: model))
        isAwaited.store(true, ordering: .sequentiallyConsistent)
      }
      return model
    }
    guard model != nil else { return send(.done(id: id, bytes: 0)) }
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
    tell(evicted: victims)
    send(.done(id: id, bytes: given))
  }
}

// MARK: - Loading

extension WorkerHost {
  /// What the state allows next.
  private enum Step {
    case run(LoadJob)
    case refuse(LoadJob, ServingError)
    /// Let go of these and look again.
    case drop([HostedModel])
    case ask(bytes: Int)
    case rest
  }

  /// Changes the state and starts the jobs for which there is memory and a thread.
  private func start(_ change: (inout State) -> Void = { _ in }) {
    state.withLock { change(&$0) }
    while true {
      switch state.withLock({ next(&$0) }) {
      case .run(let job): run(job)
      case .refuse(let job, let error): fail(job, error)
      case .drop(let victims): tell(evicted: victims)
      case .ask(let bytes): send(.need(bytes: bytes))
      case .rest: return
      }
    }
  }

  private func next(_ state: inout State) -> Step {
    settle(&state)
    guard state.running < configuration.loaders, var job = state.starved.first ?? state.jobs.first else {
      return .rest
    }
    let isStarved = !state.starved.isEmpty
    let wanted = estimate(job.source, state)
    if wanted > configuration.mostModelBytes {
      if isStarved { state.starved.removeFirst() } else { state.jobs.removeFirst() }
      return .refuse(job, .modelTooLarge(job.source.name, limit: configuration.mostModelBytes))
    }
    if state.baseline == nil { state.baseline = ProcessMemory.anonymousBytes }
    func reserve() -> Step {
      if !state.starved.isEmpty { state.starved.removeFirst() } else { state.jobs.removeFirst() }
      state.ledger.used += wanted
      job.reserved = wanted
      state.running += 1
      return .run(job)
    }
    if state.ledger.total + wanted <= state.ledger.lease { return reserve() }
    if !isStarved {
      state.jobs.removeFirst()
      state.starved.append(job)
    }
    // First the flag, then the look: what comes free in between is seen by one of the two.
    isAwaited.store(true, ordering: .sequentiallyConsistent)
    settle(&state)
    if state.ledger.total + wanted <= state.ledger.lease { return .drop([]) }
    let missing = state.ledger.staying + wanted - state.ledger.lease
    if missing <= 0 { return .rest }
    // Busy ones are dropped only where the idle ones do not do; their memory comes when their calls have ended.
    let idle = evictableBytes(state, isIdle: true)
    if missing <= idle { return .drop(evict(missing, &state, isIdle: true)) }
    let all = evictableBytes(state, isIdle: false)
    if missing <= all { return .drop(evict(missing, &state, isIdle: false)) }
    // The allocator's own pages are a reason to drop models, not one to refuse them.
    let short = missing - all - state.ledger.overhead
    if short <= 0, all > 0 { return .drop(evict(all, &state, isIdle: false)) }
    if state.ledger.used + wanted <= state.ledger.lease { return reserve() }
    if short <= 0 || state.hasAsked { return .rest }
    state.hasAsked = true
    return .ask(bytes: short)
  }

  /// Takes what has come free off the ledger.
  private func settle(_ state: inout State) {
    let bytes = freed.exchange(0, ordering: .sequentiallyConsistent)
    state.ledger.used -= bytes
    state.ledger.dying -= bytes
  }

  /// Bytes that a model is going to take, before it is loaded: what it took last time, or a little more than its file.
  private func estimate(_ source: ModelSource, _ state: State) -> Int {
    if let known = state.known[source.digest] { return known }
    let bytes = Double(source.bytes) * state.ratio + 65_536
    return bytes < 1e18 ? Int(bytes) : .max
  }

  private func run(_ job: LoadJob) {
    Thread.start(stackSize: 8 << 20) { [self] in
      // Requests for models that are here go first.
      Thread.yieldToOthers()
      do throws(ServingError) {
        finish(job, try loaded(job.source))
      } catch {
        start {
          $0.ledger.used -= job.reserved
          $0.running -= 1
          if case .prepare(let id) = job.goal { $0.discarded.remove(id) }
        }
        fail(job, error)
        trimSoon()
      }
    }
  }

  private func loaded(_ source: ModelSource) throws(ServingError) -> HostedModel {
    let began = ContinuousClock.now
    let service = try load(source)
    return hosted(source, service, microseconds: Int((ContinuousClock.now - began) / .microseconds(1)))
  }

  private func finish(_ job: LoadJob, _ model: HostedModel) {
    let bytes = model.service.memory.total
    var waiting: [Completion] = []
    var victims: [HostedModel] = []
    let (reply, refusal, old): (HostReply?, ServingError?, HostedModel?) = state.withLock { state in
      state.running -= 1
      state.ledger.used += bytes - job.reserved
      if state.known.count > 100_000 { state.known = [:] }
      state.known[job.source.digest] = bytes
      var refusal: ServingError?
      // What every model takes says nothing of what a large one does.
      if job.source.bytes >= 1 << 16 {
        let ratio = Double(max(bytes - 65_536, 0)) / Double(job.source.bytes)
        state.ratio = min(max(ratio, state.ratio * 0.9 + ratio * 0.1, 1), 4)
      }
      if bytes > configuration.mostModelBytes {
        refusal = .modelTooLarge(job.source.name, limit: configuration.mostModelBytes)
      }
      settle(&state)
      let excess = state.ledger.staying - state.ledger.lease
      if refusal == nil, bytes > job.reserved, excess > 0 {
        if excess <= evictableBytes(state, isIdle: true) {
          victims = evict(excess, &state, isIdle: true)
        } else {
          // It takes more than was thought: now that this is known it queues again.
          state.ledger.dying += bytes
          state.starved.insert(LoadJob(source: job.source, goal: job.goal), at: 0)
          return (nil, nil, nil)
        }
      }
      switch job.goal {
      case .serve where refusal == nil:
        // In one step: the model could be evicted before those who wait for it have it.
        waiting = state.waiting.removeValue(forKey: job.source.name) ?? []
        return (place(model, &state), nil, state.replaced.popLast())
      case .prepare(let id) where refusal == nil:
        let resident = state.residents[job.source.name]?.model
        if !configuration.allowsSignatureChange,
          let reason = resident?.service.signature.reasonAgainst(model.service.signature)
        {
          refusal = .signatureChanged(reason)
        } else if state.discarded.remove(id) == nil {
          state.prepared[id] = model
          return (.prepared(id: id, memory: model.service.memory, microseconds: model.microseconds), nil, nil)
        }
      case .serve, .prepare: break
      }
      state.ledger.dying += bytes
      return (nil, refusal, nil)
    }
    withExtendedLifetime(old) {}
    if let reply { send(reply) }
    tell(evicted: victims)
    if let refusal { fail(job, refusal) }
    for completion in waiting { completion(.success(model)) }
    trimSoon()
    start()
  }

  private func fail(_ job: LoadJob, _ error: ServingError) {
    switch job.goal {
    case .serve:
      send(.loadFailed(name: job.source.name, error))
      fail(job.source.name, error)
    case .prepare(let id): send(.refused(id: id, error))
    }
  }

  private func fail(_ name: String, _ error: ServingError) {
    let waiting = state.withLock { state in
      if error.code == .modelLoadFailed {
        if state.failures.count > 10_000 { state.failures = [:] }
        state.failures[name] = (error, WallClock.milliseconds + configuration.failurePause)
      }
      return state.waiting.removeValue(forKey: name) ?? []
    }
    for completion in waiting { completion(.failure(error)) }
  }
}

// MARK: - Memory

extension WorkerHost {
  /// Whether a model may be dropped for others.
  private func isEvictable(_ resident: Resident, isIdle: Bool) -> Bool {
    if isIdle, resident.model.inFlight != 0 { return false }
    return !resident.model.source.isPinned && !configuration.pinned.contains(resident.model.source.name)
  }

  private func evictableBytes(_ state: State, isIdle: Bool) -> Int {
    var sum = 0
    for resident in state.residents.values where isEvictable(resident, isIdle: isIdle) {
      sum += resident.model.service.memory.total
    }
    return sum
  }

  /// Takes models of `bytes` in all out of the table, least recently used first.
  private func evict(_ bytes: Int, _ state: inout State, isIdle: Bool) -> [HostedModel] {
    var victims: [HostedModel] = []
    var sum = 0
    while sum < bytes {
      var oldest: Resident?
      for resident in state.residents.values
      where isEvictable(resident, isIdle: isIdle) && resident.lastUse < oldest?.lastUse ?? .max {
        oldest = resident
      }
      guard let oldest else { break }
      state.residents[oldest.model.source.name] = nil
      victims.append(oldest.model)
      sum += oldest.model.service.memory.total
    }
    state.ledger.dying += sum
    return victims
  }

  private func tell(evicted victims: [HostedModel]) {
    for victim in victims {
      counts.evicted()
      send(.gone(name: victim.source.name))
    }
    if !victims.isEmpty { trimSoon() }
  }

  /// Gives freed memory back before long, once for all that comes free until then.
  private func trimSoon() {
    guard !isTrimming.exchange(true, ordering: .sequentiallyConsistent) else { return }
    Thread.start(stackSize: 256 << 10) { [self] in
      Thread.yieldToOthers()
      Thread.sleep(milliseconds: 400)
      isTrimming.store(false, ordering: .sequentiallyConsistent)
      trim()
      if configuration.loadsOnUse { measure() }
    }
  }

  /// Compares what the models should take with what the process does, and drops models where the lease is passed.
  private func measure() {
    let resident = ProcessMemory.anonymousBytes
    let victims = state.withLock { state in
      settle(&state)
      guard let baseline = state.baseline, resident > 0 else { return [HostedModel]() }
      var mapped = 0
      for resident in state.residents.values { mapped += resident.model.service.memory.mappedBytes }
      for model in state.prepared.values { mapped += model.service.memory.mappedBytes }
      state.ledger.overhead = max(0, resident - baseline - (state.ledger.used - mapped))
      return evict(state.ledger.staying - state.ledger.lease, &state, isIdle: true)
    }
    tell(evicted: victims)
    // What was found to be less than thought may let in who waits.
    start()
  }

  /// A model's last holder has let go, perhaps while it had the state locked: the rest happens elsewhere.
  private func released(_ bytes: Int) {
    freed.add(bytes, ordering: .sequentiallyConsistent)
    guard isAwaited.exchange(false, ordering: .sequentiallyConsistent) else { return }
    Thread.start(stackSize: 512 << 10) { [self] in
      let done = state.withLock { state in
        if !state.unloads.isEmpty { isAwaited.store(true, ordering: .sequentiallyConsistent) }
        let done = state.unloads.filter { $0.model == nil }
        state.unloads.removeAll { $0.model == nil }
        return done
      }
      if !done.isEmpty { trim() }
      for unload in done { send(.done(id: unload.id, bytes: unload.bytes)) }
      start()
    }
  }

  /// The supervisor has no more memory to give: what cannot be loaded within the lease is refused.
  private func refuseStarved() {
    let jobs = state.withLock { state in
      settle(&state)
      let room =
        state.ledger.lease - state.ledger.used + state.ledger.dying + evictableBytes(state, isIdle: false)
      let starved = state.starved.map { (job: $0, fits: estimate($0.source, state) <= room) }
      state.starved = starved.filter(\.fits).map(\.job)
      return starved.filter { !$0.fits }.map(\.job)
    }
    for job in jobs { fail(job, .noMemory(job.source.name)) }
  }
}
