import Dispatch
import ModelHosting
import ServingCore
import Synchronization
import TensorCore

/// Waits until something holds, without an end of its own: the suite's time limit ends what never does.
func wait(until holds: () -> Bool) {
  while !holds() { Thread.sleep(milliseconds: 1) }
}

/// Waits until the host's clock has gone on, so that what comes next is later than what was before.
func nextTick() {
  let now = WallClock.milliseconds
  wait { WallClock.milliseconds > now }
}

/// A gate that calls wait at.
final class Gate: Sendable {
  private let semaphore = DispatchSemaphore(value: 0)
  private let arrived = Atomic<Int>(0)

  /// Calls that have come so far.
  var arrivals: Int { arrived.load(ordering: .sequentiallyConsistent) }

  func pass() {
    arrived.add(1, ordering: .sequentiallyConsistent)
    semaphore.wait()
  }

  func open(_ count: Int = 1) { for _ in 0..<count { semaphore.signal() } }
}

/// The bytes of the models that exist, and the most that there were.
final class LiveBytes: Sendable {
  private let bytes = Mutex((now: 0, most: 0))

  var now: Int { bytes.withLock { $0.now } }
  var most: Int { bytes.withLock { $0.most } }

  func add(_ count: Int) {
    bytes.withLock {
      $0.now += count
      $0.most = max($0.most, $0.now)
    }
  }
}

/// A model that answers with its digest.
final class FakeModel: InvocationHandler {
  let digest: String
  let expectedNanoseconds: UInt64
  private let gate: Gate?
  private let bytes: Int
  private let live: LiveBytes

  init(_ digest: String, gate: Gate?, nanoseconds: UInt64, bytes: Int, live: LiveBytes) {
    self.digest = digest
    self.gate = gate
    expectedNanoseconds = nanoseconds
    self.bytes = bytes
    self.live = live
    live.add(bytes)
  }

  deinit { live.add(-bytes) }

  func invoke(_ request: InvocationRequest) throws(ServingError) -> InvocationResponse {
    gate?.pass()
    return InvocationResponse(contentType: "text/plain", body: Array(digest.utf8))
  }
}

/// What a load of a model does.
struct FakeLoad: Sendable {
  var bytes: Int
  var error: ServingError?
  /// Loads wait here.
  var gate: Gate?
  /// Calls wait here.
  var callGate: Gate?
  var nanoseconds: UInt64 = 1000
  var inputs = ["x"]
}

/// Models of a billion bytes, so that what the test process itself takes does not count.
let unit = 1 << 30

/// A lease for so many models of a unit, and a little for what estimates are above the truth.
func room(_ count: Int) -> Int { count * unit + unit / 2 }

/// A host with a loader that a test controls, and what it said.
final class HostHarness: Sendable {
  private struct State {
    var loads: [String: FakeLoad] = [:]
    var loaded: [String] = []
    var replies: [HostReply] = []
  }

  private let state: Mutex<State>
  private let made: Mutex<WorkerHost?>
  let live = LiveBytes()

  init(
    _ configuration: WorkerHost.Configuration = WorkerHost.Configuration(defaultName: nil, loadsOnUse: true), lease: Int
  ) {
    state = Mutex(State())
    made = Mutex(nil)
    let host = WorkerHost(
      configuration, lease: lease,
      load: { [weak self] source throws(ServingError) in
        guard let self else { throw ServingError(.internalError, "the test has ended") }
        return try self.load(source)
      },
      send: { [weak self] reply in self?.state.withLock { $0.replies.append(reply) } })
    made.withLock { $0 = host }
  }

  var host: WorkerHost {
    guard let host = made.withLock({ $0 }) else { fatalError("no host") }
    return host
  }

  /// What loading a digest does.
  func set(_ digest: String, _ load: FakeLoad) { state.withLock { $0.loads[digest] = load } }

