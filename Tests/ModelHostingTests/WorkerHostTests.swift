import Dispatch
import ModelHosting
import ServingCore
import Synchronization
import Testing

private let broken = ServingError(.modelLoadFailed, "cut short")

/// That models have never taken more together.
private func expectNeverMore(than bytes: Int, _ harness: HostHarness) {
  #expect(harness.live.most <= bytes)
}

@Suite(.timeLimit(.minutes(1))) struct HostRequests {
  @Test func `requests that come while a model loads share one load`() {
    let harness = HostHarness(lease: room(2))
    let gate = Gate()
    harness.set("d", FakeLoad(bytes: unit, gate: gate))
    let outcomes = Outcomes()
    for _ in 0..<5 {
      guard case .waiting = harness.host.target("iris.tar.gz", mayMove: true, completion: outcomes.add) else {
        Issue.record("not waiting")
        return
      }
    }
    #expect(harness.replies == [.want(name: "iris")])
    harness.host.handle(.load(harness.source("iris", "d")))
    wait { gate.arrivals == 1 }
    #expect(outcomes.all.isEmpty)
    gate.open()
    wait { outcomes.all.count == 5 }
    #expect(outcomes.all.allSatisfy { (try? $0.get()) == "d" })
    #expect(harness.loaded == ["d"])
    #expect(harness.residents("iris") == 1)
    #expect(harness.call("iris") == "d")
    #expect(harness.host.totals.misses == 5)
    #expect(harness.host.totals.hits == 1)
  }

  @Test func `a model that is there already is not loaded again`() {
    let harness = HostHarness(lease: room(2))
    harness.load("a", "d")
    harness.load("a", "d")
    #expect(harness.loaded == ["d"])
    harness.load("a", "e")
    #expect(harness.loaded == ["d", "e"])
    #expect(harness.call("a") == "e")
  }

  @Test func `what cannot be had is told to those who wait, and wanted again`() {
    let harness = HostHarness(lease: room(2))
    let outcomes = Outcomes()
    let none = ServingError(.notFound, "no such model")
    _ = harness.host.target("a", mayMove: false, completion: outcomes.add)
    harness.host.handle(.loadNot(name: "a", none))
    #expect(outcomes.all == [.failure(none)])
    guard case .waiting = harness.host.target("a", mayMove: false, completion: outcomes.add) else {
      Issue.record("not waiting")
      return
    }
    #expect(harness.replies == [.want(name: "a"), .want(name: "a")])
  }

  @Test func `a load that failed is not tried again at once`() {
    var configuration = WorkerHost.Configuration(defaultName: nil, loadsOnUse: true)
    configuration.failurePause = 3_600_000
    let harness = HostHarness(configuration, lease: room(2))
    harness.set("bad", FakeLoad(bytes: unit, error: broken))
    let outcomes = Outcomes()
    _ = harness.host.target("a", mayMove: false, completion: outcomes.add)
    harness.host.handle(.load(harness.source("a", "bad")))
    wait { !outcomes.all.isEmpty }
    #expect(outcomes.all == [.failure(broken)])
    #expect(harness.loadFailure("a") == broken)
    #expect(harness.failure("a") == broken)
    #expect(harness.failure("a.tar.gz") == broken)
    // An unload forgets it, and so does a load that works.
    harness.host.handle(.unload(id: 1, name: "a"))
    #expect(harness.has(.done(id: 1, bytes: 0)))
    #expect(harness.failure("a") == nil)
    harness.host.handle(.loadNot(name: "a", broken))
    #expect(harness.failure("a") == broken)
    harness.load("a", "good")
    #expect(harness.call("a") == "good")
  }

  @Test func `without a pause it is wanted again`() {
    var configuration = WorkerHost.Configuration(defaultName: nil, loadsOnUse: true)
    configuration.failurePause = 0
    let harness = HostHarness(configuration, lease: room(2))
    harness.host.handle(.loadNot(name: "a", broken))
    #expect(harness.failure("a") == nil)
    #expect(harness.replies == [.want(name: "a")])
  }

  @Test func `a fleet wants a name, and a name that is one`() {
    let harness = HostHarness(lease: room(2))
    #expect(harness.failure(nil)?.code == .badRequest)
    #expect(harness.failure("../a")?.code == .badRequest)
    #expect(harness.failure("a/..")?.got == "\"a/..\"")
    #expect(harness.failure("")?.code == .badRequest)
    #expect(harness.replies == [])
  }

  @Test func `a fleet may have a model for requests that name none`() {
    let harness = HostHarness(WorkerHost.Configuration(defaultName: "a", loadsOnUse: true), lease: room(2))
    harness.load("a")
    #expect(harness.find(nil)?.source.name == "a")
    #expect(harness.find("b") == nil)
  }

  @Test func `a server of one model answers under every name`() {
    let harness = HostHarness(WorkerHost.Configuration(defaultName: "model", loadsOnUse: false), lease: room(2))
    #expect(harness.failure(nil)?.code == .notReady)
    #expect(harness.failure("iris")?.code == .notReady)
    let source = harness.source("model", "d")
    harness.host.adopt(source, harness.service("d", FakeLoad(bytes: 7)), microseconds: 9)
    #expect(
      harness.replies == [
        .resident(name: "model", digest: "d", memory: HostedMemory(privateBytes: 7), microseconds: 9)
      ])
    for name in [nil, "model", "iris", "../x"] { #expect(harness.find(name)?.source == source) }
  }

  @Test func `a host without a default and without loading has what it has`() {
    let harness = HostHarness(WorkerHost.Configuration(defaultName: nil, loadsOnUse: false), lease: room(2))
    harness.load("a")
    #expect(harness.call("a") == "a")
    #expect(harness.failure("b")?.code == .notFound)
    #expect(harness.needs.isEmpty)
  }

  @Test func `a model has no more calls under way than it may`() {
    let harness = HostHarness(
      WorkerHost.Configuration(defaultName: nil, loadsOnUse: true, mostCalls: 2), lease: room(2))
    let gate = Gate()
    harness.set("a", FakeLoad(bytes: unit, callGate: gate))
    harness.load("a")
    let ended = Atomic<Int>(0)
    for _ in 0..<2 {
      Thread.start(stackSize: 1 << 20) {
        #expect(harness.call("a") == "a")
        ended.add(1, ordering: .sequentiallyConsistent)
      }
    }
    wait { gate.arrivals == 2 }
    #expect(harness.failure("a")?.code == .overloaded)
    gate.open(2)
    wait { ended.load(ordering: .sequentiallyConsistent) == 2 && harness.find("a") != nil }
  }

  @Test func `a report tells of every model`() {
    let harness = HostHarness(lease: room(3))
    harness.load("a")
    harness.load("b")
    let before = WallClock.milliseconds
    _ = harness.call("a")
    _ = harness.call("a")
    harness.host.handle(.report(id: 4))
    guard case .report(4, let models, let totals)? = harness.replies.last else {
      Issue.record("no report")
      return
    }
    let sorted = models.sorted { $0.name < $1.name }
    #expect(sorted.map(\.name) == ["a", "b"])
    #expect(sorted.map(\.hits) == [2, 0])
    #expect(sorted.first.map { $0.lastUse >= before } == true)
    #expect(sorted.last?.lastUse == 0)
    #expect(totals.hits == 2)
    #expect(totals.privateBytes > 0)
  }
}

