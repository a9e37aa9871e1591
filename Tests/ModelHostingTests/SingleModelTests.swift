import JSONDocument
import ModelHosting
import ServingCore
import Testing

private let only = HostingCoordinator.onlyName
private let fresh = StoreJob.fetch(name: only, isFresh: true)
private let check = StoreJob.check(name: only)

@Suite struct SingleModelStart {
  @Test func `a model of this machine is served at once`() {
    var harness = Harness.single(interval: nil)
    harness.coordinator.adopt(artifact("a", version: "1"), at: .zero)
    harness.feed(.begin)
    #expect(
      harness.served
        == [ModelSource(name: only, path: "/cache/a", digest: "a", version: "1", bytes: 100)])
    #expect(harness.coordinator.served == harness.served.first)
    #expect(harness.jobs == [])
    #expect(harness.waits == [])
    // Nothing has happened that a ping could tell.
    #expect(harness.published.isEmpty)
    #expect(harness.coordinator.deadline == nil)
    harness.start(0, artifact("a"))
    // What serves is what the cache may fall back on, and once is enough.
    #expect(harness.jobs == [.accept(name: only, digest: "a")])
    harness.start(1, artifact("a"))
    #expect(harness.jobs.count == 1)
  }

  @Test func `a model of the store is fetched first`() {
    var harness = Harness.single()
    harness.feed(.begin)
    #expect(harness.served.isEmpty)
    #expect(harness.coordinator.served == nil)
    #expect(harness.waits == ["The model is being fetched."])
    let early = harness.command(.refresh(name: only))
    #expect(harness.failure(early)?.code == .notReady)
    let other = harness.command(.describe(name: "iris"))
    #expect(harness.failure(other)?.code == .notFound)
    #expect(harness.failure(other)?.expected == only)
    harness.store(harness.job(.fetchFirst(name: only)), .artifact(artifact("a")))
    #expect(harness.served.map(\.digest) == ["a"])
    #expect(harness.waits.last == .some(nil))
    #expect(harness.logged("info") == ["fetched"])
    #expect(harness.coordinator.deadline == .seconds(60))
  }

  @Test func `fetching is tried again, at longer intervals, until the deadline`() {
    var harness = Harness.single()
    harness.feed(.begin)
    var times: [Duration] = []
    for _ in 0..<100 where harness.givenUp.isEmpty {
      guard let job = harness.job(.fetchFirst(name: only)) else { break }
      harness.log = []
      harness.store(job, transient())
      guard let next = harness.coordinator.deadline else { break }
      #expect(harness.waits == ["The model cannot be fetched yet: no route to host"])
      harness.advance(next - harness.now)
      times.append(harness.now)
    }
    #expect(times == [1, 3, 7, 15, 30, 45, 60].map { .seconds($0) })
    #expect(harness.givenUp.map(\.error.message) == ["no route to host"])
    #expect(harness.coordinator.deadline == nil)
  }

  @Test func `the first try that works ends the waiting`() {
    var harness = Harness.single(interval: nil)
    harness.feed(.begin)
    harness.store(harness.job(.fetchFirst(name: only)), transient())
    harness.advance(.seconds(1))
    harness.store(harness.job(.fetchFirst(name: only)), .artifact(artifact("a")))
    #expect(harness.served.map(\.digest) == ["a"])
    #expect(harness.coordinator.deadline == nil)
  }

  @Test func `what everybody may read does not name the server's account`() {
    var harness = Harness.single()
    harness.feed(.begin)
    harness.store(
      harness.job(.fetchFirst(name: only)),
      .failed(StoreFailure(ServingError(.forbidden, "key AKIA"), isTransient: true, publicReason: "no access")))
    let said = harness.log.compactMap { if case .waitFor(let text?) = $0 { text } else { nil } }
    #expect(said.last == "The model cannot be fetched yet: no access")
    harness.startUp(artifact("a"))
    _ = harness.command(.refresh(name: only))
    harness.store(
      harness.job(.fetch(name: only, isFresh: true)),
      .failed(StoreFailure(ServingError(.forbidden, "key AKIA"), isTransient: true, publicReason: "no access")))
    #expect(harness.description()?["lastError"]?.string == "no access")
  }

  @Test func `a store that never answers is waited for until the deadline`() {
    var harness = Harness.single()
    harness.feed(.begin)
    harness.advance(.seconds(59))
    #expect(!harness.log.contains { if case .giveUp = $0 { true } else { false } })
    harness.advance(.seconds(2))
    #expect(harness.log.contains { if case .giveUp = $0 { true } else { false } })
    // What comes after all changes nothing.
    harness.log = []
    harness.store(1, .artifact(artifact("a")))
    #expect(harness.log.isEmpty)
  }

  @Test func `what will not work later is given up at once`() {
    var harness = Harness.single()
    harness.feed(.begin)
    harness.store(harness.job(.fetchFirst(name: only)), permanent(.forbidden))
    #expect(harness.givenUp.map(\.error.code) == [.forbidden])
    #expect(harness.waits.count == 1)
  }

  @Test func `what comes from the cache comes with a warning`() {
    var harness = Harness.single()
    harness.feed(.begin)
    var cached = artifact("a")
    cached.warning = "the store is away"
    cached.previous = [artifact("z")]
    cached.isPinned = true
    harness.store(harness.job(.fetchFirst(name: only)), .artifact(cached))
    #expect(harness.logged("warning").count == 1)
    #expect(harness.published.last?["lastError"]?.string == "the store is away")
    let description = harness.description()
    #expect(description?["previousVersions"]?.array?.count == 1)
    #expect(description?["pinnedByRollback"]?.bool == true)
  }

  @Test func `a first model that does not load gives way to the one before`() {
    var harness = Harness.single()
    var bad = artifact("bad")
    bad.previous = [artifact("good"), artifact("older")]
    harness.coordinator.adopt(bad, at: .zero)
    harness.feed(.begin)
    harness.feed(.workerStarting(0))
    #expect(harness.coordinator.fallBack("broken")?.source.digest == "good")
    #expect(harness.coordinator.served?.digest == "good")
    #expect(harness.coordinator.fallBack("broken")?.source.digest == "older")
    #expect(harness.coordinator.fallBack("broken") == nil)
    harness.start(0, artifact("older"))
    #expect(harness.jobs.last == .accept(name: only, digest: "older"))
  }

  @Test func `what was fallen back from is not tried again by polling`() {
    var harness = Harness.single()
    var bad = artifact("bad")
    bad.previous = [artifact("good")]
    harness.coordinator.adopt(bad, at: .zero)
    harness.feed(.begin)
    _ = harness.coordinator.fallBack("broken")
    for worker in 0...1 { harness.start(worker, artifact("good")) }
    harness.advance(.seconds(60))
    let job = harness.job(check)
    harness.log = []
    harness.store(job, .fingerprint("f-bad"))
    #expect(harness.jobs == [])
    harness.advance(.seconds(60))
    harness.store(harness.job(check), .fingerprint("f-next"))
    #expect(harness.jobs.last == fresh)
  }

  @Test func `there is no falling back once a model has served`() {
    var harness = Harness.single()
    var first = artifact("a")
    first.previous = [artifact("z")]
    harness.startUp(first)
    #expect(harness.coordinator.fallBack("broken") == nil)
    var fleet = Harness.fleet()
    #expect(fleet.coordinator.fallBack("broken") == nil)
  }
}

