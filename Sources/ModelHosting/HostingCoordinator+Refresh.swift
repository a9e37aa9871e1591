import JSONDocument
import ServingCore

// A model's change from one generation to the next.
extension HostingCoordinator {
  mutating func poll(_ name: String, _ now: Duration, _ actions: inout [Action]) {
    guard let record = records[name] else { return }
    if record.url != nil || record.isHeld || isCopying || record.holders.isEmpty || record.current == nil {
      schedule(name, now)
      return
    }
    let job = ask(.check(name: name), &actions)
    begin(Change(cause: .poll, stage: .checking(job: job), began: now), name)
  }

  mutating func begin(_ change: Change, _ name: String) {
    records[name]?.change = change
    changing.insert(name)
  }

  /// Lets the next call load what the store has.
  private mutating func release(_ name: String, _ actions: inout [Action]) {
    guard let record = records[name], record.holders.isEmpty, record.loading.isEmpty, record.change == nil else {
      return
    }
    if record.isHeld { _ = ask(.pin(name: name, digest: nil), &actions) }
    outdate(name)
    records[name]?.current = nil
    forgetIfUnused(name)
  }

  mutating func refresh(_ name: String, _ command: Int, _ now: Duration, _ actions: inout [Action]) {
    if let record = records[name], configuration.isFleet, !record.isExplicit, record.holders.isEmpty,
      record.loading.isEmpty, record.wanting.isEmpty, record.change == nil
    {
      // What a rollback chose is there until now, and nobody has it loaded.
      release(name, &actions)
      return answer(command, .modelNotLoaded(name), &actions)
    }
    if records[name]?.change == nil, !isCopying {
      let url = records[name]?.url
      let job = ask(url.map { .fetchFrom(name: name, url: $0) } ?? .fetch(name: name, isFresh: true), &actions)
      records[name]?.commands = [command]
      begin(Change(cause: .command, stage: .fetching(job: job), began: now), name)
    } else {
      // What is under way may have read the store before this command was given.
      records[name]?.nextCommands.append(command)
    }
  }

  mutating func rollback(
    _ name: String, _ version: String?, _ command: Int, _ now: Duration, _ actions: inout [Action]
  ) {
    guard let record = records[name], let current = record.current else { return }
    if record.change != nil || isCopying {
      return answer(
        command,
        ServingError(.conflict, "A new generation of \"\(name)\" is on its way; try again when it has ended."), &actions
      )
    }
    let chosen: ModelArtifact?
    if let version {
      chosen =
        record.previous.first { $0.version == version || $0.digest == version }
        ?? record.previous.first { version.utf8.count >= 7 && $0.digest.hasPrefix(version) }
    } else {
      chosen = record.previous.first { !$0.isRolledBack }
    }
    guard let chosen, chosen.digest != current.digest else {
      let known = record.previous.map { $0.version ?? String($0.digest.prefix(12)) }
      return answer(
        command,
        ServingError(
          .conflict,
          version.map { "There is no previous generation \"\($0.prefix(100))\" of \"\(name)\" here." }
            ?? "There is no generation of \"\(name)\" before this one here.",
          expected: known.isEmpty ? nil : "one of \(known.joined(separator: ", "))"), &actions)
    }
    records[name]?.commands = [command]
    begin(Change(cause: .rollback, stage: .fetching(job: 0), began: now), name)
    prepare(name, chosen, now, &actions)
  }

  // MARK: stages

  mutating func checked(_ name: String, _ fingerprint: String, _ now: Duration, _ actions: inout [Action]) {
    guard let record = records[name], case .checking? = record.change?.stage else { return }
    if fingerprint == record.current?.fingerprint || fingerprint == record.rejected {
      records[name]?.change = nil
      schedule(name, now)
      next(name, now, &actions)
      return forgetIfUnused(name)
    }
    let job = ask(.fetch(name: name, isFresh: true), &actions)
    records[name]?.change?.fingerprint = fingerprint
    records[name]?.change?.stage = .fetching(job: job)
  }

  mutating func fetched(_ name: String, _ artifact: ModelArtifact, _ now: Duration, _ actions: inout [Action]) {
    guard let record = records[name], case .fetching? = record.change?.stage else { return }
    // A fleet's model that nobody has loaded yet may turn out not to load.
    let isProven =
      !configuration.isFleet || record.holders.values.contains { $0.digest == artifact.digest } || record.url != nil
    if artifact.digest == record.current?.digest, isProven {
      // The same bytes under another name or time: the name is remembered, nothing is loaded.
      var same = artifact
      same.path = record.current?.path ?? artifact.path
      same.keeper = record.current?.keeper
      records[name]?.current = same
      return succeed(name, "unchanged", now, &actions)
    }
    prepare(name, artifact, now, &actions)
  }

