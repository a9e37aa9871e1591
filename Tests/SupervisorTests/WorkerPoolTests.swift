import Supervisor
import Testing

/// A pool with the processes that a test pretends to run.
private struct Harness {
  var pool: WorkerPool
  var now: Duration = .zero
  var nextProcess: Int32 = 100
  /// Process ids by worker index, and the front's.
  var workers: [Int: Int32] = [:]
  var front: Int32?
  var log: [WorkerPool.Action] = []

  init(workers: Int, hasFront: Bool = true) {
    pool = WorkerPool(
      WorkerPool.Configuration(
        workers: workers, hasFront: hasFront, startupTimeout: .seconds(60), shutdownTimeout: .seconds(25)))
  }

  mutating func feed(_ event: WorkerPool.Event) {
    for action in pool.handle(event, at: now) {
      log.append(action)
      switch action {
      case .spawnWorker(let index):
        nextProcess += 1
        workers[index] = nextProcess
        feed(.workerSpawned(index: index, process: nextProcess))
      case .spawnFront:
        nextProcess += 1
        front = nextProcess
        feed(.frontSpawned(process: nextProcess))
      case .signalWorker, .signalFront, .signalFrontGroup, .closePort, .publish, .log, .finish: break
      }
    }
  }

  mutating func advance(_ time: Duration) {
    let end = now + time
    while let deadline = pool.deadline, deadline <= end {
      now = max(now, deadline)
      feed(.tick)
    }
    now = end
  }

  /// Starts everything and makes every worker ready.
  mutating func startUp() {
    feed(.begin)
    for index in workers.keys.sorted() { ready(index) }
    advance(.seconds(3))
    log = []
  }

  mutating func ready(_ index: Int) { feed(.workerReady(process: workers[index] ?? 0)) }

  mutating func exit(worker index: Int, _ reason: ExitReason) { feed(.exited(process: workers[index] ?? 0, reason)) }

  var finish: ServeStatus? {
    for case .finish(let status, _) in log { return status }
    return nil
  }

  func count(_ match: (WorkerPool.Action) -> Bool) -> Int { log.count(where: match) }
  var spawned: Int { count { if case .spawnWorker = $0 { true } else { false } } }
}

@Suite struct StartingUp {
  @Test func `when workers waited for the first model all must have it before the server is ready`() {
    var harness = Harness(workers: 2)
    harness.feed(.waitsFor("The model is being fetched."))
    harness.feed(.begin)
    harness.advance(.seconds(100))
    harness.feed(.waitsFor(nil))
    harness.ready(0)
    #expect(harness.pool.status.isReady == false)
    #expect(harness.pool.status.reason?.contains("is loading the model") == true)
    harness.exit(worker: 1, .signal(9))
    #expect(harness.pool.status.isReady == false)
    harness.advance(.seconds(1))
    harness.ready(1)
    #expect(harness.pool.status.isReady)
    // Later deaths leave the other one.
    harness.exit(worker: 1, .signal(9))
    #expect(harness.pool.status.isReady)
  }

  @Test func `front and workers start together`() {
    var harness = Harness(workers: 2)
    harness.feed(.begin)
    #expect(harness.workers.count == 2)
    #expect(harness.front != nil)
    #expect(harness.pool.status.isReady == false)
  }

  @Test func `one ready worker makes the server ready, all make it run`() {
    var harness = Harness(workers: 2)
    harness.feed(.begin)
    harness.ready(0)
    #expect(harness.pool.status.isReady)
    #expect(harness.pool.status.phase == .starting)
    harness.ready(1)
    #expect(harness.pool.status.phase == .running)
  }

  @Test func `a model that cannot be loaded ends the first start with the worker's words`() {
    var harness = Harness(workers: 2)
    harness.feed(.begin)
    harness.feed(.workerFailed(process: harness.workers[1] ?? 0, StartError(.model, "model.onnx is cut short")))
    #expect(harness.log.contains(.finish(.model, reason: "model.onnx is cut short")))
    let killed = harness.count { if case .signalWorker(_, .kill) = $0 { true } else { false } }
    #expect(killed == 2)
  }

  @Test func `a worker that exits before it is ready ends the first start`() {
    var harness = Harness(workers: 1)
    harness.feed(.begin)
    harness.exit(worker: 0, .code(1))
    #expect(harness.finish == .model)
  }

  @Test func `a worker that is killed before it is ready is tried again, three times at the first start`() {
    var harness = Harness(workers: 1)
    harness.feed(.begin)
    harness.exit(worker: 0, .signal(9))
    #expect(harness.finish == nil)
    harness.exit(worker: 0, .signal(9))
    harness.advance(.seconds(1))
    #expect(harness.finish == nil)
    harness.exit(worker: 0, .signal(11))
    #expect(harness.finish == .model)
  }

  @Test func `a worker that is not ready in time ends the first start`() {
    var harness = Harness(workers: 1)
    harness.feed(.begin)
    harness.advance(.seconds(59))
    #expect(harness.finish == nil)
    harness.advance(.seconds(2))
    #expect(harness.finish == .model)
  }

