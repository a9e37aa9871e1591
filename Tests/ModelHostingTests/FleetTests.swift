import JSONDocument
import ModelHosting
import ServingCore
import Testing

// With two workers the home of "a" is 1, and that of "iris" 0.

private func wanted(_ name: String) -> StoreJob { .fetch(name: name, isFresh: false) }
private func fresh(_ name: String) -> StoreJob { .fetch(name: name, isFresh: true) }

private func source(_ name: String, _ artifact: ModelArtifact, isPinned: Bool = false) -> ModelSource {
  ModelSource(
    name: name, path: artifact.path, digest: artifact.digest, version: artifact.version, bytes: artifact.bytes,
    isPinned: isPinned)
}

private let broken = ServingError(.modelLoadFailed, "cut short")

extension Harness {
  /// Names of the loaded models.
  fileprivate mutating func listed() -> [String?] {
    let number = command(.list(limit: 100, token: nil))
    return json(number)?["models"]?.array?.map { $0["modelName"]?.string } ?? []
  }
}

@Suite struct FleetFirstUse {
  @Test func `what a request names is fetched and loaded`() {
    var harness = Harness.fleet()
    harness.reply(1, .want(name: "iris"))
    #expect(harness.jobs == [wanted("iris")])
    harness.store(harness.job(wanted("iris")), .artifact(artifact("x")))
    #expect(harness.sent(1) == [.load(source("iris", artifact("x")))])
    #expect(harness.sent(0).isEmpty)
    #expect(harness.listed() == [])
    harness.resident(1, "iris", "x")
    #expect(harness.listed() == ["iris"])
  }

  @Test func `a second worker gets the same artifact without the store`() {
    var harness = Harness.fleet()
    harness.use("iris", artifact("x"), on: 0)
    harness.reply(1, .want(name: "iris"))
    #expect(harness.jobs == [])
    #expect(harness.sent(1) == [.load(source("iris", artifact("x")))])
  }

  @Test func `workers that ask at the same time get the same artifact`() {
    var harness = Harness.fleet()
    harness.reply(0, .want(name: "iris"))
    let first = harness.job(wanted("iris"))
    harness.reply(1, .want(name: "iris"))
    let second = harness.job(wanted("iris"))
    harness.store(second, .artifact(artifact("x")))
    harness.store(first, .artifact(artifact("y")))
    #expect(harness.sent(0) == [.load(source("iris", artifact("x")))])
    #expect(harness.sent(1) == harness.sent(0))
  }

  @Test func `what the store does not have is refused`() {
    var harness = Harness.fleet()
    harness.reply(1, .want(name: "iris"))
    harness.store(harness.job(wanted("iris")), permanent())
    #expect(harness.sent(1) == [.loadNot(name: "iris", ServingError(.notFound, "no such object"))])
    #expect(harness.listed() == [])
  }

  @Test func `without a store nothing is fetched`() {
    var harness = Harness.fleet(hasStore: false)
    harness.reply(1, .want(name: "iris"))
    #expect(harness.jobs == [])
    guard case .loadNot("iris", let error)? = harness.sent(1).first else {
      Issue.record("no refusal")
      return
    }
    #expect(error.code == .notFound)
  }

  @Test func `after a load that failed the store is asked anew`() {
    var harness = Harness.fleet()
    harness.reply(1, .want(name: "iris"))
    harness.store(harness.job(wanted("iris")), .artifact(artifact("x")))
    harness.reply(1, .loadFailed(name: "iris", broken))
    #expect(harness.logged("error").count == 1)
    #expect(harness.listed() == [])
    harness.log = []
    harness.reply(1, .want(name: "iris"))
    #expect(harness.jobs == [wanted("iris")])
    harness.store(harness.job(wanted("iris")), .artifact(artifact("y")))
    #expect(harness.sent(1) == [.load(source("iris", artifact("y")))])
  }

  @Test func `a failure in one worker leaves the model to the others`() {
    var harness = Harness.fleet()
    harness.use("iris", artifact("x"), on: 0)
    harness.reply(1, .want(name: "iris"))
    harness.reply(1, .loadFailed(name: "iris", broken))
    #expect(harness.listed() == ["iris"])
    #expect(harness.description("iris")?["lastError"]?.string == "cut short")
    #expect(harness.description("iris")?["workers"] == [0])
  }

  @Test func `a worker that is starting is served, one that has gone is not`() {
    var harness = Harness.fleet(isReady: false)
    harness.feed(.begin)
    harness.feed(.workerStarting(0))
    for worker in 0...1 {
      harness.reply(worker, .want(name: "iris"))
      harness.store(harness.job(wanted("iris")), .artifact(artifact("x")))
    }
    #expect(harness.sent(0).count == 1)
    #expect(harness.sent(1).isEmpty)
  }

  @Test func `a model that all have dropped is fetched anew`() {
    var harness = Harness.fleet()
    harness.use("iris", artifact("x"), on: 0)
    harness.reply(0, .gone(name: "iris"))
    #expect(harness.listed() == [])
    harness.reply(0, .want(name: "iris"))
    #expect(harness.job(wanted("iris")) != nil)
  }

  @Test func `a worker that ends takes its models along`() {
    var harness = Harness.fleet()
    harness.use("iris", artifact("x"), on: 0)
    harness.use("a", artifact("y"), on: 0)
    harness.use("a", artifact("y"), on: 1)
    harness.feed(.workerGone(0))
    #expect(harness.listed() == ["a"])
    #expect(harness.description("a")?["workers"] == [1])
    harness.feed(.workerStarting(0))
    harness.feed(.workerReady(0))
    // Nobody had them loaded by hand.
    #expect(harness.sent(0) == [.lease(bytes: 500, isFinal: false)])
  }
}

@Suite struct FleetByHand {
  private let url = "s3://b/k"
  private func load(_ name: String) -> ManagementCommand { .load(name: name, url: url) }
  private func from(_ name: String) -> StoreJob { .fetchFrom(name: name, url: url) }

  private func loaded(_ name: String, on worker: Int, hasStore: Bool = true, keeps: Bool = false) -> Harness {
    var harness = Harness.fleet(hasStore: hasStore) { $0.keepsExplicit = keeps }
    let command = harness.command(load(name))
    harness.store(harness.job(from(name)), .artifact(artifact("x")))
    harness.resident(worker, name, "x")
    #expect(harness.failure(command) == nil)
    harness.log = []
    return harness
  }