  private mutating func prepare(_ name: String, _ artifact: ModelArtifact, _ now: Duration, _ actions: inout [Action]) {
    let number = id()
    let workers = Set(records[name]?.holders.keys.map { $0 } ?? [])
    records[name]?.change?.stage = .preparing(
      artifact, id: number, waiting: workers, ready: [], until: now + configuration.prepareDeadline)
    for worker in workers.sorted() {
      actions.append(.send(worker: worker, .prepare(id: number, artifact.source(name))))
    }
    advance(name, now, &actions)
  }

  /// Goes on as far as what is known allows.
  mutating func advance(_ name: String, _ now: Duration, _ actions: inout [Action]) {
    guard let record = records[name] else { return }
    switch record.change?.stage {
    case .preparing(let artifact, let id, var waiting, let done, let until)?:
      // A worker that came up meanwhile has the old generation.
      let late = Set(record.holders.keys).subtracting(waiting).subtracting(done)
      for worker in late.sorted() {
        actions.append(.send(worker: worker, .prepare(id: id, artifact.source(name))))
      }
      waiting.formUnion(late)
      records[name]?.change?.stage = .preparing(artifact, id: id, waiting: waiting, ready: done, until: until)
      let isComplete = waiting.isEmpty && record.loading.isEmpty && record.wanting.isEmpty
      guard isComplete else { return }
      if !done.isEmpty {
        commit(name, artifact, id, done, now, &actions)
      } else if configuration.isFleet, record.isExplicit {
        commit(name, artifact, id, done, now, &actions)
      } else if configuration.isFleet {
        // Everybody has dropped it: the next call loads what the store has.
        let reason = "The model \(ServingError.shown(name)) was evicted meanwhile; a call loads it again."
        let isRefresh = record.change?.cause == .command
        fail(name, StoreFailure(ServingError(.conflict, reason), isTransient: true), now, &actions)
        if isRefresh { release(name, &actions) } else { forgetIfUnused(name) }
      }
    case .committing(_, let waiting)?
    where waiting.isEmpty && record.loading.isEmpty && record.change?.pinJob == nil:
      succeed(name, "committed", now, &actions)
    case .committing?, .checking?, .fetching?, nil: break
    }
  }

  /// All have prepared it: from here on there is no way back, and workers that start load it.
  private mutating func commit(
    _ name: String, _ artifact: ModelArtifact, _ id: Int, _ workers: Set<Int>, _ now: Duration,
    _ actions: inout [Action]
  ) {
    guard var record = records[name] else { return }
    let isRollback = record.change?.cause == .rollback
    record.previous.removeAll { $0.digest == artifact.digest }
    // One that was used where it lay is not there any more.
    if var old = record.current, old.keeper != nil {
      old.previous = []
      old.isRolledBack = isRollback
      record.previous.removeAll { $0.digest == artifact.digest || $0.digest == old.digest }
      if isRollback { record.previous.append(old) } else { record.previous.insert(old, at: 0) }
    }
    while record.previous.count > configuration.keptGenerations { record.previous.removeLast() }
    record.current = artifact
    record.current?.previous = []
    record.current?.isRolledBack = false
    record.isHeld = isRollback
    record.change?.stage = .committing(id: id, waiting: workers)
    records[name] = record
    if !configuration.isFleet { actions.append(.serve(artifact.source(name))) }
    let pin = ask(.pin(name: name, digest: isRollback ? artifact.digest : nil), &actions)
    if isRollback { records[name]?.change?.pinJob = pin }
    if !configuration.isFleet { _ = ask(.accept(name: name, digest: artifact.digest), &actions) }
    for worker in workers.sorted() { actions.append(.send(worker: worker, .commit(id: id))) }
    advance(name, now, &actions)
  }

  mutating func prepared(_ id: Int, _ worker: Int, _ now: Duration, _ actions: inout [Action]) {
    for (name, record) in records {
      guard case .preparing(let artifact, id, var waiting, var done, let until)? = record.change?.stage else {
        continue
      }
      waiting.remove(worker)
      done.insert(worker)
      records[name]?.change?.stage = .preparing(artifact, id: id, waiting: waiting, ready: done, until: until)
      return advance(name, now, &actions)
    }
    actions.append(.send(worker: worker, .discard(id: id)))
  }

  mutating func refused(
    _ id: Int, _ worker: Int, _ error: ServingError, _ now: Duration, _ actions: inout [Action]
  ) {
    for (name, record) in records {
      guard case .preparing(let artifact, id, var waiting, let done, let until)? = record.change?.stage else {
        continue
      }
      waiting.remove(worker)
      records[name]?.change?.stage = .preparing(artifact, id: id, waiting: waiting, ready: done, until: until)
      // Memory may come free.
      return fail(
        name, StoreFailure(error, isTransient: error.code == .insufficientStorage), now, &actions)
    }
  }