@Suite struct SingleModelCopy {
  private func started() -> Harness {
    var harness = Harness.single { $0.copiesLocal = true }
    harness.coordinator.adopt(artifact("", isKept: false), at: .zero)
    harness.feed(.begin)
    harness.start(0, artifact(""))
    return harness
  }

  @Test func `a model that is used where it lies is copied when it has been loaded`() {
    var harness = started()
    #expect(harness.jobs == [.copy(name: only)])
    harness.start(1, artifact(""))
    #expect(harness.jobs.count == 1)
    harness.log = []
    harness.store(1, .artifact(artifact("a")))
    #expect(harness.served.map(\.digest) == ["a"])
    #expect(harness.jobs == [.accept(name: only, digest: "a")])
    #expect(harness.description()?["digest"]?.string == "a")
    #expect(harness.sends == 0)
    // From now on there is a way back.
    harness.refresh(artifact("b"))
    let number = harness.command(.rollback(name: only, version: nil))
    #expect(harness.failure(number) == nil)
    #expect(harness.sent(0).count == 1)
  }

  @Test func `nothing else happens while it is copied`() {
    var harness = started()
    harness.start(1, artifact(""))
    let back = harness.command(.rollback(name: only, version: nil))
    #expect(harness.failure(back)?.code == .conflict)
    harness.advance(.seconds(150))
    #expect(harness.job(check) == nil)
    let refresh = harness.command(.refresh(name: only))
    #expect(harness.job(fresh) == nil)
    harness.store(1, .artifact(artifact("a")))
    harness.store(harness.job(fresh), .artifact(artifact("a")))
    #expect(harness.json(refresh)?["result"]?.string == "unchanged")
  }

