import JSONDocument
import ModelHosting
import ServingCore

/// A coordinator with the store and the workers that a test pretends to have.
struct Harness {
  var coordinator: HostingCoordinator
  var now: Duration = .zero
  /// What has come out and no test has looked at yet.
  var log: [HostingCoordinator.Action] = []
  private let workers: Int
  private var nextCommand = 1000

  init(_ configuration: HostingCoordinator.Configuration) {
    coordinator = HostingCoordinator(configuration)
    workers = configuration.workers
  }

  /// A server of one model.
  static func single(
    workers: Int = 2, interval: Duration? = .seconds(60),
    change: (inout HostingCoordinator.Configuration) -> Void = { _ in }
  ) -> Harness {
    var configuration = HostingCoordinator.Configuration(
      workers: workers, isFleet: false, hasStore: true, refreshInterval: interval, fetchDeadline: .seconds(60),
      prepareDeadline: .seconds(30), memoryBudget: 1000)
    configuration.jitter = { 1 }
    change(&configuration)
    return Harness(configuration)
  }

  /// A server of many models.
  static func fleet(
    workers: Int = 2, pinned: [String] = [], hasStore: Bool = true, interval: Duration? = nil, budget: Int = 1000,
    isReady: Bool = true, change: (inout HostingCoordinator.Configuration) -> Void = { _ in }
  ) -> Harness {
    var configuration = HostingCoordinator.Configuration(
      workers: workers, isFleet: true, hasStore: hasStore, refreshInterval: interval, fetchDeadline: .seconds(60),
      prepareDeadline: .seconds(30), memoryBudget: budget, pinned: pinned)
    configuration.jitter = { 1 }
    change(&configuration)
    var harness = Harness(configuration)
    if isReady {
      harness.feed(.begin)
      for worker in 0..<workers {
        harness.feed(.workerStarting(worker))
        harness.feed(.workerReady(worker))
      }
      harness.log = []
    }
    return harness
  }

  mutating func feed(_ event: HostingCoordinator.Event) { log += coordinator.handle(event, at: now) }

  /// Lets time pass, with the ticks that fall due.
  mutating func advance(_ time: Duration) {
    let end = now + time
    while let deadline = coordinator.deadline, deadline <= end {
      now = max(now, deadline)
      feed(.tick)
      // A deadline that a tick does not move would be a loop without end.
      if let next = coordinator.deadline, next <= deadline { break }
    }
    now = end
  }

  mutating func reply(_ worker: Int, _ reply: HostReply) { feed(.reply(worker: worker, reply)) }

  mutating func store(_ job: Int?, _ result: StoreResult) { feed(.store(job: job ?? -1, result)) }

  mutating func command(_ command: ManagementCommand) -> Int {
    nextCommand += 1
    feed(.command(id: nextCommand, command))
    return nextCommand
  }

  mutating func resident(_ worker: Int, _ name: String, _ digest: String, bytes: Int = 10) {
    reply(
      worker,
      .resident(
        name: name, digest: digest, memory: HostedMemory(privateBytes: bytes, mappedBytes: 2 * bytes),
        microseconds: 500_000))
  }

  /// A server of one model whose workers serve `artifact`.
  mutating func startUp(_ artifact: ModelArtifact) {
    coordinator.adopt(artifact, at: now)
    feed(.begin)
    for worker in 0..<workers { start(worker, artifact) }
    log = []
  }

  mutating func start(_ worker: Int, _ artifact: ModelArtifact) {
    feed(.workerStarting(worker))
    resident(worker, HostingCoordinator.onlyName, artifact.digest)
    feed(.workerReady(worker))
  }

  /// Brings a fleet's model to a worker by a request for it.
  mutating func use(_ name: String, _ artifact: ModelArtifact, on worker: Int) {
    reply(worker, .want(name: name))
    if let job = job(.fetch(name: name, isFresh: false)) { store(job, .artifact(artifact)) }
    resident(worker, name, artifact.digest)
    log = []
  }

  // MARK: what came out

  /// The last asking for this.
  func job(_ wanted: StoreJob) -> Int? {
    for case .ask(let job, let what) in log.reversed() where what == wanted { return job }
    return nil
  }

