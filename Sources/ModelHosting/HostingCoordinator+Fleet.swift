import JSONDocument
import ServingCore

// Models that are loaded on first use, or by hand.
extension HostingCoordinator {
  /// A request in `worker` names a model that is not there.
  mutating func want(_ name: String, _ worker: Int, _ actions: inout [Action]) {
    guard ready.contains(worker) || starting.contains(worker) else { return }
    if records.hasOtherSpelling(of: name) {
      return actions.append(.send(worker: worker, .loadNot(name: name, .otherSpelling(name))))
    }
    if let record = records[name], let current = record.current,
      !record.holders.isEmpty || record.isExplicit || current.keeper != nil
    {
      // All workers serve the generation that was accepted last, also where those that had it have died.
      return load(name, current, on: worker, &actions)
    }
    guard configuration.hasStore else {
      return actions.append(.send(worker: worker, .loadNot(name: name, .modelNotLoaded(name))))
    }
    fetch(name, for: worker, &actions)
  }

  /// Asks the store for what a request wants. What was begun before an unload or a refresh was answered is not shared.
  private mutating func fetch(_ name: String, for worker: Int, _ actions: inout [Action]) {
    records[name, default: Record()].wanting.insert(worker)
    let isFresh = outdated.contains { jobs[$0]?.job.name == name }
    _ = ask(.fetch(name: name, isFresh: isFresh), for: worker, &actions)
  }

  /// What the store is being asked about a model may be answered with what it had before.
  mutating func outdate(_ name: String) {
    for (number, entry) in jobs where entry.job.name == name { outdated.insert(number) }
  }

  /// The store's answer to an outdated job of a worker: a load by hand ends with that, a call asks again.
  mutating func askAgain(_ name: String, _ worker: Int, isByHand: Bool, _ actions: inout [Action]) {
    records[name]?.wanting.remove(worker)
    guard ready.contains(worker) || starting.contains(worker) else { return forgetIfUnused(name) }
    if isByHand { return forgetIfUnused(name) }
    want(name, worker, &actions)
  }

  mutating func load(_ name: String, _ artifact: ModelArtifact, on worker: Int, _ actions: inout [Action]) {
    // The load under way answers all who wait for the model there.
    guard records[name, default: Record()].loading.insert(worker).inserted else { return }
    let isPinned = records[name]?.isExplicit == true && configuration.keepsExplicit
    actions.append(.send(worker: worker, .load(artifact.source(name, isPinned: isPinned))))
  }

  mutating func wanted(_ name: String, _ artifact: ModelArtifact, _ worker: Int, _ actions: inout [Action]) {
    records[name, default: Record()].wanting.remove(worker)
    // Another worker may have been given one meanwhile.
    let isShared = !(records[name]?.holders.isEmpty ?? true) || !(records[name]?.loading.isEmpty ?? true)
    if records[name]?.current == nil || !isShared && records[name]?.isChosen != true {
      records[name]?.current = artifact
      records[name]?.previous = artifact.previous
      records[name]?.isHeld = artifact.isPinned
    }
    // A worker that is starting takes requests already.
    guard ready.contains(worker) || starting.contains(worker), let current = records[name]?.current else {
      return forgetIfUnused(name)
    }
    load(name, current, on: worker, &actions)
  }

  mutating func wantedInVain(
    _ name: String, _ error: ServingError, _ worker: Int, isByHand: Bool, isFromURL: Bool, _ now: Duration,
    _ actions: inout [Action]
  ) {
    records[name]?.wanting.remove(worker)
    // Who loads by hand waits for no worker, and calls have asked on their own.
    if !isFromURL { actions.append(.send(worker: worker, .loadNot(name: name, error))) }
    if configuration.pinned.contains(name) {
      retries[name] = now + HostingCoordinator.pinnedRetry
      actions.append(
        .log(level: "error", "a pinned model cannot be loaded", ["model": name, "reason": error.message]))
    }
    // Somebody's first call of the same name is no answer to who loads it by hand from elsewhere.
    if isByHand || loads[name] == nil { loadEnded(name, error, &actions) }
    advance(name, now, &actions)
    forgetIfUnused(name)
  }