  @Test func `a load is answered when the model is there`() {
    var harness = Harness.fleet()
    let command = harness.command(load("a.tar.gz"))
    #expect(harness.jobs == [from("a")])
    harness.store(harness.job(from("a")), .artifact(artifact("x")))
    #expect(harness.sent(1) == [.load(source("a", artifact("x")))])
    #expect(harness.answers(command).isEmpty)
    harness.resident(1, "a", "x")
    #expect(harness.json(command) == ["modelName": "a", "modelUrl": "s3://bucket/x"])
    #expect(harness.listed() == ["a"])
  }

  @Test func `a name that is taken is a conflict`() {
    var harness = Harness.fleet()
    _ = harness.command(load("a"))
    #expect(harness.refusal(load("a"))?.code.status == 409)
    harness.use("iris", artifact("y"), on: 1)
    #expect(harness.refusal(load("iris.tar.gz"))?.code.status == 409)
  }

  @Test(arguments: ["", "../a", "a//b", "a\\b", "/a"])
  func `a name that is none is refused`(name: String) {
    var harness = Harness.fleet()
    #expect(harness.refusal(load(name))?.code.status == 400)
    #expect(harness.jobs == [])
  }

  @Test func `what is not there is said, and can be tried again`() {
    var harness = Harness.fleet()
    for _ in 0..<2 {
      harness.log = []
      let command = harness.command(load("a"))
      harness.store(harness.job(from("a")), permanent())
      #expect(harness.failure(command)?.code.status == 404)
      #expect(harness.listed() == [])
    }
  }

  @Test func `what cannot be loaded is said, and can be tried again`() {
    var harness = Harness.fleet()
    for _ in 0..<2 {
      harness.log = []
      let command = harness.command(load("a"))
      harness.store(harness.job(from("a")), .artifact(artifact("x")))
      harness.reply(1, .loadFailed(name: "a", broken))
      #expect(harness.failure(command) == broken)
      #expect(harness.listed() == [])
    }
  }

  @Test func `a load whose worker dies is answered`() {
    for isFetched in [false, true] {
      var harness = Harness.fleet()
      let command = harness.command(load("a"))
      if isFetched { harness.store(harness.job(from("a")), .artifact(artifact("x"))) }
      harness.feed(.workerGone(1))
      #expect(harness.failure(command)?.code == .modelLoadFailed)
      #expect(harness.answers(command).count == 1)
    }
  }

  @Test func `while the home is away another worker loads, and none without any`() {
    var harness = Harness.fleet()
    harness.feed(.workerGone(1))
    _ = harness.command(load("a"))
    harness.store(harness.job(from("a")), .artifact(artifact("x")))
    #expect(harness.sent(0) == [.load(source("a", artifact("x")))])
    harness.feed(.workerGone(0))
    #expect(harness.refusal(load("b"))?.code == .notReady)
    harness.feed(.workerStarting(1))
    _ = harness.command(load("a"))
    harness.store(harness.job(from("a")), .artifact(artifact("x")))
    #expect(harness.sent(1) == [.load(source("a", artifact("x")))])
  }

  @Test func `a server of one model has nothing to load or unload`() {
    var harness = Harness.single()
    harness.startUp(artifact("a"))
    #expect(harness.refusal(load("a"))?.code == .conflict)
    #expect(harness.refusal(.unload(name: "model"))?.code == .conflict)
  }

  @Test func `one that was dropped comes back as it was`() {
    var harness = loaded("a", on: 1, hasStore: false)
    harness.reply(1, .gone(name: "a"))
    #expect(harness.listed() == ["a"])
    #expect(harness.refusal(load("a"))?.code == .conflict)
    harness.log = []
    harness.reply(0, .want(name: "a"))
    #expect(harness.jobs == [])
    #expect(harness.sent(0) == [.load(source("a", artifact("x")))])
  }

  @Test func `SageMaker's contract pins what was loaded by hand`() {
    var harness = loaded("a", on: 1, keeps: true)
    harness.reply(0, .want(name: "a"))
    #expect(harness.sent(0) == [.load(source("a", artifact("x"), isPinned: true))])
  }

  @Test func `its home loads it again after a restart, when nobody else has it`() {
    var harness = loaded("a", on: 1)
    harness.feed(.workerGone(1))
    harness.feed(.workerStarting(1))
    harness.feed(.workerReady(1))
    #expect(harness.sent(1).last == .load(source("a", artifact("x"))))
    harness.resident(1, "a", "x")
    harness.use("a", artifact("x"), on: 0)
    harness.feed(.workerGone(1))
    harness.feed(.workerReady(1))
    #expect(harness.sent(1) == [.lease(bytes: 500, isFinal: false)])
  }

  @Test func `an unload waits for all who have the model`() {
    var harness = Harness.fleet()
    harness.use("a", artifact("x"), on: 0)
    harness.use("a", artifact("x"), on: 1)
    let command = harness.command(.unload(name: "a.tar.gz"))
    let id = harness.id(0)
    #expect(harness.sent(0) == [.unload(id: id, name: "a")])
    #expect(harness.sent(1) == harness.sent(0))
    #expect(harness.listed() == [])
    harness.reply(0, .done(id: id, bytes: 30))
    #expect(harness.answers(command).isEmpty)
    harness.reply(1, .done(id: id, bytes: 12))
    #expect(harness.json(command) == ["modelName": "a", "result": "unloaded", "freedBytes": 42])
    #expect(harness.refusal(.unload(name: "a"))?.code == .notFound)
  }

  @Test func `an unload does not wait for a worker that has ended`() {
    var harness = Harness.fleet()
    harness.use("a", artifact("x"), on: 0)
    harness.use("a", artifact("x"), on: 1)
    let command = harness.command(.unload(name: "a"))
    harness.reply(0, .done(id: harness.id(0), bytes: 30))
    harness.feed(.workerGone(1))
    #expect(harness.json(command)?["freedBytes"]?.int == 30)
  }