  @Test func `one that was replaced meanwhile is fetched as it is now`() {
    var harness = started()
    harness.start(1, artifact(""))
    let refresh = harness.command(.refresh(name: only))
    harness.store(1, transient("replaced"))
    let job = harness.job(fresh)
    harness.log = []
    harness.store(job, .artifact(artifact("b")))
    let id = harness.id(0)
    harness.prepare(id, on: [0, 1])
    #expect(harness.served.map(\.digest) == ["b"])
    #expect(harness.answers(refresh).isEmpty)
    harness.commit(id, only, "b", on: [0, 1])
    // The command came before the store was read: what that gave is its answer.
    #expect(harness.json(refresh)?["result"]?.string == "committed")
    // What lay there is gone: there is nothing to go back to.
    #expect(harness.refusal(.rollback(name: only, version: nil))?.code == .conflict)
  }

  @Test func `without a copy the server goes on`() {
    var harness = started()
    let refresh = harness.command(.refresh(name: only))
    harness.store(1, permanent(.insufficientStorage, "disk full"))
    #expect(harness.logged("notice").count == 1)
    #expect(harness.served.map(\.digest) == [""])
    harness.store(harness.job(fresh), .artifact(artifact("b")))
    #expect(harness.answers(refresh).isEmpty)
    #expect(harness.sent(0).count == 1)
  }
}

@Suite struct SingleModelPolling {
  private func polled(_ fingerprint: String) -> Harness {
    var harness = Harness.single()
    harness.startUp(artifact("a"))
    harness.advance(.seconds(60))
    #expect(harness.jobs == [check])
    let job = harness.job(check)
    harness.log = []
    harness.store(job, .fingerprint(fingerprint))
    return harness
  }

  @Test func `the same fingerprint ends it`() {
    var harness = polled("f-a")
    #expect(harness.log.isEmpty)
    #expect(harness.coordinator.deadline == .seconds(120))
    harness.advance(.seconds(60))
    #expect(harness.jobs == [check])
    // A check that is not answered is not asked again.
    harness.advance(.seconds(600))
    #expect(harness.jobs == [check])
    #expect(harness.coordinator.deadline == nil)
  }

  @Test func `the same bytes under another fingerprint load nothing`() {
    var harness = polled("f-other")
    #expect(harness.jobs == [fresh])
    var same = artifact("a", version: "2")
    same.fingerprint = "f-other"
    same.path = "/elsewhere"
    harness.store(harness.job(fresh), .artifact(same))
    #expect(harness.sends == 0)
    #expect(harness.coordinator.served?.path == "/cache/a")
    #expect(harness.description()?["version"]?.string == "2")
    #expect(harness.published.last?["lastRefresh"]?["result"]?.string == "unchanged")
    harness.advance(.seconds(60))
    let job = harness.job(check)
    harness.log = []
    harness.store(job, .fingerprint("f-other"))
    #expect(harness.jobs == [])
  }

  @Test func `a new generation goes to all workers`() {
    var harness = polled("f-b")
    harness.store(harness.job(fresh), .artifact(artifact("b")))
    let id = harness.id(0)
    #expect(harness.sent(0) == [.prepare(id: id, artifact("b").described)])
    #expect(harness.sent(1) == harness.sent(0))
    harness.prepare(id, on: [0, 1])
    harness.commit(id, only, "b", on: [0, 1])
    #expect(harness.published.last?["lastRefresh"]?["result"]?.string == "committed")
    #expect(harness.logged("info") == ["refreshed"])
    #expect(harness.coordinator.deadline == .seconds(120))
  }