  mutating func committed(_ id: Int, _ worker: Int, _ now: Duration, _ actions: inout [Action]) {
    for (name, record) in records {
      guard case .committing(id, var waiting)? = record.change?.stage else { continue }
      waiting.remove(worker)
      records[name]?.change?.stage = .committing(id: id, waiting: waiting)
      return advance(name, now, &actions)
    }
  }

  // MARK: ends

  private mutating func succeed(_ name: String, _ result: String, _ now: Duration, _ actions: inout [Action]) {
    guard var record = records[name], let change = record.change, let current = record.current else { return }
    let isRollback = change.cause == .rollback
    let word = isRollback && result == "committed" ? "rolled_back" : result
    if change.cause == .command, result == "unchanged", record.isHeld {
      record.isHeld = false
      _ = ask(.pin(name: name, digest: nil), &actions)
    }
    record.change = nil
    record.lastError = nil
    record.rejected = nil
    record.lastRefresh = (word, WallClock.milliseconds)
    let commands = record.commands
    record.commands = []
    records[name] = record
    counters.refreshes[word, default: 0] += 1
    let seconds = (now - change.began) / .seconds(1)
    if result != "unchanged" || change.cause != .poll {
      actions.append(
        .log(
          level: "info", isRollback ? "rolled back" : result == "committed" ? "refreshed" : "refresh: nothing new",
          fields(name, current, ["seconds": "\(seconds)"])))
    }
    if configuration.isFleet, change.cause != .poll, record.url == nil { outdate(name) }
    for command in commands {
      actions.append(
        .answer(
          command: command,
          .json([
            "modelName": .string(name), "result": .string(word),
            "version": current.version.map { .string($0) } ?? .null, "digest": .string(current.digest),
            "seconds": .number(seconds),
          ])))
    }
    schedule(name, now)
    publish(&actions)
    next(name, now, &actions)
  }

  /// Nobody switches: the generation that serves goes on.
  mutating func fail(_ name: String, _ failure: StoreFailure, _ now: Duration, _ actions: inout [Action]) {
    guard var record = records[name], let change = record.change else { return }
    switch change.stage {
    case .preparing(let artifact, let id, let waiting, let done, _):
      for worker in waiting.union(done).sorted() { actions.append(.send(worker: worker, .discard(id: id))) }
      if !failure.isTransient { record.rejected = artifact.fingerprint }
    case .fetching:
      // A refresh by hand knows no fingerprint before it has fetched.
      let isGone = failure.error.code == .notFound || failure.error.code == .forbidden
      if !failure.isTransient, !isGone { record.rejected = change.fingerprint ?? record.rejected ?? "" }
    case .checking, .committing: break
    }
    let isNews = record.lastError != failure.reason || change.cause != .poll
    record.change = nil
    record.lastError = failure.reason
    record.lastRefresh = ("failed", WallClock.milliseconds)
    let commands = record.commands
    record.commands = []
    records[name] = record
    counters.refreshes["failed", default: 0] += 1
    if isNews {
      actions.append(
        .log(
          level: failure.error.code == .conflict ? "info" : "error", "refresh failed; the generation before goes on",
          ["model": name, "reason": failure.error.message, "code": failure.error.code.rawValue]))
    }
    // What the store says of an artifact is no answer to whether the server has such a model.
    var error = failure.error
    if error.code == .notFound || error.code == .forbidden, change.cause == .command, record.current != nil {
      error.code = .modelLoadFailed
    }
    for command in commands { answer(command, error, &actions) }
    schedule(name, now)
    publish(&actions)
    next(name, now, &actions)
    forgetIfUnused(name)
  }

  /// Commands that came during a change.
  mutating func next(_ name: String, _ now: Duration, _ actions: inout [Action]) {
    guard records[name]?.change == nil, !isCopying, let commands = records[name]?.nextCommands,
      let first = commands.first
    else { return }
    records[name]?.nextCommands = []
    refresh(name, first, now, &actions)
    if records[name]?.change != nil {
      records[name]?.commands += commands.dropFirst()
    } else {
      for command in commands.dropFirst() { answer(command, .modelNotLoaded(name), &actions) }
    }
  }

  func fields(_ name: String, _ artifact: ModelArtifact, _ more: [String: String] = [:]) -> [String: String] {
    var fields = ["model": name, "digest": String(artifact.digest.prefix(12))]
    if let version = artifact.version { fields["version"] = version }
    fields.merge(more) { a, _ in a }
    return fields
  }
}