  @Test func `a worker that is loading it meanwhile drops it too`() {
    var harness = Harness.fleet()
    harness.use("a", artifact("x"), on: 0)
    harness.reply(1, .want(name: "a"))
    harness.log = []
    let command = harness.command(.unload(name: "a"))
    let id = harness.id(1)
    #expect(harness.sent(1) == [.unload(id: id, name: "a")])
    // Said before it was told.
    harness.resident(1, "a", "x")
    #expect(harness.listed() == [])
    for worker in 0...1 {
      harness.reply(worker, .removed(id: id))
      #expect(harness.answers(command).isEmpty)
      harness.reply(worker, .done(id: id, bytes: 30))
    }
    #expect(harness.json(command)?["freedBytes"]?.int == 60)
    #expect(harness.listed() == [])
  }

  @Test func `what was said before an unload is nothing of the model that is loaded after it`() {
    var harness = Harness.fleet()
    harness.use("a", artifact("x"), on: 0)
    harness.reply(1, .want(name: "a"))
    _ = harness.command(.unload(name: "a"))
    let id = harness.id(1)
    harness.reply(0, .removed(id: id))
    harness.use("a", artifact("y"), on: 0)
    harness.resident(1, "a", "x")
    #expect(harness.description("a")?["workers"]?.array?.count == 1)
    harness.reply(1, .gone(name: "a"))
    harness.reply(1, .loadFailed(name: "a", ServingError(.modelLoadFailed, "cut short")))
    #expect(harness.description("a")?["lastError"] == .null)
    harness.reply(1, .removed(id: id))
    harness.use("a", artifact("y"), on: 1)
    #expect(harness.description("a")?["workers"]?.array?.count == 2)
  }

  @Test func `an unload stops a refresh`() {
    var harness = Harness.fleet()
    harness.use("a", artifact("x"), on: 1)
    let refresh = harness.command(.refresh(name: "a"))
    harness.store(harness.job(fresh("a")), .artifact(artifact("y")))
    let id = harness.id(1)
    let unload = harness.command(.unload(name: "a"))
    #expect(harness.answers(refresh).count == 1)
    #expect(harness.sent(1).contains(.discard(id: id)))
    harness.reply(1, .done(id: harness.id(1), bytes: 1))
    #expect(harness.json(unload) != nil)
  }
}

@Suite struct FleetListing {
  @Test func `pages begin after the last name of the one before`() {
    var harness = Harness.fleet()
    for name in ["d", "b", "e", "a", "c"] { harness.use(name, artifact("x-\(name)"), on: 0) }
    func page(_ token: String?) -> (names: [String?], next: String?) {
      let document = harness.reply(.list(limit: 2, token: token))
      return (document?["models"]?.array?.map { $0["modelName"]?.string } ?? [], document?["nextPageToken"]?.string)
    }
    let first = page(nil)
    #expect(first.names == ["a", "b"])
    #expect(page(first.next).names == ["c", "d"])
    // What comes and goes in between moves nothing.
    harness.reply(0, .gone(name: "b"))
    harness.use("aa", artifact("x-aa"), on: 0)
    let second = page(first.next)
    #expect(second.names == ["c", "d"])
    let third = page(second.next)
    #expect(third.names == ["e"])
    #expect(third.next == nil)
    #expect(page("zz").names.isEmpty)
    let bad = harness.command(.list(limit: 2, token: "zz"))
    #expect(harness.failure(bad)?.field == "next_page_token")
  }

  @Test func `a full last page has no next one`() {
    var harness = Harness.fleet()
    for name in ["a", "b"] { harness.use(name, artifact(name), on: 0) }
    let all = harness.reply(.list(limit: 2, token: nil))
    #expect(
      all == [
        "models": [
          ["modelName": "a", "modelUrl": "s3://bucket/a"], ["modelName": "b", "modelUrl": "s3://bucket/b"],
        ]
      ])
  }

  @Test func `what the store holds is listed with its state`() {
    var harness = Harness.fleet()
    harness.use("a", artifact("x"), on: 0)
    let number = harness.command(.listRegistered(limit: 7, token: "t"))
    let job = harness.job(.catalogue(token: "t", limit: 7))
    harness.store(job, .names(["a.tar.gz", "b"], next: "u"))
    #expect(
      harness.json(number) == [
        "models": [
          ["modelName": "a.tar.gz", "state": "loaded"], ["modelName": "b", "state": "unloaded"],
        ], "nextPageToken": "u",
      ])
    harness.store(job, .names([], next: nil))
    #expect(harness.answers(number).count == 1)
  }

  @Test func `a store that fails is said`() {
    var harness = Harness.fleet()
    let number = harness.command(.listRegistered(limit: 7, token: nil))
    harness.store(harness.job(.catalogue(token: nil, limit: 7)), transient())
    #expect(harness.failure(number)?.code == .storeUnavailable)
  }

  @Test func `without a store what is loaded is all there is`() {
    var harness = Harness.fleet(hasStore: false)
    #expect(harness.reply(.listRegistered(limit: 7, token: nil)) == ["models": []])
    var single = Harness.single()
    single.startUp(artifact("a"))
    let number = single.command(.listRegistered(limit: 7, token: nil))
    #expect(single.json(number)?["models"]?.array?.first?["modelName"]?.string == "model")
  }
}

@Suite struct FleetDescriptions {
  private func report(_ id: Int, hits: Int, last: Int, name: String = "a") -> HostReply {
    .report(
      id: id, [ModelReport(name: name, hits: hits, lastUse: last), ModelReport(name: "z", hits: 99, lastUse: 99)],
      HostTotals(hits: hits, misses: 1, evictions: 2, privateBytes: 1000 + hits))
  }

  private func loaded(_ name: String = "a") -> Harness {
    var harness = Harness.fleet()
    harness.use(name, artifact("x", version: "3"), on: 0)
    harness.use(name, artifact("x", version: "3"), on: 1)
    return harness
  }

  @Test func `a description adds up what the workers that have it know`() {
    var harness = loaded()
    let number = harness.command(.describe(name: "a.tar.gz"))
    let id = harness.id(0)
    #expect(harness.sent(0) == [.report(id: id)])
    #expect(harness.sent(1) == [.report(id: id)])
    harness.reply(0, report(id, hits: 3, last: 5000))
    harness.reply(0, report(id, hits: 100, last: 9000))
    #expect(harness.answers(number).isEmpty)
    harness.reply(1, report(id, hits: 4, last: 6000))
    let document = harness.json(number)
    #expect(document?["hits"]?.int == 7)
    #expect(document?["lastUse"]?.string == "1970-01-01T00:00:06.000Z")
    #expect(document?["state"]?.string == "loaded")
    #expect(document?["version"]?.string == "3")
    #expect(document?["digest"]?.string == "x")
    #expect(document?["modelUrl"]?.string == "s3://bucket/x")
    #expect(document?["workers"] == [0, 1])
    #expect(document?["memory"] == ["privateBytes": 20, "sharedBytes": 20])
    #expect(document?["loadSeconds"]?.double == 0.5)
    #expect(document?["lastRefresh"] == .null)
    #expect(harness.coordinator.deadline == nil)
  }