  @Test func `what workers refuse is not tried again, and a command tries it`() {
    var harness = polled("f-b")
    harness.store(harness.job(fresh), .artifact(artifact("b")))
    harness.reply(0, .refused(id: harness.id(0), ServingError(.modelLoadFailed, "other inputs")))
    #expect(harness.logged("error").count == 1)
    #expect(harness.published.last?["lastError"]?.string == "other inputs")
    harness.advance(.seconds(60))
    let job = harness.job(check)
    harness.log = []
    harness.store(job, .fingerprint("f-b"))
    #expect(harness.jobs == [])
    _ = harness.command(.refresh(name: only))
    #expect(harness.jobs == [fresh])
  }

  @Test func `what the store refuses for good is not fetched again, what fails for now is`() {
    for (result, again) in [(permanent(.modelLoadFailed), [StoreJob]()), (transient(), [fresh])] {
      var harness = polled("f-b")
      harness.store(harness.job(fresh), result)
      harness.advance(.seconds(60))
      let job = harness.job(check)
      harness.log = []
      harness.store(job, .fingerprint("f-b"))
      #expect(harness.jobs == again)
    }
  }

  @Test func `the same failure of polling is told once`() {
    var harness = Harness.single()
    harness.startUp(artifact("a"))
    for _ in 0..<3 {
      harness.advance(.seconds(60))
      harness.store(harness.job(check), transient())
    }
    #expect(harness.jobs.count == 3)
    #expect(harness.logged("error").count == 1)
  }

  @Test func `nothing is polled where no worker has the model, or without an interval`() {
    var harness = Harness.single()
    harness.startUp(artifact("a"))
    harness.feed(.workerGone(0))
    harness.feed(.workerGone(1))
    harness.advance(.seconds(200))
    #expect(harness.jobs == [])
    var never = Harness.single(interval: nil)
    never.startUp(artifact("a"))
    #expect(never.coordinator.deadline == nil)
  }
}

@Suite struct SingleModelRefresh {
  /// A refresh that has come to the preparing of `b`.
  private func preparing(workers: Int = 2) -> (harness: Harness, command: Int, id: Int) {
    var harness = Harness.single(workers: workers, interval: nil)
    harness.startUp(artifact("a"))
    let command = harness.command(.refresh(name: only))
    #expect(harness.jobs == [fresh])
    harness.store(harness.job(fresh), .artifact(artifact("b", version: "2")))
    return (harness, command, harness.id(0))
  }

