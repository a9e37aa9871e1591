import Synchronization

// The memory that models take, and who goes when it is short.
extension WorkerHost {
  /// Whether a model may be dropped for others. One whose next generation is being prepared stays: it serves if that one is
  /// refused, and its signature is what that one's is compared with.
  func isEvictable(_ resident: Resident, _ changing: Set<String>, isIdle: Bool) -> Bool {
    if isIdle, resident.model.inFlight != 0 { return false }
    let source = resident.model.source
    return !source.isPinned && !configuration.pinned.contains(source.name) && !changing.contains(source.name)
  }

  /// Models with a generation on its way.
  func changing(_ state: State) -> Set<String> {
    var names = Set(state.prepared.values.map(\.source.name))
    for jobs in [state.jobs, state.starved, Array(state.running.values)] {
      for job in jobs { if case .prepare = job.goal { names.insert(job.source.name) } }
    }
    return names
  }

  func evictableBytes(_ state: State, isIdle: Bool) -> Int {
    let changing = changing(state)
    var sum = 0
    for resident in state.residents.values where isEvictable(resident, changing, isIdle: isIdle) {
      sum += resident.model.service.memory.total
    }
    return sum
  }

  /// Takes models of `bytes` in all out of the table, least recently used first.
  func evict(_ bytes: Int, _ state: inout State, isIdle: Bool) -> [HostedModel] {
    var victims: [HostedModel] = []
    var sum = 0
    guard bytes > 0 else { return [] }
    let changing = changing(state)
    while sum < bytes {
      var oldest: Resident?
      for resident in state.residents.values
      where isEvictable(resident, changing, isIdle: isIdle) && resident.lastUse < oldest?.lastUse ?? .max {
        oldest = resident
      }
      guard let oldest else { break }
      state.residents[oldest.model.source.name] = nil
      victims.append(oldest.model)
      sum += oldest.model.service.memory.total
      state.outbox.append(.gone(name: oldest.model.source.name))
      counts.evicted()
    }
    state.ledger.dying += sum
    return victims
  }

  /// Lets go of models that were evicted, outside of the lock, and says so.
  func dropped(_ victims: [HostedModel]) {
    speak()
    if !victims.isEmpty { trimSoon() }
  }

  /// Gives freed memory back before long, once for all that comes free until then.
  func trimSoon() {
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
  func measure() {
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
    dropped(victims)
    // What was found to be less than thought may let in who waits.
    start()
  }

  /// A model's last holder has let go, perhaps while it had the state locked: the rest happens elsewhere.
  func released(_ bytes: Int) {
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
      for unload in done { say(.done(id: unload.id, bytes: unload.bytes)) }
      start()
    }
  }

  /// The supervisor has no more memory to give: what cannot be loaded within the lease is refused.
  func refuseStarved() {
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