  var jobs: [StoreJob] { log.compactMap { if case .ask(_, let job) = $0 { job } else { nil } } }

  func sent(_ worker: Int) -> [HostCommand] {
    log.compactMap { if case .send(worker, let command) = $0 { command } else { nil } }
  }

  var sends: Int { log.count { if case .send = $0 { true } else { false } } }

  /// The id of the prepare, unload, shrink or report that a worker was sent last.
  func id(_ worker: Int) -> Int {
    for command in sent(worker).reversed() {
      switch command {
      case .prepare(let id, _), .unload(let id, _), .shrink(let id, _), .report(let id): return id
      case .commit, .discard, .load, .loadNot, .lease: continue
      }
    }
    return -1
  }

  func answers(_ command: Int) -> [ManagementAnswer] {
    log.compactMap { if case .answer(command, let answer) = $0 { answer } else { nil } }
  }

  func json(_ command: Int) -> JSONDocument? {
    if case .json(let document)? = answers(command).first { document } else { nil }
  }

  func failure(_ command: Int) -> ServingError? {
    if case .failed(let error)? = answers(command).first { error } else { nil }
  }

  /// The failure, or the document, that a command gets at once.
  mutating func refusal(_ command: ManagementCommand) -> ServingError? {
    let number = self.command(command)
    return failure(number)
  }

  mutating func reply(_ command: ManagementCommand) -> JSONDocument? {
    let number = self.command(command)
    return json(number)
  }

  mutating func outcome(_ command: ManagementCommand) -> [ManagementAnswer] {
    let number = self.command(command)
    return answers(number)
  }

  var served: [ModelSource] { log.compactMap { if case .serve(let source) = $0 { source } else { nil } } }
  var waits: [String?] { log.compactMap { if case .waitFor(let reason) = $0 { reason } else { nil } } }
  var givenUp: [StoreFailure] { log.compactMap { if case .giveUp(let failure) = $0 { failure } else { nil } } }

  var published: [JSONDocument] {
    log.compactMap { if case .publish(let document?) = $0 { document } else { nil } }
  }

  func logged(_ level: String) -> [String] {
    log.compactMap { if case .log(level, let text, _) = $0 { text } else { nil } }
  }

  // MARK: the usual steps

  /// Prepared by all of these workers.
  mutating func prepare(_ id: Int, on workers: [Int]) {
    for worker in workers { reply(worker, .prepared(id: id, memory: HostedMemory(), microseconds: 1)) }
  }

  mutating func commit(_ id: Int, _ name: String, _ digest: String, on workers: [Int]) {
    for worker in workers {
      resident(worker, name, digest)
      reply(worker, .done(id: id, bytes: 0))
    }
  }

  /// A refresh to `artifact` on all workers, from command to answer.
  mutating func refresh(
    _ artifact: ModelArtifact, _ name: String = HostingCoordinator.onlyName, on workers: [Int] = [0, 1]
  ) {
    log = []
    _ = command(.refresh(name: name))
    store(job(.fetch(name: name, isFresh: true)), .artifact(artifact))
    let id = id(workers[0])
    prepare(id, on: workers)
    commit(id, name, artifact.digest, on: workers)
    log = []
  }

  /// What a description says of a model, with no worker's reports.
  mutating func description(_ name: String = HostingCoordinator.onlyName) -> JSONDocument? {
    var copy = self
    let number = copy.command(.describe(name: name))
    copy.now += .seconds(2)
    copy.feed(.tick)
    return copy.json(number)
  }
}

/// What the store gives. Those in the cache have a keeper.
func artifact(_ digest: String, version: String? = nil, isKept: Bool = true, bytes: Int = 100) -> ModelArtifact {
  ModelArtifact(
    path: "/cache/\(digest)", digest: digest, fingerprint: "f-\(digest)", version: version, bytes: bytes,
    url: "s3://bucket/\(digest)", keeper: isKept ? 1 : nil)
}

func transient(_ text: String = "no route to host") -> StoreResult {
  .failed(StoreFailure(ServingError(.storeUnavailable, text), isTransient: true))
}

func permanent(_ code: ServingError.Code = .notFound, _ text: String = "no such object") -> StoreResult {
  .failed(StoreFailure(ServingError(code, text), isTransient: false))
}