  @Test func `all prepare, then all commit, then the answer`() {
    var (harness, command, id) = preparing()
    harness.prepare(id, on: [0])
    #expect(harness.sends == 2)
    #expect(harness.served.isEmpty)
    harness.now = .milliseconds(2500)
    harness.prepare(id, on: [1])
    #expect(harness.sent(0).last == .commit(id: id))
    #expect(harness.sent(1).last == .commit(id: id))
    #expect(harness.served.map(\.digest) == ["b"])
    #expect(harness.jobs == [fresh, .pin(name: only, digest: nil), .accept(name: only, digest: "b")])
    harness.commit(id, only, "b", on: [0])
    #expect(harness.answers(command).isEmpty)
    harness.commit(id, only, "b", on: [1])
    #expect(harness.answers(command).count == 1)
    #expect(
      harness.json(command) == [
        "modelName": "model", "result": "committed", "version": "2", "digest": "b", "seconds": .number("2.5"),
      ])
    #expect(harness.description()?["previousVersions"]?.array?.map { $0["digest"]?.string } == ["a"])
    #expect(harness.coordinator.deadline == nil)
  }

  @Test func `nothing new is an answer too`() {
    var harness = Harness.single(interval: nil)
    harness.startUp(artifact("a"))
    let command = harness.command(.refresh(name: "model.tar.gz"))
    harness.store(harness.job(fresh), .artifact(artifact("a")))
    #expect(harness.json(command)?["result"]?.string == "unchanged")
    #expect(harness.sends == 0)
  }

  @Test func `one that refuses stops it everywhere`() {
    var (harness, command, id) = preparing(workers: 3)
    harness.prepare(id, on: [0])
    harness.reply(1, .refused(id: id, ServingError(.modelLoadFailed, "no memory")))
    #expect(harness.sent(0).last == .discard(id: id))
    #expect(harness.sent(1).count == 1)
    #expect(harness.sent(2).last == .discard(id: id))
    #expect(harness.failure(command)?.message == "no memory")
    #expect(harness.served.isEmpty)
    #expect(harness.coordinator.served?.digest == "a")
    // One that was at it all the while is told to forget it.
    harness.log = []
    harness.prepare(id, on: [2])
    #expect(harness.sent(2) == [.discard(id: id)])
    harness.reply(0, .refused(id: id, ServingError(.modelLoadFailed, "late")))
    #expect(harness.sends == 1)
    #expect(harness.description()?["digest"]?.string == "a")
    #expect(harness.description()?["lastRefresh"]?["result"]?.string == "failed")
  }

  @Test func `the store's refusal is no answer to whether there is such a model`() {
    for (code, told) in [
      (ServingError.Code.notFound, ServingError.Code.modelLoadFailed), (.forbidden, .modelLoadFailed),
      (.storeUnavailable, .storeUnavailable),
    ] {
      var harness = Harness.single(interval: nil)
      harness.startUp(artifact("a"))
      let command = harness.command(.refresh(name: only))
      harness.store(harness.job(fresh), permanent(code))
      #expect(harness.failure(command)?.code == told)
    }
  }

  @Test func `a worker that dies while it prepares does not stop it once`() {
    var (harness, command, id) = preparing()
    harness.prepare(id, on: [0])
    harness.feed(.workerGone(1))
    // With the one that is left it goes on.
    #expect(harness.sent(0).last == .commit(id: id))
    harness.feed(.workerStarting(1))
    harness.commit(id, only, "b", on: [0])
    #expect(harness.answers(command).isEmpty)
    harness.resident(1, only, "b")
    #expect(harness.json(command)?["result"]?.string == "committed")
  }

  @Test func `two that die while they prepare stop it`() {
    var (harness, command, id) = preparing(workers: 3)
    harness.prepare(id, on: [0])
    harness.feed(.workerGone(1))
    #expect(harness.answers(command).isEmpty)
    harness.feed(.workerGone(2))
    #expect(harness.failure(command)?.message.contains("die") == true)
    #expect(harness.sent(0).last == .discard(id: id))
    #expect(harness.served.isEmpty)
  }

  @Test func `the only worker may die and prepare again, twice it may not`() {
    var (harness, command, id) = preparing(workers: 1)
    harness.feed(.workerGone(0))
    #expect(harness.answers(command).isEmpty)
    #expect(harness.served.isEmpty)
    harness.log = []
    harness.start(0, artifact("a"))
    #expect(harness.sent(0) == [.prepare(id: id, artifact("b", version: "2").described)])
    harness.feed(.workerGone(0))
    #expect(harness.failure(command)?.code == .modelLoadFailed)
  }

  @Test func `one that had prepared and died is no death of preparing`() {
    var (harness, command, id) = preparing(workers: 3)
    for worker in 1...2 {
      harness.prepare(id, on: [worker])
      harness.feed(.workerGone(worker))
    }
    #expect(harness.answers(command).isEmpty)
    harness.prepare(id, on: [0])
    #expect(harness.sent(0).last == .commit(id: id))
  }

  @Test func `a worker that dies while it commits loads what is served now`() {
    var (harness, command, id) = preparing()
    harness.prepare(id, on: [0, 1])
    harness.commit(id, only, "b", on: [0])
    harness.feed(.workerGone(1))
    #expect(harness.json(command)?["result"]?.string == "committed")
    #expect(harness.coordinator.served?.digest == "b")
  }

  @Test func `a worker that starts meanwhile prepares too`() {
    var (harness, command, id) = preparing(workers: 3)
    harness.feed(.workerGone(2))
    harness.feed(.workerStarting(2))
    harness.prepare(id, on: [0, 1])
    // It has read the old generation: nobody commits before it has the new one.
    #expect(harness.served.isEmpty)
    harness.log = []
    harness.resident(2, only, "a")
    #expect(harness.sent(2) == [.prepare(id: id, artifact("b", version: "2").described)])
    harness.feed(.workerReady(2))
    #expect(harness.sent(2).count == 1)
    harness.prepare(id, on: [2])
    #expect((0...2).allSatisfy { harness.sent($0).last == .commit(id: id) })
    harness.commit(id, only, "b", on: [0, 1, 2])
    #expect(harness.json(command) != nil)
  }

  @Test func `preparing has a deadline`() {
    var (harness, command, id) = preparing()
    harness.prepare(id, on: [0])
    #expect(harness.coordinator.deadline == .seconds(30))
    harness.advance(.seconds(29))
    #expect(harness.answers(command).isEmpty)
    harness.advance(.seconds(1))
    #expect(harness.failure(command)?.setting == "startup-timeout")
    #expect(harness.sent(0).last == .discard(id: id))
    #expect(harness.sent(1).last == .discard(id: id))
    #expect(harness.coordinator.deadline == nil)
  }

  @Test func `commands that come meanwhile get a refresh of their own`() {
    var (harness, first, id) = preparing()
    let second = harness.command(.refresh(name: only))
    let third = harness.command(.refresh(name: only))
    let back = harness.command(.rollback(name: only, version: nil))
    #expect(harness.failure(back)?.code == .conflict)
    #expect(harness.jobs == [fresh])
    harness.prepare(id, on: [0, 1])
    harness.commit(id, only, "b", on: [0, 1])
    #expect(harness.answers(first).count == 1)
    #expect(harness.answers(second).isEmpty)
    let job = harness.job(fresh)
    harness.log = []
    harness.store(job, .artifact(artifact("b")))
    for command in [second, third] {
      #expect(harness.json(command)?["result"]?.string == "unchanged")
      #expect(harness.answers(command).count == 1)
    }
    #expect(harness.answers(first).isEmpty)
  }

  @Test func `a command during a poll has its turn when the poll has failed`() {
    var harness = Harness.single()
    harness.startUp(artifact("a"))
    harness.advance(.seconds(60))
    let command = harness.command(.refresh(name: only))
    harness.store(harness.job(check), transient())
    #expect(harness.answers(command).isEmpty)
    harness.store(harness.job(fresh), .artifact(artifact("a")))
    #expect(harness.json(command)?["result"]?.string == "unchanged")
  }

  @Test func `a job that nobody asked for changes nothing`() {
    var (harness, _, id) = preparing()
    harness.log = []
    harness.store(9999, .artifact(artifact("z")))
    harness.store(id, .done)
    harness.reply(0, .done(id: 777, bytes: 1))
    #expect(harness.log.isEmpty)
  }

  @Test func `the choice is forgotten over a restart only with a word`() {
    var (harness, _, id) = preparing()
    harness.prepare(id, on: [0, 1])
    harness.store(harness.job(.pin(name: only, digest: nil)), permanent(.forbidden))
    #expect(harness.logged("warning").count == 1)
  }
}

