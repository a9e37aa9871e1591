import Logging
import ModelHosting
import ServingCore
import Settings
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Serves without nginx: both planes on one port, in this process.
///
/// The port refuses connections until a local model has answered a warm-up; while a model is fetched from a store it is open,
/// and `/ping` says what is waited for.
struct DirectServer {
  let plan: LaunchPlan
  let plugs: ServerPlugs
  let signals: SignalPipe
  var hosting: HostingDriver
  let log: Logger

  /// Serves until a signal or a fault ends it.
  ///
  /// - Parameter first: the model that is there from the start.
  mutating func run(_ first: ModelArtifact?) throws(StartError) -> ServeStatus {
    let settings = plan.settings
    _ = OpenFiles.raise()
    let port = try ListeningSocket.tcp(host: settings[.host], port: settings[.port], isOpen: false)
    let load = try plugs.loader(settings, plan.threads)
    let lease = plan.isFleet ? plan.memoryBudget : .max
    let host = WorkerHost(
      WorkerHost.Configuration(settings, workers: 1), lease: lease, load: load, trim: ProcessMemory.trim
    ) { [mailbox = hosting.mailbox] in mailbox.post(.reply(worker: 0, $0)) }
    let waits = first == nil && !plan.isFleet
    let status = StatusBox(
      ServerStatus(phase: waits ? .starting : .running, workers: [.init(state: waits ? .starting : .ready)]))
    var source: ModelSource?
    var failure: StartError?
    func tell(_ event: HostingCoordinator.Event) {
      for order in hosting.feed(event) {
        switch order {
        case .send(_, let command): host.handle(command)
        case .serve(let model):
          // Later ones the worker has prepared by itself.
          if source == nil, first == nil { host.handle(.load(model)) }
          source = model
        case .waitFor(let reason): status.value.waitsFor = reason
        case .giveUp(let error): failure = error
        }
      }
    }
    tell(.workerStarting(0))
    tell(.begin)
    while let model = source, first != nil {
      do throws(StartError) {
        if try !loadFirst(model, load, host) { return .stopped }
        break
      } catch {
        // The last one that served, where there is one.
        guard let next = hosting.fallBack(error.description, from: model) else { throw error }
        source = next
      }
    }
    if !waits { tell(.workerReady(0)) }
    try ListeningSocket.open(port, host: settings[.host], port: settings[.port])
    let control = ServerPlugs.Control(
      status: status,
      executionParameters: ExecutionParameters(workers: plan.cores, maxBodySize: settings[.maxBodySize]),
      management: hosting.mailbox)
    let server = try plugs.serve(port, control, host, plan.cores, settings, log)
    if !waits { announce() }
    while !stopAsked() {
      let due = hosting.deadline.map { $0 - Poller.now }
      _ = Poller.wait([signals.descriptor, hosting.mailbox.descriptor], timeout: due)
      for event in hosting.mailbox.take() {
        if status.value.phase == .starting, case .reply(_, let reply) = event {
          switch reply {
          case .resident:
            tell(event)
            status.value = ServerStatus(phase: .running, workers: [.init(state: .ready)])
            tell(.workerReady(0))
            announce()
            continue
          case .loadFailed(_, let error):
            // The last one that served, where there is one.
            if let next = hosting.fallBack(error.message, from: source) {
              source = next
              host.handle(.load(next))
              continue
            }
            failure = StartError(error)
          default: break
          }
        }
        tell(event)
      }
      if let deadline = hosting.deadline, deadline <= Poller.now { tell(.tick) }
      if let failure { throw failure }
    }
    log.info("stopping: accepted requests are finished")
    status.value = ServerStatus(phase: .draining, workers: [.init(state: .stopping)])
    return try drain(server)
  }

  private func announce() {
    let settings = plan.settings
    log.info(
      "serving",
      metadata: [
        "model": "\(plan.summary)", "address": "\(settings[.host]):\(settings[.port])", "front": "direct",
        "threads": "\(plan.threads)",
      ])
  }

  /// Loads the model; false when a stop was asked for before it was there.
  private func loadFirst(
    _ source: ModelSource, _ load: @escaping WorkerHost.Load, _ host: WorkerHost
  ) throws(StartError) -> Bool {
    let finished = try pipe()
    let loaded = LoadedBox()
    Thread.start(stackSize: 8 << 20) {
      let result: Result<Void, StartError>
      do throws(StartError) {
        _ = try host.loadFirst(source, load)
        result = .success(())
      } catch {
        result = .failure(error)
      }
      loaded.value.withLock { $0 = result }
      _ = Descriptor.write([1], to: finished.write)
    }
    let deadline = Poller.now + plan.settings[.startupTimeout]
    while true {
      let ready = Poller.wait([signals.descriptor, finished.read], timeout: deadline - Poller.now)
      if stopAsked() { return false }
      if ready.contains(finished.read), let result = loaded.value.withLock({ $0 }) {
        try result.get()
        return true
      }
      if deadline <= Poller.now {
        throw StartError(.model, "the model was not loaded within startup-timeout; raise it with --startup-timeout")
      }
    }
  }

  private func drain(_ server: any RunningServer) throws(StartError) -> ServeStatus {
    let finished = try pipe()
    let pauseEnd = Poller.now + .milliseconds(100)
    while Poller.now < pauseEnd {
      _ = Poller.wait([signals.descriptor], timeout: pauseEnd - Poller.now)
      if stopAsked() { return .stoppedAtOnce }
    }
    server.drain { _ = Descriptor.write([1], to: finished.write) }
    let deadline = Poller.now + plan.settings[.shutdownTimeout]
    while Poller.now < deadline {
      let ready = Poller.wait([signals.descriptor, finished.read], timeout: deadline - Poller.now)
      if stopAsked() { return .stoppedAtOnce }
      if ready.contains(finished.read) { break }
    }
    log.info("stopped")
    return .stopped
  }

  private func stopAsked() -> Bool { signals.take().contains(where: SignalPipe.stopSignals.contains) }

  private func pipe() throws(StartError) -> (read: Int32, write: Int32) {
    do throws(SpawnError) {
      return try ListeningSocket.pipe()
    } catch {
      throw StartError(.internalFault, error.description)
    }
  }

  /// Where the loading thread leaves the model.
  private final class LoadedBox: Sendable {
    let value = Mutex<Result<Void, StartError>?>(nil)
  }
}