@Suite struct HotGaugeTests {
  private let began = ContinuousClock.now

  /// Counts a call every 10 ms for `milliseconds`, each of which has kept the worker busy for `nanoseconds`.
  ///
  /// - Returns: whether each was to move.
  private func moves(_ nanoseconds: UInt64, workers: Int, milliseconds: Int = 400) -> [Bool] {
    var gauge = HotGauge(at: began)
    var moves: [Bool] = []
    for call in 1...(milliseconds / 10) {
      let now: ContinuousClock.Instant = began + Duration.milliseconds(call * 10)
      moves.append(gauge.count(busy: UInt64(call) * nanoseconds, workers: workers, at: now))
    }
    return moves
  }

  @Test func `calls of a model that keeps its worker busy go to all in turn`() {
    let moves = moves(9_000_000, workers: 3)
    // Nothing is known before the first window has ended.
    #expect(moves.prefix(19).allSatisfy { !$0 })
    #expect(Array(moves[19..<28]) == [true, true, false, true, true, false, true, true, false])
  }

  @Test func `calls that leave the worker time, that are short, or of a worker that is alone stay`() {
    #expect(!moves(4_000_000, workers: 3).contains(true))
    #expect(!moves(49_000, workers: 3).contains(true))
    #expect(!moves(9_000_000, workers: 1).contains(true))
  }