  @Test func `a worker that does not answer is not waited for longer than a second`() {
    var harness = loaded()
    let number = harness.command(.describe(name: "a"))
    let id = harness.id(0)
    harness.reply(0, report(id, hits: 3, last: 0))
    harness.advance(.milliseconds(999))
    #expect(harness.answers(number).isEmpty)
    harness.advance(.milliseconds(1))
    #expect(harness.json(number)?["hits"]?.int == 3)
    #expect(harness.json(number)?["lastUse"] == .null)
    harness.reply(1, report(id, hits: 4, last: 6000))
    #expect(harness.answers(number).count == 1)
  }

  @Test func `a worker that dies is not waited for`() {
    var harness = loaded()
    let number = harness.command(.describe(name: "a"))
    harness.reply(0, report(harness.id(0), hits: 3, last: 0))
    harness.feed(.workerGone(1))
    #expect(harness.json(number)?["hits"]?.int == 3)
  }

  @Test func `one that nobody has loaded has no description`() {
    var harness = loaded()
    #expect(harness.refusal(.describe(name: "b"))?.code == .notFound)
  }

  @Test func `metrics are told of all workers`() throws {
    var harness = loaded("a\\b\"c\nd")
    harness.reply(0, .want(name: "x"))
    harness.store(harness.job(wanted("x")), .artifact(artifact("y")))
    harness.reply(0, .loadFailed(name: "x", broken))
    harness.use("e", artifact("e"), on: 0)
    harness.reply(0, .gone(name: "e"))
    let number = harness.command(.metrics)
    let id = harness.id(0)
    harness.reply(0, report(id, hits: 3, last: 0))
    harness.reply(1, report(id, hits: 4, last: 0))
    guard case .text(let text)? = harness.answers(number).first else {
      Issue.record("no metrics")
      return
    }
    let lines = Set(text.split(separator: "\n").map(String.init))
    for line in [
      #"swiftlet_refresh_total{result="committed"} 0"#, "swiftlet_model_loaded 1",
      #"swiftlet_model_workers{model="a\\b\"c\nd"} 2"#,
      #"swiftlet_model_memory_bytes{model="a\\b\"c\nd",kind="private"} 20"#,
      #"swiftlet_model_memory_bytes{model="a\\b\"c\nd",kind="shared"} 20"#,
      "swiftlet_model_load_seconds_sum 1.5", "swiftlet_model_load_seconds_count 3",
      "swiftlet_model_load_failures_total 1", "swiftlet_model_evictions_total 1",
      "swiftlet_model_cache_hits_total 7", "swiftlet_model_cache_misses_total 2", "swiftlet_memory_budget_bytes 1000",
      #"swiftlet_worker_memory_bytes{worker="0"} 1003"#, #"swiftlet_worker_memory_bytes{worker="1"} 1004"#,
      "# TYPE swiftlet_refresh_total counter", "# TYPE swiftlet_model_load_seconds summary",
    ] {
      #expect(lines.contains(line), "\(line)")
    }
    #expect(text.hasSuffix("\n"))
    // Every sample is of a family that was named before it.
    var family = ""
    for line in text.split(separator: "\n") {
      if line.hasPrefix("# TYPE ") {
        family = String(line.split(separator: " ")[2])
      } else if !line.hasPrefix("#") {
        #expect(line.hasPrefix(family))
      }
    }
  }

  @Test func `metrics do not wait for workers that are not there`() {
    var harness = Harness.fleet(isReady: false)
    #expect(harness.outcome(.metrics).count == 1)
    var single = Harness.single()
    guard case .text(let text)? = single.outcome(.metrics).first else {
      Issue.record("no metrics")
      return
    }
    #expect(!text.contains("swiftlet_memory_budget_bytes"))
  }
}

@Suite struct FleetRefresh {
  @Test func `those who have the model change together`() {
    var harness = Harness.fleet(workers: 3)
    harness.use("a", artifact("x"), on: 0)
    harness.use("a", artifact("x"), on: 2)
    let command = harness.command(.refresh(name: "a.tar.gz"))
    harness.store(harness.job(fresh("a")), .artifact(artifact("y")))
    let id = harness.id(0)
    #expect(harness.sent(0) == [.prepare(id: id, source("a", artifact("y")))])
    #expect(harness.sent(1).isEmpty)
    harness.prepare(id, on: [0])
    // A third that comes to it now loads the old one first.
    harness.reply(1, .want(name: "a"))
    #expect(harness.sent(1) == [.load(source("a", artifact("x")))])
    harness.prepare(id, on: [2])
    #expect(harness.sent(0).count == 1)
    harness.resident(1, "a", "x")
    #expect(harness.sent(1).last == .prepare(id: id, source("a", artifact("y"))))
    harness.prepare(id, on: [1])
    harness.commit(id, "a", "y", on: [0, 1, 2])
    #expect(harness.json(command)?["result"]?.string == "committed")
    #expect(harness.served.isEmpty)
    #expect(harness.published.isEmpty)
  }

  @Test func `one that wants it while others commit gets the new one`() {
    var harness = Harness.fleet()
    harness.use("a", artifact("x"), on: 0)
    let command = harness.command(.refresh(name: "a"))
    harness.store(harness.job(fresh("a")), .artifact(artifact("y")))
    let id = harness.id(0)
    harness.prepare(id, on: [0])
    harness.reply(1, .want(name: "a"))
    #expect(harness.sent(1) == [.load(source("a", artifact("y")))])
    harness.commit(id, "a", "y", on: [0])
    #expect(harness.answers(command).isEmpty)
    harness.reply(1, .loadFailed(name: "a", broken))
    #expect(harness.json(command)?["result"]?.string == "committed")
  }