  private func load(_ source: ModelSource) throws(ServingError) -> LoadedService {
    let load = state.withLock { state in
      state.loaded.append(source.digest)
      return state.loads[source.digest] ?? FakeLoad(bytes: source.bytes)
    }
    load.gate?.pass()
    if let error = load.error { throw error }
    return service(source.digest, load)
  }

  func service(_ digest: String, _ load: FakeLoad) -> LoadedService {
    let model = FakeModel(
      digest, gate: load.callGate, nanoseconds: load.nanoseconds, bytes: load.bytes, live: live)
    let signature = ModelSignature(
      inputs: load.inputs.map { ModelSignature.Port(name: $0, type: .tensor(.float32), dims: [nil]) }, outputs: [])
    return LoadedService(
      handler: model, signature: signature, memory: HostedMemory(privateBytes: load.bytes), summary: digest)
  }

  var replies: [HostReply] { state.withLock { $0.replies } }
  /// Digests in the order in which their loads began.
  var loaded: [String] { state.withLock { $0.loaded } }

  func has(_ reply: HostReply) -> Bool { replies.contains(reply) }
  func count(_ match: (HostReply) -> Bool) -> Int { replies.count(where: match) }
  /// How often a model became resident.
  func residents(_ name: String) -> Int {
    count { if case .resident(name, _, _, _) = $0 { true } else { false } }
  }
  /// Evicted models, in order.
  var gone: [String] { replies.compactMap { if case .gone(let name) = $0 { name } else { nil } } }
  var needs: [Int] { replies.compactMap { if case .need(let bytes) = $0 { bytes } else { nil } } }

  /// Loads a model and waits until it is there.
  func load(_ name: String, _ digest: String? = nil, bytes: Int = unit, isPinned: Bool = false) {
    let before = residents(name)
    host.handle(.load(source(name, digest, bytes: bytes, isPinned: isPinned)))
    wait { self.residents(name) > before }
  }

  func source(_ name: String, _ digest: String? = nil, bytes: Int = unit, isPinned: Bool = false) -> ModelSource {
    ModelSource(name: name, path: "/\(name)", digest: digest ?? name, bytes: bytes, isPinned: isPinned)
  }

  /// The failure that loading a model ended with.
  func loadFailure(_ name: String) -> ServingError? {
    for case .loadFailed(name, let error) in replies { return error }
    return nil
  }

  func refusal(_ id: Int) -> ServingError? {
    for case .refused(id, let error) in replies { return error }
    return nil
  }

  func isPrepared(_ id: Int) -> Bool {
    replies.contains { if case .prepared(id, _, _) = $0 { true } else { false } }
  }

  /// The model that a request gets at once.
  func find(_ name: String?, mayMove: Bool = false) -> HostedModel? {
    guard case .found(let handler) = host.target(name, mayMove: mayMove, completion: { _ in }) else { return nil }
    return handler as? HostedModel
  }

  func failure(_ name: String?) -> ServingError? {
    if case .failed(let error) = host.target(name, mayMove: false, completion: { _ in }) { error } else { nil }
  }

  /// Calls a model and waits for its answer.
  func call(_ name: String) -> String? { find(name).flatMap { answer($0) } }
}

/// What a model answers.
func answer(_ model: any InvocationHandler) -> String? {
  let request = InvocationRequest(
    contentType: nil, accept: nil, customAttributes: nil, body: UnsafeRawBufferPointer(start: nil, count: 0))
  return (try? model.invoke(request)).map { String(decoding: $0.body, as: UTF8.self) }
}

/// Answers that come later.
final class Outcomes: Sendable {
  private let list = Mutex<[Result<String, ServingError>]>([])

  var all: [Result<String, ServingError>] { list.withLock { $0 } }

  func add(_ result: Result<any InvocationHandler, ServingError>) {
    let text = result.map { answer($0) ?? "none" }
    list.withLock { $0.append(text) }
  }
}