  @Test func `a model that cools down comes home`() {
    var gauge = HotGauge(at: began)
    var busy: UInt64 = 0
    for call in 1...30 {
      busy += 9_000_000
      _ = gauge.count(busy: busy, workers: 2, at: began + .milliseconds(call * 10))
    }
    var last = true
    for call in 31...80 {
      busy += 100_000
      last = gauge.count(busy: busy, workers: 2, at: began + .milliseconds(call * 10))
    }
    #expect(!last)
  }
}

@Suite(.timeLimit(.minutes(1))) struct HostMemoryRules {
  @Test func `the least recently used goes first`() {
    let harness = HostHarness(lease: room(3))
    for name in ["a", "b", "c"] {
      harness.load(name)
      nextTick()
    }
    _ = harness.call("a")
    nextTick()
    harness.load("d")
    nextTick()
    harness.load("e")
    nextTick()
    harness.load("f")
    #expect(harness.gone == ["b", "c", "a"])
    #expect(harness.needs.isEmpty)
    #expect(harness.host.totals.evictions == 3)
    #expect(harness.find("a") == nil)
    #expect(harness.call("f") == "f")
    expectNeverMore(than: room(3), harness)
  }

  @Test func `as many go as must`() {
    let harness = HostHarness(lease: room(4))
    for name in ["a", "b", "c", "d"] {
      harness.load(name)
      nextTick()
    }
    harness.load("big", bytes: 2 * unit)
    #expect(Array(harness.gone.prefix(2)) == ["a", "b"])
    #expect(harness.gone.count <= 3)
    #expect(harness.call("d") == "d")
  }

  @Test func `pinned models stay, by name or by order`() {
    let harness = HostHarness(
      WorkerHost.Configuration(defaultName: nil, loadsOnUse: true, pinned: ["a"]), lease: room(3))
    harness.load("a")
    nextTick()
    harness.load("b", isPinned: true)
    nextTick()
    for name in ["c", "d", "e"] {
      harness.load(name)
      nextTick()
    }
    #expect(harness.gone == ["c", "d"])
    // With nothing that may go, the supervisor is asked.
    harness.host.handle(.load(harness.source("f", bytes: 2 * unit)))
    wait { !harness.needs.isEmpty }
    #expect(harness.loadFailure("f") == nil)
    harness.host.handle(.lease(bytes: room(3), isFinal: true))
    #expect(harness.loadFailure("f")?.code == .insufficientStorage)
    #expect(harness.loadFailure("f")?.setting == "memory-budget")
    #expect(harness.gone == ["c", "d"])
  }

  @Test func `busy ones go only where the idle do not do, and the load waits for their calls`() {
    let harness = HostHarness(lease: room(2))
    let gate = Gate()
    harness.set("busy", FakeLoad(bytes: unit, callGate: gate))
    harness.load("busy")
    let ended = Atomic<Bool>(false)
    Thread.start(stackSize: 1 << 20) {
      #expect(harness.call("busy") == "busy")
      ended.store(true, ordering: .sequentiallyConsistent)
    }
    wait { gate.arrivals == 1 }
    nextTick()
    harness.load("b")
    // The busy one has not been used for longer, but the idle one goes.
    harness.load("c")
    #expect(harness.gone == ["b"])
    let outcomes = Outcomes()
    _ = harness.host.target("big", mayMove: false, completion: outcomes.add)
    harness.host.handle(.load(harness.source("big", bytes: 2 * unit)))
    wait { harness.gone.count == 3 }
    #expect(Set(harness.gone) == ["b", "c", "busy"])
    #expect(!harness.loaded.contains("big"))
    #expect(harness.needs.isEmpty)
    gate.open()
    wait { outcomes.all.count == 1 }
    #expect(outcomes.all == [.success("big")])
    expectNeverMore(than: room(2), harness)
    wait { ended.load(ordering: .sequentiallyConsistent) }
  }

  @Test func `what is lacking is asked for, and loaded when it comes`() {
    let harness = HostHarness(lease: 0)
    harness.host.handle(.load(harness.source("a")))
    wait { !harness.needs.isEmpty }
    let need = harness.needs[0]
    #expect(need >= unit && need <= unit + unit / 4)
    // It is asked for once.
    harness.host.handle(.load(harness.source("b")))
    #expect(harness.needs.count == 1)
    harness.host.handle(.lease(bytes: need + unit / 4, isFinal: false))
    wait { harness.residents("a") == 1 }
    wait { harness.residents("b") == 1 }
    expectNeverMore(than: need + unit / 4, harness)
  }

  @Test func `with too little for good the load is refused, and those who wait with it`() {
    let harness = HostHarness(lease: unit / 2)
    let outcomes = Outcomes()
    _ = harness.host.target("a", mayMove: false, completion: outcomes.add)
    harness.host.handle(.load(harness.source("a")))
    wait { !harness.needs.isEmpty }
    harness.host.handle(.lease(bytes: unit / 2, isFinal: true))
    #expect(harness.loadFailure("a")?.code.status == 507)
    #expect(outcomes.all.count == 1)
    #expect(harness.loaded == [])
    // It is no fault of the model: the next request asks again.
    #expect(harness.failure("a") == nil)
  }

  @Test func `one model may take so much and no more`() {
    let harness = HostHarness(
      WorkerHost.Configuration(defaultName: nil, loadsOnUse: true, mostModelBytes: 2 * unit), lease: room(8))
    harness.host.handle(.load(harness.source("a", bytes: 3 * unit)))
    wait { harness.loadFailure("a") != nil }
    #expect(harness.loadFailure("a")?.setting == "max-model-memory")
    #expect(harness.loaded == [])
    // That it takes more than it seemed to is known when it has been loaded.
    harness.set("b", FakeLoad(bytes: 3 * unit))
    harness.host.handle(.load(harness.source("b", bytes: unit)))
    wait { harness.loadFailure("b") != nil }
    #expect(harness.loadFailure("b")?.code.status == 507)
    #expect(harness.loaded == ["b"])
    wait { harness.live.now == 0 }
    harness.host.handle(.load(harness.source("c", "b", bytes: unit)))
    wait { harness.loadFailure("c") != nil }
    #expect(harness.loaded == ["b"])
  }

  @Test func `a model that takes more than it seemed to is loaded again when there is room`() {
    let harness = HostHarness(lease: room(2))
    harness.load("pinned", isPinned: true)
    harness.set("big", FakeLoad(bytes: 3 * unit))
    harness.host.handle(.load(harness.source("big")))
    wait { !harness.needs.isEmpty }
    #expect(harness.loaded == ["pinned", "big"])
    #expect(harness.residents("big") == 0)
    wait { harness.live.now == unit }
    harness.host.handle(.lease(bytes: room(4), isFinal: false))
    wait { harness.residents("big") == 1 }
    #expect(harness.loaded == ["pinned", "big", "big"])
    #expect(harness.call("big") == "big")
  }

  @Test func `and is refused when there is none`() {
    let harness = HostHarness(lease: room(2))
    harness.load("pinned", isPinned: true)
    harness.set("big", FakeLoad(bytes: 3 * unit))
    harness.host.handle(.load(harness.source("big")))
    wait { !harness.needs.isEmpty }
    harness.host.handle(.lease(bytes: room(2), isFinal: true))
    #expect(harness.loadFailure("big")?.code.status == 507)
    wait { harness.live.now == unit }
  }

  @Test func `idle models make room for one that takes more than it seemed to`() {
    let harness = HostHarness(lease: room(3))
    harness.load("a")
    nextTick()
    harness.load("b")
    harness.set("big", FakeLoad(bytes: 2 * unit))
    harness.load("big")
    #expect(harness.gone == ["a"])
    #expect(harness.call("b") == "b")
    #expect(harness.loaded == ["a", "b", "big"])
  }

  @Test func `a lease shrinks by what is spare, then by what is idle`() {
    let harness = HostHarness(lease: room(2))
    harness.load("a")
    nextTick()
    harness.load("b")
    harness.host.handle(.shrink(id: 1, bytes: unit / 4))
    #expect(harness.has(.done(id: 1, bytes: unit / 4)))
    #expect(harness.gone == [])
    harness.host.handle(.shrink(id: 2, bytes: unit))
    #expect(harness.has(.done(id: 2, bytes: unit)))
    #expect(harness.gone == ["a"])
    // No more than there is, and what is pinned stays.
    harness.load("b", "pinned", bytes: 0, isPinned: true)
    harness.host.handle(.shrink(id: 3, bytes: 100 * unit))
    guard case .done(3, let bytes)? = harness.replies.last(where: { if case .done = $0 { true } else { false } })
    else {
      Issue.record("no answer")
      return
    }
    #expect(bytes >= unit && bytes <= room(1))
    #expect(harness.find("b") != nil)
  }

  @Test func `an unload ends a load, and who waits for the model waits for the next one`() {
    let harness = HostHarness(lease: room(8))
    let (gate, outcomes) = (Gate(), Outcomes())
    harness.set("old", FakeLoad(bytes: unit, gate: gate))
    _ = harness.host.target("a", mayMove: false) { outcomes.add($0) }
    harness.host.handle(.load(harness.source("a", "old")))
    wait { gate.arrivals == 1 }
    harness.host.handle(.unload(id: 1, name: "a"))
    #expect(harness.replies == [.want(name: "a"), .removed(id: 1), .done(id: 1, bytes: 0), .want(name: "a")])
    // The next one is here before the old one is.
    harness.load("a", "new")
    gate.open()
    wait { outcomes.all.count == 1 && harness.live.now == unit }
    #expect(outcomes.all == [.success("new")])
    #expect(harness.call("a") == "new")
    #expect(harness.residents("a") == 1)
  }

  @Test func `an unload ends a load that fails, and one that waits for its turn`() {
    let harness = HostHarness(lease: room(8))
    let (gate, outcomes) = (Gate(), Outcomes())
    for name in ["x", "y"] {
      harness.set(name, FakeLoad(bytes: unit, error: ServingError(.modelLoadFailed, "cut short"), gate: gate))
      harness.host.handle(.load(harness.source(name)))
    }
    wait { gate.arrivals == 2 }
    _ = harness.host.target("z", mayMove: false) { outcomes.add($0) }
    harness.host.handle(.load(harness.source("z")))
    for (id, name) in ["x", "y", "z"].enumerated() { harness.host.handle(.unload(id: id, name: name)) }
    #expect(harness.has(.done(id: 2, bytes: 0)))
    gate.open(2)
    harness.load("w")
    #expect(!harness.loaded.contains("z"))
    #expect(harness.loadFailure("x") == nil && harness.loadFailure("y") == nil)
    #expect(outcomes.all.isEmpty)
    #expect(harness.failure("x") == nil)
  }

  @Test func `a generation that serves is not dropped for the one that is to follow it`() {
    let harness = HostHarness(lease: room(1))
    harness.load("a", "old")
    harness.host.handle(.prepare(id: 1, harness.source("a", "new")))
    wait { !harness.needs.isEmpty }
    harness.host.handle(.lease(bytes: room(1), isFinal: true))
    wait { harness.refusal(1) != nil }
    #expect(harness.refusal(1)?.code == .insufficientStorage)
    #expect(harness.call("a") == "old")
    // Others are.
    let larger = HostHarness(lease: room(2))
    larger.load("b")
    larger.load("a", "old")
    larger.host.handle(.prepare(id: 1, larger.source("a", "new")))
    wait { larger.isPrepared(1) }
    #expect(larger.gone == ["b"])
  }

  @Test func `a generation that takes more than was thought does not drop the one that serves`() {
    let harness = HostHarness(lease: room(3))
    harness.load("a", "one")
    harness.set("two", FakeLoad(bytes: 3 * unit, inputs: ["z"]))
    harness.host.handle(.prepare(id: 1, harness.source("a", "two", bytes: unit)))
    wait { harness.refusal(1) != nil || harness.isPrepared(1) || !harness.needs.isEmpty }
    #expect(!harness.isPrepared(1))
    #expect(harness.gone == [])
    #expect(harness.call("a") == "one")
  }

  @Test func `a model does not answer for another spelling of its name`() {
    let harness = HostHarness(lease: room(4))
    harness.load("caf\u{E9}")
    #expect(harness.find("caf\u{E9}") != nil)
    #expect(harness.failure("cafe\u{301}")?.code == .conflict)
    _ = harness.host.target("e\u{301}", mayMove: false) { _ in }
    #expect(harness.failure("\u{E9}")?.code == .conflict)
  }

  @Test func `an unload is answered when the last request has ended`() {
    let harness = HostHarness(lease: room(2))
    harness.load("a")
    var held = harness.find("a")
    #expect(held != nil)
    harness.host.handle(.unload(id: 7, name: "a"))
    #expect(harness.find("a") == nil)
    // Others that come and go do not answer it.
    harness.load("b")
    harness.host.handle(.unload(id: 8, name: "b"))
    wait { harness.has(.done(id: 8, bytes: unit)) }
    #expect(!harness.has(.done(id: 7, bytes: unit)))
    #expect(held.flatMap { answer($0) } == "a")
    held = nil
    wait { harness.has(.done(id: 7, bytes: unit)) }
    #expect(harness.live.now == 0)
    #expect(harness.gone == [])
    harness.host.handle(.unload(id: 9, name: "a"))
    #expect(harness.has(.done(id: 9, bytes: 0)))
  }

  @Test func `models never take more than the lease, whatever happens`() {
    let harness = HostHarness(lease: room(4))
    let ended = Atomic<Int>(0)
    let names = (0..<8).map { "m\($0)" }
    for name in names { harness.set(name, FakeLoad(bytes: unit)) }
    for thread in 0..<4 {
      Thread.start(stackSize: 1 << 20) {
        var numbers = Numbers(seed: UInt64(thread))
        let outcomes = Outcomes()
        for step in 0..<150 {
          let name = names[numbers.below(names.count)]
          switch numbers.below(10) {
          case 0: harness.host.handle(.unload(id: 1_000_000 + step, name: name))
          case 1:
            let id = thread * 1000 + step
            harness.host.handle(.prepare(id: id, harness.source(name)))
            if numbers.below(2) == 0 { harness.host.handle(.discard(id: id)) }
            harness.host.handle(.commit(id: id))
            harness.host.handle(.discard(id: id))
          case 2: harness.host.handle(.report(id: step))
          case 3: harness.host.handle(.loadNot(name: name, ServingError(.notFound, "no")))
          default:
            switch harness.host.target(name, mayMove: false, completion: outcomes.add) {
            case .found(let model): #expect(answer(model) == name)
            case .waiting: harness.host.handle(.load(harness.source(name)))
            case .failed, .elsewhere: break
            }
          }
        }
        ended.add(1, ordering: .sequentiallyConsistent)
      }
    }
    wait { ended.load(ordering: .sequentiallyConsistent) == 4 }
    // Everything is loaded or refused in the end: a request for each is answered.
    for name in names {
      let outcomes = Outcomes()
      switch harness.host.target(name, mayMove: false, completion: outcomes.add) {
      case .found(let model): #expect(answer(model) == name)
      case .waiting:
        harness.host.handle(.load(harness.source(name)))
        wait { outcomes.all.count == 1 }
      case .failed, .elsewhere: break
      }
    }
    expectNeverMore(than: room(4), harness)
    #expect(harness.live.most >= 3 * unit)
    // And nothing is kept that nobody has.
    for (number, name) in names.enumerated() { harness.host.handle(.unload(id: 2_000_000 + number, name: name)) }
    wait {
      (0..<names.count).allSatisfy { number in
        harness.count { if case .done(2_000_000 + number, _) = $0 { true } else { false } } == 1
      }
    }
  }
}