  mutating func resident(
    _ name: String, _ holder: Holder, _ worker: Int, _ now: Duration, _ actions: inout [Action]
  ) {
    if isLeaving(name, worker) { return }
    if configuration.isFleet, records[name] == nil {
      // Nobody counts it.
      return actions.append(.send(worker: worker, .unload(id: id(), name: name)))
    }
    let isSwitch = records[name]?.holders[worker] != nil
    records[name, default: Record()].holders[worker] = holder
    records[name]?.loading.remove(worker)
    if !isSwitch {
      counters.loads += 1
      counters.loadSeconds += Double(holder.microseconds) / 1e6
    }
    if configuration.isFleet, records[name]?.nextCheck == nil { schedule(name, now) }
    loadEnded(name, nil, &actions)
    if !configuration.isFleet, records[name]?.change == nil { publish(&actions) }
    advance(name, now, &actions)
  }

  /// A model that nobody has, loads or changes needs no record, unless the next call is to get another generation than the
  /// store's newest: the one that a rollback chose, or the one before a generation that was refused.
  mutating func forgetIfUnused(_ name: String) {
    guard configuration.isFleet, let record = records[name], record.holders.isEmpty, record.loading.isEmpty,
      record.wanting.isEmpty, record.change == nil, loads[name] == nil
    else { return }
    if record.current != nil, record.isExplicit || record.isChosen { return }
    records[name] = nil
  }

  mutating func preload(_ name: String, _ actions: inout [Action]) {
    retries[name] = nil
    let home = ModelName.home(name, workers: configuration.workers)
    records[name, default: Record()].isExplicit = true
    records[name]?.wanting.insert(home)
    _ = ask(.fetch(name: name, isFresh: false), for: home, &actions)
  }

  // MARK: by hand

  mutating func load(_ name: String, _ url: String, _ command: Int, _ actions: inout [Action]) {
    guard configuration.isFleet else {
      return answer(
        command, ServingError(.conflict, "This server has one model; start it with --models to have several."), &actions
      )
    }
    let name = ModelName.canonical(name)
    guard ModelName.isValid(name) else { return answer(command, .invalidModelName(name), &actions) }
    if records.hasOtherSpelling(of: name) { return answer(command, .otherSpelling(name), &actions) }
    if let record = records[name], !record.holders.isEmpty || record.isExplicit || loads[name] != nil {
      return answer(
        command, ServingError(.conflict, "The model \(ServingError.shown(name)) is loaded already."), &actions)
    }
    if let record = records[name], !record.loading.isEmpty || !record.wanting.isEmpty {
      return answer(
        command, ServingError(.conflict, "The model \(ServingError.shown(name)) is being loaded for a call."), &actions)
    }
    // One that is starting loads it when it is up.
    let own = ModelName.home(name, workers: configuration.workers)
    guard let home = ready.union(starting).contains(own) ? own : ready.min() else {
      return answer(command, ServingError(.notReady, "The workers are starting; try again."), &actions)
    }
    loads[name] = command
    records[name, default: Record()].isExplicit = true
    records[name]?.url = url
    records[name]?.wanting.insert(home)
    _ = ask(.fetchFrom(name: name, url: url), for: home, &actions)
  }

  /// A load that a command waits for has ended.
  mutating func loadEnded(_ name: String, _ error: ServingError?, _ actions: inout [Action]) {
    if error != nil, records[name]?.holders.isEmpty ?? true {
      records[name]?.isExplicit = false
      records[name]?.url = nil
    }
    guard let command = loads.removeValue(forKey: name) else { return }
    if let error { return answer(command, error, &actions) }
    actions.append(
      .answer(
        command: command,
        .json(["modelName": .string(name), "modelUrl": .string(records[name]?.current?.url ?? "")])))
  }