  @Test func `a model that nobody has is not refreshed`() {
    var harness = Harness.fleet()
    #expect(harness.refusal(.refresh(name: "a"))?.code == .notFound)
    #expect(harness.refusal(.rollback(name: "a", version: nil))?.code == .notFound)
    #expect(harness.jobs == [])
  }

  @Test func `one that all drop meanwhile is forgotten`() {
    var harness = Harness.fleet()
    harness.use("a", artifact("x"), on: 0)
    let command = harness.command(.refresh(name: "a"))
    harness.store(harness.job(fresh("a")), .artifact(artifact("y")))
    harness.reply(0, .gone(name: "a"))
    #expect(harness.answers(command).isEmpty)
    // It has dropped the old one, not what it prepares.
    harness.prepare(harness.id(0), on: [0])
    #expect(harness.sent(0).last == .commit(id: harness.id(0)))
  }

  @Test func `one whose last worker dies meanwhile is forgotten`() {
    var harness = Harness.fleet()
    harness.use("a", artifact("x"), on: 0)
    let command = harness.command(.refresh(name: "a"))
    harness.store(harness.job(fresh("a")), .artifact(artifact("y")))
    harness.feed(.workerGone(0))
    #expect(harness.answers(command).count == 1)
    #expect(harness.failure(command) != nil)
    harness.log = []
    harness.reply(1, .want(name: "a"))
    #expect(harness.jobs == [wanted("a")])
  }

  @Test func `loaded models are polled, each for itself`() {
    var harness = Harness.fleet(interval: .seconds(60))
    #expect(harness.coordinator.deadline == nil)
    harness.use("a", artifact("x"), on: 0)
    harness.advance(.seconds(30))
    harness.use("b", artifact("y"), on: 0)
    harness.advance(.seconds(30))
    #expect(harness.jobs == [.check(name: "a")])
    harness.advance(.seconds(30))
    #expect(harness.jobs == [.check(name: "a"), .check(name: "b")])
    harness.store(harness.job(.check(name: "a")), .fingerprint("f-z"))
    #expect(harness.jobs.last == fresh("a"))
    harness.store(harness.job(fresh("a")), .artifact(artifact("z")))
    #expect(harness.sent(0) == [.prepare(id: harness.id(0), source("a", artifact("z")))])
  }

  @Test func `a rollback goes as in a server of one model`() {
    var harness = Harness.fleet()
    harness.use("a", artifact("x"), on: 0)
    harness.refresh(artifact("y"), "a", on: [0])
    let command = harness.command(.rollback(name: "a", version: nil))
    let id = harness.id(0)
    #expect(harness.sent(0) == [.prepare(id: id, source("a", artifact("x")))])
    harness.prepare(id, on: [0])
    #expect(harness.jobs == [.pin(name: "a", digest: "x")])
    harness.commit(id, "a", "x", on: [0])
    #expect(harness.answers(command).isEmpty)
    harness.store(harness.job(.pin(name: "a", digest: "x")), .done)
    #expect(harness.json(command)?["result"]?.string == "rolled_back")
  }
}

@Suite struct FleetPinned {
  private func begun() -> Harness {
    var harness = Harness.fleet(pinned: ["a", "iris"], isReady: false)
    harness.feed(.begin)
    return harness
  }

  @Test func `pinned models are fetched at the start, and loaded when their home is ready`() {
    var harness = begun()
    #expect(harness.jobs == [wanted("a"), wanted("iris"), .catalogue(token: nil, limit: 1)])
    harness.store(harness.job(wanted("a")), .artifact(artifact("x")))
    #expect(harness.sends == 0)
    harness.feed(.workerStarting(1))
    harness.feed(.workerReady(1))
    #expect(harness.sent(1) == [.lease(bytes: 500, isFinal: false), .load(source("a", artifact("x")))])
    harness.feed(.workerStarting(0))
    harness.feed(.workerReady(0))
    #expect(harness.sent(0).count == 1)
    harness.store(harness.job(wanted("iris")), .artifact(artifact("y")))
    #expect(harness.sent(0).last == .load(source("iris", artifact("y"))))
  }

  @Test func `they come back with their worker`() {
    var harness = begun()
    for worker in 0...1 { harness.feed(.workerReady(worker)) }
    harness.store(harness.job(wanted("a")), .artifact(artifact("x")))
    harness.resident(1, "a", "x")
    harness.feed(.workerGone(1))
    harness.log = []
    harness.feed(.workerReady(1))
    #expect(harness.sent(1).last == .load(source("a", artifact("x"))))
  }

  @Test func `one that is not there is wanted again on use`() {
    var harness = begun()
    for worker in 0...1 { harness.feed(.workerReady(worker)) }
    harness.store(harness.job(wanted("a")), permanent())
    #expect(harness.listed() == [])
    harness.log = []
    harness.reply(0, .want(name: "a"))
    #expect(harness.jobs == [wanted("a")])
  }
}