  @Test func `nginx that exits by itself ends the first start`() {
    var harness = Harness(workers: 1)
    harness.feed(.begin)
    harness.ready(0)
    harness.feed(.exited(process: harness.front ?? 0, .code(1)))
    #expect(harness.finish == .unavailable)
  }
}

@Suite struct Restarting {
  @Test func `a worker killed every 500 ms is started again at once every time`() {
    var harness = Harness(workers: 1)
    harness.startUp()
    for round in 1...100 {
      harness.exit(worker: 0, .signal(9))
      #expect(harness.spawned == round)
      harness.advance(.milliseconds(100))
      harness.ready(0)
      harness.advance(.milliseconds(400))
    }
    #expect(harness.finish == nil)
    #expect(harness.pool.status.workers[0].restarts == 100)
  }

  @Test func `waiting grows only while a worker dies before it is ready, up to ten seconds`() {
    var harness = Harness(workers: 2)
    harness.startUp()
    var waits: [Duration] = []
    harness.exit(worker: 0, .signal(9))
    for _ in 0..<10 {
      harness.exit(worker: 0, .code(1))
      let wait = (harness.pool.deadline ?? harness.now) - harness.now
      waits.append(wait)
      harness.advance(min(wait, .seconds(10)))
    }
    #expect(waits.dropFirst().prefix(3) == [.milliseconds(100), .milliseconds(200), .milliseconds(400)])
    #expect(waits.dropFirst().max() == .seconds(10))
    harness.ready(0)
    harness.log = []
    harness.exit(worker: 0, .signal(9))
    #expect(harness.spawned == 1)
    #expect(harness.pool.status.isReady)
  }

  @Test func `with no live worker the server is not ready and says why`() {
    var harness = Harness(workers: 1)
    harness.startUp()
    harness.exit(worker: 0, .signal(9))
    #expect(harness.pool.status.isReady == false)
    #expect(harness.pool.status.reason?.contains("signal 9") == true)
  }

  @Test func `a killed nginx is replaced at once, and its orphans get five seconds`() {
    var harness = Harness(workers: 1)
    harness.startUp()
    let old = harness.front ?? 0
    harness.feed(.exited(process: old, .signal(9)))
    #expect(harness.front != old)
    #expect(harness.log.contains(.signalFrontGroup(process: old, .quit)))
    harness.advance(.seconds(6))
    #expect(harness.log.contains(.signalFrontGroup(process: old, .kill)))
    #expect(harness.finish == nil)
  }
}

@Suite struct Stopping {
  @Test func `readiness goes first, then the front drains, then the workers, then the end`() {
    var harness = Harness(workers: 2)
    harness.startUp()
    let front = harness.front ?? 0
    harness.feed(.stop)
    #expect(harness.pool.status.isReady == false)
    #expect(harness.count { $0 == .closePort } == 0)
    harness.advance(.milliseconds(99))
    #expect(harness.count { $0 == .closePort } == 0)
    harness.advance(.milliseconds(1))
    #expect(harness.log.contains(.signalFront(process: front, .quit)))
    let terminated = { (harness: Harness) in
      harness.count { if case .signalWorker(_, .terminate) = $0 { true } else { false } }
    }
    #expect(terminated(harness) == 0)
    harness.feed(.exited(process: front, .code(0)))
    #expect(terminated(harness) == 2)
    harness.exit(worker: 0, .code(0))
    #expect(harness.finish == nil)
    harness.exit(worker: 1, .code(0))
    #expect(harness.finish == .stopped)
  }

  @Test func `a worker that dies while the front drains is replaced, for requests that wait`() {
    var harness = Harness(workers: 1)
    harness.startUp()
    harness.feed(.stop)
    harness.advance(.milliseconds(100))
    harness.exit(worker: 0, .signal(9))
    #expect(harness.spawned == 1)
  }

  @Test func `it ends within 30 seconds whatever hangs`() {
    var harness = Harness(workers: 2)
    harness.startUp()
    harness.feed(.stop)
    harness.advance(.milliseconds(29_900))
    #expect(harness.finish == .stopped)
  }

  @Test func `a second signal ends it at once`() {
    var harness = Harness(workers: 2)
    harness.startUp()
    harness.feed(.stop)
    harness.feed(.stop)
    #expect(harness.finish == .stoppedAtOnce)
    #expect(harness.count { if case .signalWorker(_, .kill) = $0 { true } else { false } } == 2)
  }

  @Test func `a stop during the start does not wait for the model`() {
    var harness = Harness(workers: 1)
    harness.feed(.begin)
    harness.feed(.stop)
    harness.advance(.milliseconds(100))
    harness.feed(.exited(process: harness.front ?? 0, .code(0)))
    #expect(harness.log.contains(.signalWorker(process: harness.workers[0] ?? 0, .kill)))
    harness.exit(worker: 0, .signal(9))
    #expect(harness.finish == .stopped)
  }
}
