public import JSONDocument
import Logging
public import ModelHosting
import ServingCore
import Settings
import Synchronization

/// Events for the supervisor's thread from all others: answers of the store, commands of the management API.
///
/// A pipe wakes the thread that waits with `poll`.
public final class HostingMailbox: ModelManagement {
  /// Readable when something has come.
  let descriptor: Int32
  private let writer: Int32
  private let state = Mutex(State())

  private struct State {
    var events: [HostingCoordinator.Event] = []
    var completions: [Int: @Sendable (ManagementAnswer) -> Void] = [:]
    var nextCommand = 1
    var details: JSONDocument?
    var isSignalled = false
  }

  init() throws(StartError) {
    do throws(SpawnError) {
      let ends = try ListeningSocket.pipe()
      descriptor = ends.read
      writer = ends.write
    } catch {
      throw StartError(.internalFault, error.description)
    }
  }

  func post(_ event: HostingCoordinator.Event) {
    let mustSignal = state.withLock { state in
      state.events.append(event)
      defer { state.isSignalled = true }
      return !state.isSignalled
    }
    if mustSignal { _ = Descriptor.write([1], to: writer) }
  }

  func take() -> [HostingCoordinator.Event] {
    _ = Descriptor.readAvailable(descriptor)
    return state.withLock { state in
      defer {
        state.events = []
        state.isSignalled = false
      }
      return state.events
    }
  }

  public func submit(_ command: ManagementCommand, completion: @escaping @Sendable (ManagementAnswer) -> Void) {
    let number = state.withLock { state in
      defer { state.nextCommand += 1 }
      state.completions[state.nextCommand] = completion
      return state.nextCommand
    }
    post(.command(id: number, command))
  }

  func answer(_ command: Int, _ answer: ManagementAnswer) {
    state.withLock { $0.completions.removeValue(forKey: command) }?(answer)
  }

  public var details: JSONDocument? { state.withLock { $0.details } }

  func publish(_ details: JSONDocument?) { state.withLock { $0.details = details } }
}

/// Does what the coordinator decides, but for what concerns workers: that is the caller's.
struct HostingDriver {
  private(set) var coordinator: HostingCoordinator
  let mailbox: HostingMailbox
  private let store: any ModelStore
  private let log: Logger

  init(_ coordinator: HostingCoordinator, store: any ModelStore, log: Logger) throws(StartError) {
    self.coordinator = coordinator
    self.store = store
    self.log = log
    mailbox = try HostingMailbox()
  }

  var deadline: Duration? { coordinator.deadline }

  /// What is left for the caller to do.
  enum Order {
    case send(worker: Int, HostCommand)
    case serve(ModelSource)
    case waitFor(String?)
    case giveUp(StartError)
  }

  mutating func feed(_ event: HostingCoordinator.Event) -> [Order] {
    var orders: [Order] = []
    for action in coordinator.handle(event, at: Poller.now) {
      switch action {
      case .send(let worker, let command): orders.append(.send(worker: worker, command))
      case .serve(let source): orders.append(.serve(source))
      case .waitFor(let reason): orders.append(.waitFor(reason))
      case .giveUp(let failure): orders.append(.giveUp(HostingDriver.startError(failure)))
      case .ask(let job, let what):
        store.perform(what) { [mailbox] result in mailbox.post(.store(job: job, result)) }
      case .answer(let command, let answer): mailbox.answer(command, answer)
      case .publish(let details): mailbox.publish(details)
      case .log(let level, let text, let fields): write(level, text, fields)
      }
    }
    return orders
  }

  /// What to load where the first model does not load: nil where there is nothing. A worker that failed with what is not
  /// served any more gets what is.
  mutating func fallBack(_ reason: String, from source: ModelSource?) -> ModelSource? {
    if let current = coordinator.served, let source, current.digest != source.digest { return current }
    guard let (source, actions) = coordinator.fallBack(reason) else { return nil }
    for case .log(let level, let text, let fields) in actions { write(level, text, fields) }
    return source
  }

  private func write(_ level: String, _ text: String, _ fields: [String: String]) {
    log.log(
      level: Logger.Level(rawValue: level) ?? .info, "\(text)",
      metadata: Logger.Metadata(uniqueKeysWithValues: fields.map { ($0.key, "\($0.value)") }))
  }

  private static func startError(_ failure: StoreFailure) -> StartError {
    let status: ServeStatus =
      switch failure.error.code {
      case .notFound: .noModel
      case .forbidden, .unauthorized: .noPermission
      case .modelLoadFailed: .model
      case .insufficientStorage: .cannotCreate
      case .badRequest: .configuration
      default: .unavailable
      }
    return StartError(status, failure.error.message)
  }
}

extension HostingCoordinator {
  /// The coordinator for a server of `workers` workers.
  init(_ plan: LaunchPlan) {
    let settings = plan.settings
    let interval = settings[.refreshInterval]
    var configuration = Configuration(
      workers: plan.workers, isFleet: plan.isFleet, hasStore: plan.storeLocation != nil,
      refreshInterval: interval == .zero ? nil : interval, fetchDeadline: settings[.fetchDeadline],
      prepareDeadline: settings[.startupTimeout], memoryBudget: plan.memoryBudget,
      pinned: settings[.pinnedModels].map(ModelName.canonical))
    // What SageMaker mounts is not replaced while the server runs.
    configuration.copiesLocal = settings[.model] != nil && settings[.management] != .off || interval != .zero
    configuration.keepsExplicit = settings[.models] == nil && settings[.model] == nil
    self.init(configuration)
  }
}