@Suite struct LeaseBrokering {
  @Test func `the budget is shared out evenly`() {
    #expect(HostingCoordinator.firstLease(budget: 1000, workers: 3) == 333)
    #expect(HostingCoordinator.firstLease(budget: 1000, workers: 0) == 1000)
    var harness = Harness.fleet(workers: 3, isReady: false)
    for worker in 0..<3 { harness.feed(.workerReady(worker)) }
    for worker in 0..<3 { #expect(harness.sent(worker) == [.lease(bytes: 333, isFinal: false)]) }
  }

  @Test func `others give what they can spare, one after the other`() {
    var harness = Harness.fleet(workers: 3, budget: 900)
    harness.reply(0, .need(bytes: 200))
    let donor = harness.sent(1).isEmpty ? 2 : 1
    let other = 3 - donor
    #expect(harness.sent(donor) == [.shrink(id: harness.id(donor), bytes: 200)])
    #expect(harness.sends == 1)
    harness.reply(donor, .done(id: harness.id(donor), bytes: 150))
    #expect(harness.sent(other) == [.shrink(id: harness.id(other), bytes: 50)])
    #expect(harness.sent(0).isEmpty)
    harness.reply(other, .done(id: harness.id(other), bytes: 50))
    #expect(harness.sent(0) == [.lease(bytes: 500, isFinal: false)])
    // The one with most left is asked first the next time, and nobody is asked for more than is missing.
    harness.log = []
    harness.reply(0, .need(bytes: 10))
    #expect(harness.sent(other) == [.shrink(id: harness.id(other), bytes: 10)])
    harness.reply(other, .done(id: harness.id(other), bytes: 10))
    #expect(harness.sent(0) == [.lease(bytes: 510, isFinal: false)])
  }

  @Test func `when it is not enough the answer is final`() {
    var harness = Harness.fleet(workers: 2, budget: 800)
    harness.reply(0, .need(bytes: 300))
    harness.reply(1, .done(id: harness.id(1), bytes: 100))
    #expect(harness.sent(0) == [.lease(bytes: 500, isFinal: true)])
  }

  @Test func `what all together do not have is asked of nobody`() {
    var harness = Harness.fleet(workers: 3, budget: 900)
    harness.reply(0, .need(bytes: 601))
    #expect(harness.sends == 1)
    #expect(harness.sent(0) == [.lease(bytes: 300, isFinal: true)])
    var alone = Harness.fleet(workers: 1)
    alone.reply(0, .need(bytes: 1))
    #expect(alone.sent(0) == [.lease(bytes: 1000, isFinal: true)])
  }

  @Test func `a donor that gives more than it has gives what it has`() {
    var harness = Harness.fleet(workers: 2, budget: 800)
    harness.reply(0, .need(bytes: 400))
    harness.reply(1, .done(id: harness.id(1), bytes: 1_000_000))
    #expect(harness.sent(0) == [.lease(bytes: 800, isFinal: false)])
  }

  @Test func `needs wait for their turn`() {
    var harness = Harness.fleet(workers: 2, budget: 800)
    harness.reply(0, .need(bytes: 100))
    harness.reply(1, .need(bytes: 50))
    #expect(harness.sends == 1)
    harness.reply(1, .done(id: harness.id(1), bytes: 100))
    #expect(harness.sent(0).first == .lease(bytes: 500, isFinal: false))
    #expect(harness.sent(0).last == .shrink(id: harness.id(0), bytes: 50))
    harness.reply(0, .done(id: harness.id(0), bytes: 0))
    #expect(harness.sent(1).last == .lease(bytes: 300, isFinal: true))
  }

  @Test func `a donor that dies is passed over`() {
    var harness = Harness.fleet(workers: 3, budget: 900)
    harness.reply(0, .need(bytes: 200))
    let donor = harness.sent(1).isEmpty ? 2 : 1
    harness.feed(.workerGone(donor))
    #expect(harness.sent(3 - donor) == [.shrink(id: harness.id(3 - donor), bytes: 200)])
    // What it says after all does not count twice.
    harness.reply(donor, .done(id: harness.id(donor), bytes: 200))
    harness.feed(.workerGone(3 - donor))
    #expect(harness.sent(0) == [.lease(bytes: 300, isFinal: true)])
    harness.feed(.workerReady(donor))
    #expect(harness.sent(donor).last == .lease(bytes: 300, isFinal: false))
  }

  @Test func `a worker that dies while it waits is forgotten`() {
    var harness = Harness.fleet(workers: 3, budget: 900)
    harness.reply(0, .need(bytes: 100))
    let donor = harness.sent(1).isEmpty ? 2 : 1
    harness.reply(donor, .need(bytes: 10))
    let id = harness.id(donor)
    harness.feed(.workerGone(donor))
    #expect(harness.sent(3 - donor).count == 1)
    harness.reply(3 - donor, .done(id: harness.id(3 - donor), bytes: 100))
    #expect(harness.sent(0) == [.lease(bytes: 400, isFinal: false)])
    harness.log = []
    harness.reply(donor, .done(id: id, bytes: 100))
    #expect(harness.sends == 0)
  }

  @Test func `leases never add up to more than the budget`() {
    var random = Numbers(seed: 3)
    var harness = Harness.fleet(workers: 4, budget: 4000)
    var leases = [1000, 1000, 1000, 1000]
    for _ in 0..<2000 {
      harness.log = []
      harness.reply(random.below(4), .need(bytes: random.below(1500)))
      // Answers as long as somebody is asked, and now and then a death.
      while case .send(let worker, let command)? = harness.log.first {
        harness.log.removeFirst()
        switch command {
        case .lease(let bytes, _): leases[worker] = bytes
        case .shrink(let id, let bytes):
          if random.below(10) == 0 {
            harness.feed(.workerGone(worker))
            harness.feed(.workerReady(worker))
          } else {
            let given = min(random.below(bytes + 1), leases[worker])
            leases[worker] -= given
            harness.reply(worker, .done(id: id, bytes: given))
          }
        case .prepare, .commit, .discard, .load, .loadNot, .unload, .report: break
        }
      }
      #expect(leases.reduce(0, +) <= 4000)
      #expect(leases.allSatisfy { $0 >= 0 })
    }
  }
}

/// Random numbers that are the same for the same seed.
struct Numbers {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func below(_ bound: Int) -> Int {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return Int((z ^ (z >> 31)) % UInt64(max(bound, 1)))
  }
}

extension FleetRefresh {
  @Test func `what is still being loaded is not reported as served`() {
    var harness = Harness.fleet()
    harness.reply(0, .want(name: "a"))
    harness.store(harness.job(.fetch(name: "a", isFresh: false)), .artifact(artifact("bad")))
    let refresh = harness.command(.refresh(name: "a"))
    harness.store(harness.job(.fetch(name: "a", isFresh: true)), .artifact(artifact("bad")))
    #expect(harness.answers(refresh).isEmpty)
    harness.reply(0, .loadFailed(name: "a", ServingError(.modelLoadFailed, "cut short")))
    #expect(harness.json(refresh) == nil)
    #expect(harness.answers(refresh).count == 1)
  }
}

extension FleetByHand {
  @Test func `a call whose model is unloaded while the store is asked asks again`() {
    var harness = Harness.fleet()
    harness.use("a", artifact("x"), on: 0)
    harness.reply(0, .gone(name: "a"))
    harness.reply(0, .want(name: "a"))
    let job = harness.job(wanted("a"))
    harness.use("a", artifact("x"), on: 1)
    _ = harness.command(.unload(name: "a"))
    harness.reply(1, .removed(id: harness.id(1)))
    harness.log = []
    // What the store had before the unload is loaded by nobody.
    harness.store(job, .artifact(artifact("x")))
    #expect(harness.sends == 0)
    #expect(harness.jobs == [wanted("a")])
    harness.store(harness.job(wanted("a")), .artifact(artifact("y")))
    #expect(harness.sent(0) == [.load(source("a", artifact("y")))])
  }

