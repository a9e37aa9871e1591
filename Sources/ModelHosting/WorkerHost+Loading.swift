import ServingCore
import Synchronization

// Models on their way.
extension WorkerHost {
  /// What the state allows next.
  enum Step {
    case run(LoadJob)
    case refuse(LoadJob, ServingError)
    /// Let go of these and look again.
    case drop([HostedModel])
    case ask(bytes: Int)
    case rest
  }

  /// Changes the state and starts the jobs for which there is memory and a thread.
  func start(_ change: (inout State) -> Void = { _ in }) {
    state.withLock { change(&$0) }
    while true {
      switch state.withLock({ next(&$0) }) {
      case .run(let job): run(job)
      case .refuse(let job, let error): fail(job, error)
      case .drop(let victims): dropped(victims)
      case .ask(let bytes): say(.need(bytes: bytes))
      case .rest: return
      }
    }
  }

  func next(_ state: inout State) -> Step {
    settle(&state)
    guard state.running.count < configuration.loaders, var job = state.starved.first ?? state.jobs.first else {
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
      job.number = state.nextNumber
      state.nextNumber += 1
      state.running[job.number] = job
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
  func settle(_ state: inout State) {
    let bytes = freed.exchange(0, ordering: .sequentiallyConsistent)
    state.ledger.used -= bytes
    state.ledger.dying -= bytes
  }

  /// Bytes that a model is going to take, before it is loaded: what it took last time, or a little more than its file.
  func estimate(_ source: ModelSource, _ state: State) -> Int {
    if let known = state.known[source.digest] { return known }
    let bytes = Double(source.bytes) * state.ratio + 65_536
    return bytes < 1e18 ? Int(bytes) : .max
  }

  func run(_ job: LoadJob) {
    Thread.start(stackSize: 8 << 20) { [self] in
      // Requests for models that are here go first.
      Thread.yieldToOthers()
      do throws(ServingError) {
        finish(job, try loaded(job.source))
      } catch {
        var isOvertaken = false
        start {
          $0.ledger.used -= job.reserved
          $0.running[job.number] = nil
          isOvertaken = $0.overtaken.remove(job.number) != nil
          if case .prepare(let id) = job.goal { $0.discarded.remove(id) }
        }
        if !isOvertaken { fail(job, error) }
        trimSoon()
      }
    }
  }

  func loaded(_ source: ModelSource) throws(ServingError) -> HostedModel {
    let began = ContinuousClock.now
    let service = try load(source)
    return hosted(source, service, microseconds: Int((ContinuousClock.now - began) / .microseconds(1)))
  }

  func finish(_ job: LoadJob, _ model: HostedModel) {
    let bytes = model.service.memory.total
    var waiting: [Completion] = []
    var victims: [HostedModel] = []
    let (refusal, old): (ServingError?, HostedModel?) = state.withLock { state in
      // Until the end: its name is that of a model with a generation on its way.
      defer { state.running[job.number] = nil }
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
      var isUnwanted = state.overtaken.remove(job.number) != nil
      if case .prepare(let id) = job.goal, state.discarded.remove(id) != nil { isUnwanted = true }
      if isUnwanted {
        state.ledger.dying += bytes
        return (nil, nil)
      }
      let excess = state.ledger.staying - state.ledger.lease
      if refusal == nil, bytes > job.reserved, excess > 0 {
        if excess <= evictableBytes(state, isIdle: true) {
          victims = evict(excess, &state, isIdle: true)
        } else {
          // It takes more than was thought: now that this is known it queues again.
          state.ledger.dying += bytes
          state.starved.insert(LoadJob(source: job.source, goal: job.goal), at: 0)
          return (nil, nil)
        }
      }
      switch job.goal {
      case .serve where refusal == nil:
        // In one step: the model could be evicted before those who wait for it have it.
        waiting = state.waiting.removeValue(forKey: job.source.name) ?? []
        place(model, &state)
        return (nil, state.replaced.popLast())
      case .prepare(let id) where refusal == nil:
        let resident = state.residents[job.source.name]?.model
        if !configuration.allowsSignatureChange,
          let reason = resident?.service.signature.reasonAgainst(model.service.signature)
        {
          refusal = .signatureChanged(reason)
        } else {
          state.prepared[id] = model
          state.outbox.append(
            .prepared(id: id, memory: model.service.memory, microseconds: model.microseconds))
          return (nil, nil)
        }
      case .serve, .prepare: break
      }
      state.ledger.dying += bytes
      return (refusal, nil)
    }
    withExtendedLifetime(old) {}
    dropped(victims)
    if let refusal { fail(job, refusal) }
    for completion in waiting { completion(.success(model)) }
    trimSoon()
    start()
  }

  func fail(_ job: LoadJob, _ error: ServingError) {
    switch job.goal {
    case .serve:
      say(.loadFailed(name: job.source.name, error))
      fail(job.source.name, error)
    case .prepare(let id): say(.refused(id: id, error))
    }
  }

  func fail(_ name: String, _ error: ServingError) {
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
