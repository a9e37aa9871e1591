import JSONDocument
import ServingCore

// What the store and the workers answer.
extension HostingCoordinator {
  mutating func take(
    _ result: StoreResult, _ job: Int, _ asked: StoreJob, _ worker: Int?, _ now: Duration, _ actions: inout [Action]
  ) {
    if outdated.remove(job) != nil, let worker {
      var isByHand = false
      if case .fetchFrom = asked { isByHand = true }
      return askAgain(asked.name, worker, isByHand: isByHand, &actions)
    }
    switch (asked, result) {
    case (.fetchFirst(let name), .artifact(let artifact)): fetchedFirst(name, artifact, now, &actions)
    case (.fetchFirst, .failed(let failure)): notFetchedFirst(failure, now, &actions)
    case (.check(let name), .fingerprint(let text)):
      if isAwaited(job, name) { checked(name, text, now, &actions) }
    case (.fetch(let name, _), .artifact(let artifact)), (.fetchFrom(let name, _), .artifact(let artifact)):
      if let worker {
        wanted(name, artifact, worker, &actions)
      } else if isAwaited(job, name) {
        fetched(name, artifact, now, &actions)
      }
    case (.check(let name), .failed(let failure)), (.fetch(let name, _), .failed(let failure)),
      (.fetchFrom(let name, _), .failed(let failure)):
      if let worker {
        var isFromURL = false
        if case .fetchFrom = asked { isFromURL = true }
        wantedInVain(
          name, failure.error, worker, isByHand: isFromURL || configuration.pinned.contains(name),
          isFromURL: isFromURL, now, &actions)
      } else if isAwaited(job, name) {
        fail(name, failure, now, &actions)
      }
    case (.copy(let name), .artifact(let artifact)):
      isCopying = false
      copied(name, artifact, &actions)
      next(name, now, &actions)
    case (.copy(let name), .failed(let failure)) where failure.isTransient:
      // It was replaced while it was loaded: workers may have different ones.
      isCopying = false
      if let record = records[name], record.change == nil {
        let job = ask(.fetch(name: name, isFresh: true), &actions)
        let commands = record.nextCommands
        records[name]?.nextCommands = []
        records[name]?.commands = commands
        begin(Change(cause: commands.isEmpty ? .poll : .command, stage: .fetching(job: job), began: now), name)
      }
    case (.copy(let name), .failed(let failure)):
      isCopying = false
      defer { next(name, now, &actions) }
      actions.append(
        .log(
          level: "notice", "the model is not copied: a refresh cannot be rolled back",
          ["reason": failure.error.message]))
    case (.catalogue, _): listed(job, result, &actions)
    case (.pin(let name, _), .done):
      if records[name]?.change?.pinJob == job {
        records[name]?.change?.pinJob = nil
        advance(name, now, &actions)
      }
    case (.pin(let name, _), .failed(let failure)):
      if records[name]?.change?.pinJob == job {
        records[name]?.change?.pinJob = nil
        advance(name, now, &actions)
      }
      actions.append(
        .log(
          level: "warning", "the choice of the generation is not remembered beyond a restart",
          ["reason": failure.error.message]))
    default: break
    }
  }

  /// The copy of the model that serves takes its place for workers that start.
  private mutating func copied(_ name: String, _ artifact: ModelArtifact, _ actions: inout [Action]) {
    guard let record = records[name], let current = record.current, current.keeper == nil, record.change == nil
    else { return }
    records[name]?.current = artifact
    _ = ask(.accept(name: name, digest: artifact.digest), &actions)
    actions.append(.serve(artifact.source(name)))
    publish(&actions)
  }

  /// Whether a model's change waits for this job: an unload may have ended the one that asked for it.
  private func isAwaited(_ job: Int, _ name: String) -> Bool {
    switch records[name]?.change?.stage {
    case .checking(job)?, .fetching(job)?: true
    case .checking?, .fetching?, .preparing?, .committing?, nil: false
    }
  }

  private mutating func fetchedFirst(
    _ name: String, _ artifact: ModelArtifact, _ now: Duration, _ actions: inout [Action]
  ) {
    guard firstFetch != nil else { return }
    firstFetch = nil
    if let warning = artifact.warning {
      actions.append(
        .log(
          level: "warning", "the store does not answer; serving from the cache",
          fields(name, artifact, ["reason": warning])))
      records[name]?.lastError = warning
    } else {
      actions.append(.log(level: "info", "fetched", fields(name, artifact, ["bytes": "\(artifact.bytes)"])))
    }
    records[name]?.current = artifact
    records[name]?.previous = artifact.previous
    records[name]?.isHeld = artifact.isPinned
    schedule(name, now)
    actions.append(.waitFor(nil))
    actions.append(.serve(artifact.source(name)))
    publish(&actions)
  }

  mutating func notFetchedFirst(_ failure: StoreFailure, _ now: Duration, _ actions: inout [Action]) {
    guard let first = firstFetch else { return }
    guard failure.isTransient, now < first.until else {
      firstFetch = nil
      actions.append(.giveUp(failure))
      return
    }
    let pause = min(first.pause * configuration.jitter(), first.until - now)
    firstFetch?.retryAt = now + pause
    firstFetch?.reason = failure.error.message
    firstFetch?.pause = min(first.pause * 2, .seconds(15))
    actions.append(.waitFor("The model cannot be fetched yet: \(failure.reason)"))
    actions.append(
      .log(
        level: "warning", "the model cannot be fetched yet; trying again", ["reason": failure.error.message]))
  }

  mutating func take(_ reply: HostReply, _ worker: Int, _ now: Duration, _ actions: inout [Action]) {
    switch reply {
    case .prepared(let id, _, _): prepared(id, worker, now, &actions)
    case .refused(let id, let error): refused(id, worker, error, now, &actions)
    case .done(let id, let bytes):
      if let more = broker.done(id, worker, bytes) { return actions += more }
      if unloads[id] != nil {
        unloads[id]?.waiting.remove(worker)
        unloads[id]?.bytes += bytes
        finishUnload(id, &actions)
      } else {
        committed(id, worker, now, &actions)
      }
    case .removed(let id): unloads[id]?.holding.remove(worker)
    case .want(let name): want(name, worker, &actions)
    case .resident(let name, let digest, let memory, let microseconds):
      resident(
        name, Holder(digest: digest, memory: memory, microseconds: microseconds, since: WallClock.milliseconds), worker,
        now, &actions)
    case .loadFailed(let name, _) where isLeaving(name, worker): break
    case .loadFailed(let name, let error):
      records[name]?.loading.remove(worker)
      records[name]?.lastError = error.message
      loadEnded(name, error, &actions)
      if let record = records[name], record.holders.isEmpty, record.loading.isEmpty, record.wanting.isEmpty,
        !record.isExplicit, !record.isChosen
      {
        records[name]?.current = nil
      }
      counters.loadFailures += 1
      if configuration.pinned.contains(name) { retries[name] = now + HostingCoordinator.pinnedRetry }
      actions.append(
        .log(level: "error", "a model cannot be loaded", ["model": name, "reason": error.message]))
      advance(name, now, &actions)
      forgetIfUnused(name)
    case .gone(let name) where isLeaving(name, worker): counters.evictions += 1
    case .gone(let name):
      records[name]?.holders[worker] = nil
      counters.evictions += 1
      advance(name, now, &actions)
      forgetIfUnused(name)
    case .need(let bytes):
      actions += broker.need(worker, bytes, donors: ready)
    case .report(let id, let models, let totals): reported(id, worker, models, totals, &actions)
    }
  }
}