  @Test(arguments: [false, true])
  func `a call after an unload does not share what was asked before it`(fails: Bool) {
    var harness = Harness.fleet()
    harness.reply(0, .want(name: "a"))
    let job = harness.job(wanted("a"))
    harness.use("a", artifact("x"), on: 1)
    _ = harness.command(.unload(name: "a"))
    harness.log = []
    harness.reply(1, .want(name: "a"))
    #expect(harness.jobs == [fresh("a")])
    harness.store(job, fails ? permanent() : .artifact(artifact("x")))
    #expect(harness.jobs == [fresh("a"), wanted("a")])
    #expect(harness.sends == 0)
  }

  @Test func `a call does not load what the store had before a refresh was answered`() {
    var harness = Harness.fleet()
    harness.reply(0, .want(name: "a"))
    let job = harness.job(wanted("a"))
    harness.use("a", artifact("y"), on: 1)
    let refresh = harness.command(.refresh(name: "a"))
    harness.store(harness.job(fresh("a")), .artifact(artifact("y")))
    #expect(harness.json(refresh)?["result"]?.string == "unchanged")
    harness.reply(1, .gone(name: "a"))
    harness.log = []
    harness.store(job, .artifact(artifact("x")))
    #expect(harness.sent(0) == [.load(source("a", artifact("y")))])
  }

  @Test func `a load by hand that is unloaded while the store is asked ends with that`() {
    var harness = Harness.fleet()
    let load = harness.command(.load(name: "a", url: "u"))
    let job = harness.job(.fetchFrom(name: "a", url: "u"))
    _ = harness.command(.unload(name: "a"))
    #expect(harness.failure(load)?.code == .conflict)
    harness.log = []
    harness.store(job, .artifact(artifact("x")))
    #expect(harness.sends == 0)
    #expect(harness.listed() == [])
  }
}

/// What serves is what was accepted, whatever the store has, until a refresh.
@Suite struct FleetAccepted {
  private func rolledBack() -> Harness {
    var harness = Harness.fleet()
    harness.use("a", artifact("x"), on: 0)
    harness.refresh(artifact("y"), "a", on: [0])
    _ = harness.command(.rollback(name: "a", version: nil))
    let id = harness.id(0)
    harness.prepare(id, on: [0])
    harness.commit(id, "a", "x", on: [0])
    harness.store(harness.job(.pin(name: "a", digest: "x")), .done)
    harness.log = []
    return harness
  }

  private func refused() -> Harness {
    var harness = Harness.fleet()
    harness.use("a", artifact("x"), on: 0)
    _ = harness.command(.refresh(name: "a"))
    harness.store(harness.job(fresh("a")), .artifact(artifact("bad")))
    harness.reply(0, .refused(id: harness.id(0), broken))
    harness.log = []
    return harness
  }

  private enum Loss: CaseIterable { case eviction, death, unload }

  @Test(arguments: [0, 1, 2])
  func `a rollback outlasts the model's stay in memory`(loss: Int) {
    var harness = rolledBack()
    switch Loss.allCases[loss] {
    case .eviction: harness.reply(0, .gone(name: "a"))
    case .death:
      harness.feed(.workerGone(0))
      harness.feed(.workerStarting(0))
      harness.feed(.workerReady(0))
    case .unload:
      _ = harness.command(.unload(name: "a"))
      harness.reply(0, .removed(id: harness.id(0)))
      harness.reply(0, .done(id: harness.id(0), bytes: 1))
    }
    #expect(harness.listed() == [])
    harness.log = []
    harness.reply(1, .want(name: "a"))
    #expect(harness.sent(1) == [.load(source("a", artifact("x")))])
    #expect(harness.jobs == [])
    harness.resident(1, "a", "x")
    #expect(harness.description("a")?["pinnedByRollback"]?.bool == true)
    #expect(harness.description("a")?["previousVersions"]?.array?.count == 1)
  }

  @Test func `a refresh of a model that nobody has loaded ends its rollback`() {
    var harness = rolledBack()
    harness.reply(0, .gone(name: "a"))
    #expect(harness.refusal(.refresh(name: "a"))?.code == .notFound)
    #expect(harness.jobs == [.pin(name: "a", digest: nil)])
    harness.log = []
    harness.reply(1, .want(name: "a"))
    #expect(harness.jobs.contains { if case .fetch("a", _) = $0 { true } else { false } })
    #expect(harness.sends == 0)
  }

  @Test(arguments: [false, true])
  func `a generation that was refused is not loaded instead of the one before`(isDeath: Bool) {
    var harness = refused()
    if isDeath { harness.feed(.workerGone(0)) } else { harness.reply(0, .gone(name: "a")) }
    harness.log = []
    harness.reply(1, .want(name: "a"))
    #expect(harness.sent(1) == [.load(source("a", artifact("x")))])
  }

  @Test func `an artifact that cannot be fetched is not waited for instead of the one before`() {
    var harness = Harness.fleet()
    harness.use("a", artifact("x"), on: 0)
    _ = harness.command(.refresh(name: "a"))
    harness.store(harness.job(fresh("a")), permanent(.modelLoadFailed, "cut short"))
    harness.reply(0, .gone(name: "a"))
    harness.log = []
    harness.reply(1, .want(name: "a"))
    #expect(harness.sent(1) == [.load(source("a", artifact("x")))])
  }

  @Test func `a choice that the store remembers is one after a restart`() {
    var harness = Harness.fleet()
    harness.reply(0, .want(name: "a"))
    var chosen = artifact("x")
    chosen.isPinned = true
    chosen.previous = [artifact("y")]
    harness.store(harness.job(wanted("a")), .artifact(chosen))
    harness.resident(0, "a", "x")
    #expect(harness.description("a")?["pinnedByRollback"]?.bool == true)
    #expect(harness.description("a")?["previousVersions"]?.array?.count == 1)
  }