  mutating func unload(_ name: String, _ command: Int, _ now: Duration, _ actions: inout [Action]) {
    guard configuration.isFleet else {
      return answer(
        command, ServingError(.conflict, "This server has one model; it goes when the server stops."), &actions)
    }
    let name = ModelName.canonical(name)
    guard let record = records[name], !record.holders.isEmpty || record.isExplicit else {
      return answer(command, .modelNotLoaded(name), &actions)
    }
    let unloaded = ServingError(.conflict, "The model \(ServingError.shown(name)) was unloaded.")
    for waiting in record.nextCommands { answer(waiting, unloaded, &actions) }
    records[name]?.nextCommands = []
    if record.change != nil { fail(name, .init(unloaded, isTransient: false), now, &actions) }
    if let load = loads.removeValue(forKey: name) { answer(load, unloaded, &actions) }
    let number = id()
    let workers = Set(record.holders.keys).union(record.loading)
    unloads[number] = Unload(command: command, name: name, holding: workers, waiting: workers)
    records[name] = nil
    // What a rollback chose is not undone by it; what was refused may have been mended.
    if record.isHeld {
      var held = Record()
      (held.current, held.previous, held.isHeld) = (record.current, record.previous, true)
      (held.url, held.lastRefresh) = (record.url, record.lastRefresh)
      records[name] = held
    }
    outdate(name)
    for worker in workers.sorted() { actions.append(.send(worker: worker, .unload(id: number, name: name))) }
    finishUnload(number, &actions)
  }

  /// Whether what a worker says of a model was said before it was told to unload it.
  func isLeaving(_ name: String, _ worker: Int) -> Bool {
    unloads.values.contains { $0.name == name && $0.holding.contains(worker) }
  }

  mutating func finishUnload(_ id: Int, _ actions: inout [Action]) {
    guard let unload = unloads[id], unload.waiting.isEmpty else { return }
    unloads[id] = nil
    actions.append(
      .answer(
        command: unload.command,
        .json(["modelName": .string(unload.name), "result": "unloaded", "freedBytes": .number(unload.bytes)])))
  }
}

/// Shares the memory budget among the workers: each has a lease, and one that cannot do with its own gets what others can
/// spare.
struct LeaseBroker: Sendable {
  private var leases: [Int]
  private var queue: [Request] = []
  /// Negative, so that it meets none of the coordinator's.
  private var id = 0

  private struct Request: Sendable {
    var worker: Int
    var missing: Int
    /// Those not asked yet.
    var donors: [Int]
    var asked: (id: Int, worker: Int)?
  }

  init(budget: Int, workers: Int) {
    leases = Array(repeating: HostingCoordinator.firstLease(budget: budget, workers: workers), count: workers)
  }

  func lease(of worker: Int) -> Int { leases[worker] }

  /// A worker lacks so many bytes.
  mutating func need(
    _ worker: Int, _ bytes: Int, donors: Set<Int>
  ) -> [HostingCoordinator.Action] {
    let others = donors.subtracting([worker]).sorted { leases[$0] > leases[$1] }
    queue.append(Request(worker: worker, missing: bytes, donors: others))
    // What the others have together may not do: then nobody evicts anything for it.
    if others.reduce(0, { $0 + leases[$1] }) < bytes { queue[queue.count - 1].donors = [] }
    return queue.count == 1 ? advance() : []
  }

  /// `nil` when the id is none of the broker's.
  mutating func done(_ id: Int, _ worker: Int, _ bytes: Int) -> [HostingCoordinator.Action]? {
    guard let asked = queue.first?.asked, asked.id == id, asked.worker == worker else { return nil }
    give(bytes, from: worker)
    return advance()
  }

  mutating func gone(_ worker: Int) -> [HostingCoordinator.Action] {
    queue.removeAll { $0.worker == worker && $0.asked == nil }
    for index in queue.indices { queue[index].donors.removeAll { $0 == worker } }
    guard queue.first?.asked?.worker == worker else { return [] }
    queue[0].asked = nil
    return advance()
  }

  private mutating func give(_ bytes: Int, from worker: Int) {
    let given = max(0, min(bytes, leases[worker]))
    leases[worker] -= given
    leases[queue[0].worker] += given
    queue[0].missing -= given
    queue[0].asked = nil
  }

  private mutating func advance() -> [HostingCoordinator.Action] {
    guard var request = queue.first else { return [] }
    if request.missing > 0, let donor = request.donors.first {
      request.donors.removeFirst()
      id -= 1
      request.asked = (id, donor)
      queue[0] = request
      return [.send(worker: donor, .shrink(id: id, bytes: request.missing))]
    }
    queue.removeFirst()
    return [
      .send(worker: request.worker, .lease(bytes: leases[request.worker], isFinal: request.missing > 0))
    ] + advance()
  }
}