@Suite struct SingleModelRollback {
  /// Serves `c`, and has served `a` and `b` before.
  private func third() -> Harness {
    var harness = Harness.single()
    harness.startUp(artifact("aaaaaaaaaa", version: "1"))
    harness.refresh(artifact("bbbbbbbbbb", version: "2"))
    harness.refresh(artifact("cccccccccc", version: "3"))
    return harness
  }

  private func digest(_ harness: Harness) -> String? {
    if case .prepare(_, let source)? = harness.sent(0).first { source.digest } else { nil }
  }

  /// Rolls back, from command to answer.
  private func rolledBack(_ harness: inout Harness, to version: String? = nil) -> JSONDocument? {
    harness.log = []
    let command = harness.command(.rollback(name: only, version: version))
    guard let digest = digest(harness) else { return nil }
    let id = harness.id(0)
    harness.prepare(id, on: [0, 1])
    harness.commit(id, only, digest, on: [0, 1])
    // It has ended when it is remembered beyond a restart.
    #expect(harness.answers(command).isEmpty)
    harness.store(harness.job(.pin(name: only, digest: digest)), .done)
    return harness.json(command)
  }

  @Test func `without a version it goes to the generation before, and on`() {
    var harness = third()
    let answer = rolledBack(&harness)
    #expect(answer?["result"]?.string == "rolled_back")
    #expect(answer?["version"]?.string == "2")
    #expect(
      harness.jobs == [
        .pin(name: only, digest: "bbbbbbbbbb"), .accept(name: only, digest: "bbbbbbbbbb"),
      ])
    #expect(harness.description()?["pinnedByRollback"]?.bool == true)
    #expect(rolledBack(&harness)?["version"]?.string == "1")
    // What a rollback left is no generation before.
    let command = harness.command(.rollback(name: only, version: nil))
    #expect(harness.failure(command)?.code == .conflict)
    // By its name it is there still.
    #expect(rolledBack(&harness, to: "3")?["digest"]?.string == "cccccccccc")
  }

  @Test(arguments: ["1", "aaaaaaaaaa", "aaaaaaa"])
  func `a generation is named by version, digest or its beginning`(version: String) {
    var harness = third()
    #expect(rolledBack(&harness, to: version)?["digest"]?.string == "aaaaaaaaaa")
  }

  @Test(arguments: ["9", "aaaaaa", "", "3", "cccccccccc", "AAAAAAAAAA"])
  func `what is not there, or too short, or current is refused`(version: String) {
    var harness = third()
    let command = harness.command(.rollback(name: only, version: version))
    #expect(harness.failure(command)?.code == .conflict)
    #expect(harness.failure(command)?.expected == "one of 2, 1")
    #expect(harness.sends == 0)
  }

  @Test func `with nothing before there is nothing to go back to`() {
    var harness = Harness.single()
    harness.startUp(artifact("a"))
    for version in [nil, "a", "1"] {
      let command = harness.command(.rollback(name: only, version: version))
      #expect(harness.failure(command)?.code == .conflict)
      #expect(harness.failure(command)?.expected == nil)
    }
  }

  @Test func `polling leaves it alone, and a refresh ends that`() {
    var harness = third()
    _ = rolledBack(&harness)
    harness.log = []
    harness.advance(.seconds(300))
    #expect(harness.jobs == [])
    harness.refresh(artifact("cccccccccc", version: "3"))
    #expect(harness.description()?["pinnedByRollback"]?.bool == false)
    harness.advance(.seconds(60))
    #expect(harness.jobs == [check])
  }

  @Test func `a refresh that finds the same unpins it`() {
    var harness = third()
    _ = rolledBack(&harness)
    harness.log = []
    _ = harness.command(.refresh(name: only))
    harness.store(harness.job(fresh), .artifact(artifact("bbbbbbbbbb")))
    #expect(harness.jobs.last == .pin(name: only, digest: nil))
    #expect(harness.description()?["pinnedByRollback"]?.bool == false)
  }

  @Test func `a choice that cannot be remembered is made all the same`() {
    var harness = third()
    let command = harness.command(.rollback(name: only, version: nil))
    let id = harness.id(0)
    harness.prepare(id, on: [0, 1])
    harness.store(harness.job(.pin(name: only, digest: "bbbbbbbbbb")), permanent(.forbidden))
    #expect(harness.logged("warning").count == 1)
    #expect(harness.answers(command).isEmpty)
    harness.commit(id, only, "bbbbbbbbbb", on: [0, 1])
    #expect(harness.json(command)?["result"]?.string == "rolled_back")
  }

  @Test func `a rollback that fails leaves what serves`() {
    var harness = third()
    let command = harness.command(.rollback(name: only, version: nil))
    harness.reply(0, .refused(id: harness.id(0), ServingError(.modelLoadFailed, "gone")))
    #expect(harness.failure(command)?.message == "gone")
    #expect(harness.coordinator.served?.digest == "cccccccccc")
    #expect(harness.description()?["pinnedByRollback"]?.bool == false)
  }

  @Test func `so many generations are kept as there should be`() {
    var harness = Harness.single { $0.keptGenerations = 2 }
    harness.startUp(artifact("a"))
    for digest in ["b", "c", "d", "e"] { harness.refresh(artifact(digest)) }
    #expect(harness.description()?["previousVersions"]?.array?.map { $0["digest"]?.string } == ["d", "c"])
  }
}

extension ModelArtifact {
  /// What workers of the only model are told of it.
  fileprivate var described: ModelSource {
    ModelSource(name: only, path: path, digest: digest, version: version, bytes: bytes)
  }
}