  @Test func `a model that nobody has any more when its refresh ends is loaded from the store`() {
    var harness = Harness.fleet()
    harness.use("a", artifact("x"), on: 0)
    let refresh = harness.command(.refresh(name: "a"))
    harness.store(harness.job(fresh("a")), .artifact(artifact("y")))
    harness.feed(.workerGone(0))
    #expect(harness.failure(refresh)?.code == .conflict)
    harness.log = []
    harness.reply(1, .want(name: "a"))
    #expect(harness.sends == 0)
    #expect(harness.jobs == [wanted("a")])
  }

  @Test func `a refresh for which there is no memory may be polled again`() {
    var harness = Harness.fleet()
    harness.use("a", artifact("x"), on: 0)
    let refresh = harness.command(.refresh(name: "a"))
    harness.store(harness.job(fresh("a")), .artifact(artifact("y")))
    harness.reply(0, .refused(id: harness.id(0), ServingError(.insufficientStorage, "no memory")))
    #expect(harness.failure(refresh)?.code == .insufficientStorage)
    harness.reply(0, .gone(name: "a"))
    harness.log = []
    harness.reply(0, .want(name: "a"))
    #expect(harness.sends == 0)
  }

  @Test func `a pinned model that cannot be loaded is tried again`() {
    var harness = Harness.fleet(pinned: ["a"])
    harness.feed(.begin)
    harness.store(harness.job(wanted("a")), permanent())
    harness.log = []
    harness.advance(.seconds(14))
    #expect(harness.jobs == [])
    harness.advance(.seconds(2))
    #expect(harness.jobs == [wanted("a")])
    harness.store(harness.job(wanted("a")), .artifact(artifact("x")))
    harness.log = []
    harness.reply(1, .loadFailed(name: "a", broken))
    harness.advance(.seconds(16))
    #expect(harness.jobs == [wanted("a")])
  }

  @Test func `a store that cannot be listed is said at the start`() {
    var harness = Harness.fleet()
    harness.feed(.begin)
    harness.store(harness.job(.catalogue(token: nil, limit: 1)), permanent(.forbidden, "no access"))
    #expect(harness.logged("warning").count == 1)
    var other = Harness.fleet()
    other.feed(.begin)
    other.store(other.job(.catalogue(token: nil, limit: 1)), .names(["a"], next: nil))
    #expect(other.logged("warning").isEmpty)
  }

  @Test func `a name is its bytes`() {
    var harness = Harness.fleet()
    harness.use("caf\u{E9}", artifact("x"), on: 0)
    harness.log = []
    harness.reply(1, .want(name: "cafe\u{301}"))
    guard case .loadNot(_, let error)? = harness.sent(1).first else {
      Issue.record("the other spelling is taken for the same")
      return
    }
    #expect(error.code == .conflict)
    #expect(harness.refusal(.load(name: "cafe\u{301}", url: "u"))?.code == .conflict)
  }

  @Test func `an unload takes a refusal back`() {
    var harness = refused()
    _ = harness.command(.unload(name: "a"))
    harness.reply(0, .removed(id: harness.id(0)))
    harness.log = []
    harness.reply(0, .want(name: "a"))
    #expect(harness.sends == 0)
    #expect(harness.jobs == [wanted("a")])
  }

  @Test func `a load that fails for want of memory does not bring a refused generation in`() {
    var harness = refused()
    harness.reply(0, .gone(name: "a"))
    harness.reply(0, .want(name: "a"))
    harness.reply(0, .loadFailed(name: "a", ServingError(.insufficientStorage, "no memory")))
    harness.log = []
    harness.reply(0, .want(name: "a"))
    #expect(harness.sent(0) == [.load(source("a", artifact("x")))])
    #expect(harness.jobs == [])
  }

  @Test func `every refresh of a model that goes meanwhile is answered`() {
    var harness = Harness.fleet()
    harness.use("a", artifact("x"), on: 0)
    let refreshes = (0..<3).map { _ in harness.command(.refresh(name: "a")) }
    harness.reply(0, .gone(name: "a"))
    harness.store(harness.job(fresh("a")), .artifact(artifact("y")))
    #expect(refreshes.map { harness.answers($0).count } == [1, 1, 1])
  }

  @Test func `a refresh of a model that the store has no more refuses nothing`() {
    var harness = Harness.fleet()
    harness.use("a", artifact("x"), on: 0)
    _ = harness.command(.refresh(name: "a"))
    harness.store(harness.job(fresh("a")), permanent(.notFound))
    harness.reply(0, .gone(name: "a"))
    harness.log = []
    harness.reply(0, .want(name: "a"))
    #expect(harness.sends == 0)
  }

  @Test func `a model that is dropped while it is checked is forgotten`() {
    var harness = Harness.fleet(interval: .seconds(60))
    harness.use("a", artifact("x"), on: 0)
    harness.advance(.seconds(61))
    let check = harness.job(.check(name: "a"))
    harness.reply(0, .gone(name: "a"))
    harness.store(check, .fingerprint(artifact("x").fingerprint))
    harness.log = []
    harness.reply(0, .want(name: "a"))
    #expect(harness.jobs == [wanted("a")])
  }
}

extension FleetByHand {
  @Test func `a call that fails does not make a load by hand anonymous`() {
    var harness = Harness.fleet()
    let load = harness.command(.load(name: "a", url: "u"))
    let job = harness.job(.fetchFrom(name: "a", url: "u"))
    harness.reply(1, .want(name: "a"))
    harness.store(harness.job(wanted("a")), permanent())
    harness.store(job, .artifact(artifact("x")))
    harness.resident(1, "a", "x")
    #expect(harness.json(load) != nil)
    harness.log = []
    _ = harness.command(.refresh(name: "a"))
    #expect(harness.jobs == [.fetchFrom(name: "a", url: "u")])
  }

  @Test func `a worker loads a model once for a load by hand and a call`() {
    var harness = Harness.fleet()
    _ = harness.command(.load(name: "a", url: "u"))
    harness.store(harness.job(.fetchFrom(name: "a", url: "u")), .artifact(artifact("x")))
    harness.reply(1, .want(name: "a"))
    #expect(harness.sent(1).count == 1)
  }

  @Test func `a load by hand beside a call's is refused`() {
    var harness = Harness.fleet()
    harness.reply(1, .want(name: "a"))
    #expect(harness.refusal(.load(name: "a", url: "u"))?.code == .conflict)
    harness.store(harness.job(wanted("a")), .artifact(artifact("x")))
    harness.resident(1, "a", "x")
    #expect(harness.listed() == ["a"])
  }
}