@Suite(.timeLimit(.minutes(1))) struct HostGenerations {
  @Test func `what is prepared serves when it is committed`() {
    let harness = HostHarness(lease: room(3))
    harness.load("a", "one")
    harness.host.handle(.prepare(id: 5, harness.source("a", "two")))
    wait { harness.isPrepared(5) }
    #expect(harness.call("a") == "one")
    #expect(harness.residents("a") == 1)
    harness.host.handle(.commit(id: 5))
    #expect(harness.call("a") == "two")
    let last = harness.replies.suffix(2)
    guard case .resident("a", "two", _, _)? = last.first else {
      Issue.record("\(last)")
      return
    }
    #expect(last.last == .done(id: 5, bytes: 0))
    wait { harness.live.now == unit }
    // A commit of what is not there is done, too.
    harness.host.handle(.commit(id: 99))
    #expect(harness.replies.last == .done(id: 99, bytes: 0))
    #expect(harness.call("a") == "two")
  }

  @Test func `requests keep the generation that they began with`() {
    let harness = HostHarness(lease: room(3))
    let gate = Gate()
    harness.set("one", FakeLoad(bytes: unit, callGate: gate))
    harness.load("a", "one")
    let answers = Mutex<[String?]>([])
    Thread.start(stackSize: 1 << 20) {
      let text = harness.call("a")
      answers.withLock { $0.append(text) }
    }
    wait { gate.arrivals == 1 }
    harness.host.handle(.prepare(id: 1, harness.source("a", "two")))
    wait { harness.isPrepared(1) }
    harness.host.handle(.commit(id: 1))
    #expect(harness.call("a") == "two")
    #expect(harness.live.now == 2 * unit)
    gate.open()
    wait { answers.withLock { $0.count } == 1 }
    #expect(answers.withLock { $0 } == ["one"])
    wait { harness.live.now == unit }
  }

  @Test func `what is discarded is gone, before, while or after it is loaded`() {
    let harness = HostHarness(lease: room(3))
    harness.load("a", "one")
    harness.host.handle(.prepare(id: 1, harness.source("a", "two")))
    wait { harness.isPrepared(1) }
    harness.host.handle(.discard(id: 1))
    wait { harness.live.now == unit }
    let gate = Gate()
    harness.set("three", FakeLoad(bytes: unit, gate: gate))
    harness.host.handle(.prepare(id: 2, harness.source("a", "three")))
    wait { gate.arrivals == 1 }
    harness.host.handle(.discard(id: 2))
    gate.open()
    // The next one is after it.
    harness.host.handle(.prepare(id: 3, harness.source("a", "four")))
    wait { harness.isPrepared(3) && harness.live.now == 2 * unit }
    #expect(!harness.isPrepared(2))
    harness.host.handle(.commit(id: 2))
    #expect(harness.call("a") == "one")
    // One that waits for memory.
    harness.host.handle(.prepare(id: 4, harness.source("a", "five", bytes: 90 * unit)))
    wait { !harness.needs.isEmpty }
    harness.host.handle(.discard(id: 4))
    harness.host.handle(.lease(bytes: room(200), isFinal: true))
    #expect(harness.refusal(4) == nil)
    #expect(!harness.loaded.contains("five"))
  }

  @Test func `a load that fails refuses the generation and leaves the old one`() {
    let harness = HostHarness(lease: room(3))
    harness.load("a", "one")
    harness.set("bad", FakeLoad(bytes: unit, error: broken))
    harness.host.handle(.prepare(id: 1, harness.source("a", "bad")))
    wait { harness.refusal(1) != nil }
    #expect(harness.refusal(1) == broken)
    #expect(harness.call("a") == "one")
    #expect(harness.loadFailure("a") == nil)
  }

  @Test func `a generation without room is refused`() {
    let harness = HostHarness(lease: room(1))
    harness.load("a", "one", isPinned: true)
    harness.host.handle(.prepare(id: 1, harness.source("a", "two")))
    wait { !harness.needs.isEmpty }
    harness.host.handle(.lease(bytes: room(1), isFinal: true))
    #expect(harness.refusal(1)?.code.status == 507)
    #expect(harness.call("a") == "one")
  }

  @Test func `other inputs are refused, where they are not allowed`() {
    for allows in [false, true] {
      let harness = HostHarness(
        WorkerHost.Configuration(defaultName: nil, loadsOnUse: true, allowsSignatureChange: allows), lease: room(3))
      harness.load("a", "one")
      harness.set("two", FakeLoad(bytes: unit, inputs: ["z"]))
      harness.host.handle(.prepare(id: 1, harness.source("a", "two")))
      wait { harness.refusal(1) != nil || harness.isPrepared(1) }
      #expect(harness.isPrepared(1) == allows)
      #expect(harness.refusal(1)?.setting == (allows ? nil : "allow-signature-change"))
      wait { harness.live.now == (allows ? 2 : 1) * unit }
    }
  }

  @Test func `a generation of a model that was dropped meanwhile is taken`() {
    let harness = HostHarness(lease: room(3))
    harness.host.handle(.prepare(id: 1, harness.source("a", "two")))
    wait { harness.isPrepared(1) }
    harness.host.handle(.commit(id: 1))
    #expect(harness.call("a") == "two")
  }
}

@Suite(.timeLimit(.minutes(1))) struct HostWordOrder {
  @Test func `what is said of the table is said in the order in which it happened`() {
    let harness = HostHarness(lease: room(2))
    let names = (0..<6).map { "m\($0)" }
    for name in names { harness.set(name, FakeLoad(bytes: unit)) }
    DispatchQueue.concurrentPerform(iterations: 4) { thread in
      for turn in 0..<500 {
        let name = names[(turn * 7 + thread * 3) % names.count]
        harness.host.handle(.load(harness.source(name)))
      }
    }
    // Each load ends with one.
    wait { harness.count { if case .resident = $0 { true } else { false } } == 2000 }
    var residents: Set<String> = []
    for reply in harness.replies {
      switch reply {
      case .resident(let name, _, _, _): residents.insert(name)
      case .gone(let name): #expect(residents.remove(name) != nil, "\(name) was gone before it was there")
      default: break
      }
    }
    #expect(residents == Set(names.filter { harness.find($0) != nil }))
  }
}
