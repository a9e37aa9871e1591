import Logging
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
/// The port refuses connections until the model has answered a warm-up.
struct DirectServer {
  let plan: LaunchPlan
  let plugs: ServerPlugs
  let signals: SignalPipe
  let log: Logger

  private typealias Loaded = Result<ServerPlugs.Model, StartError>

  /// Serves until a signal ends it.
  ///
  /// - Parameter modelPath: what `prepareModel` gave.
  func run(modelPath: String) throws(StartError) -> ServeStatus {
    let settings = plan.settings
    _ = OpenFiles.raise()
    let port = try ListeningSocket.tcp(host: settings[.host], port: settings[.port], isOpen: false)
    guard let model = try load(modelPath) else { return .stopped }
    try ListeningSocket.open(port, host: settings[.host], port: settings[.port])
    let status = StatusBox(ServerStatus(phase: .running, workers: [.init(state: .ready)]))
    let control = ServerPlugs.Control(
      status: status,
      executionParameters: ExecutionParameters(workers: plan.cores, maxBodySize: settings[.maxBodySize]))
    let server = try plugs.serve(port, control, model, plan.cores, settings, log)
    log.info(
      "serving",
      metadata: [
        "model": "\(plan.modelPath)", "address": "\(settings[.host]):\(settings[.port])", "front": "direct",
        "threads": "\(plan.threads)",
      ])
    while !stopAsked() { _ = Poller.wait([signals.descriptor], timeout: nil) }
    log.info("stopping: accepted requests are finished")
    status.value = ServerStatus(phase: .draining, workers: [.init(state: .stopping)])
    return try drain(server)
  }

  /// The model; nil when a stop was asked for before it was there.
  private func load(_ path: String) throws(StartError) -> ServerPlugs.Model? {
    let finished = try pipe()
    let loaded = LoadedBox()
    let (plugs, settings, threads) = (plugs, plan.settings, plan.threads)
    Thread.start(stackSize: 8 << 20) {
      let result: Loaded
      do throws(StartError) {
        result = .success(try plugs.loadModel(path, settings, threads))
      } catch {
        result = .failure(error)
      }
      loaded.value.withLock { $0 = result }
      _ = Descriptor.write([1], to: finished.write)
    }
    let deadline = Poller.now + settings[.startupTimeout]
    while true {
      let ready = Poller.wait([signals.descriptor, finished.read], timeout: deadline - Poller.now)
      if stopAsked() { return nil }
      if ready.contains(finished.read), let result = loaded.value.withLock({ $0 }) { return try result.get() }
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
    let value = Mutex<Loaded?>(nil)
  }
}
