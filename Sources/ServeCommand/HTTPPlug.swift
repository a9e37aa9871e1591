import Dispatch
import JSONDocument
import Logging
import ModelHosting
import NIOCore
import NIOPosix
import ServingCore
import ServingHTTP
import Settings
import Supervisor
import Synchronization

/// How the processes serve HTTP.
enum HTTPPlug {
  /// Serves the planes that are there on a socket that already listens.
  static func serve(
    _ listener: Int32, _ control: ServerPlugs.Control?, _ host: WorkerHost?, _ eventLoops: Int,
    _ settings: ResolvedSettings, _ log: Logger
  ) throws(StartError) -> any RunningServer {
    var routes: [Route] = []
    if let host { routes += [.invocations(host), .invokeEndpoint(host), .invokeModel(host)] }
    if let control { routes += controlRoutes(control, settings) }
    // Behind nginx the other plane is another process; of its routes only methods and paths are read here.
    let absent = ServerPlugs.Control(
      status: StatusBox(ServerStatus(phase: .starting, workers: [])),
      executionParameters: ExecutionParameters(workers: 1, maxBodySize: 1), management: NoManagement())
    let elsewhere = control == nil ? controlRoutes(absent, settings) : []
    let pool = NIOThreadPool(numberOfThreads: eventLoops)
    pool.start()
    let server = HTTPServer(
      routes: RouteTable(routes, elsewhere: elsewhere),
      configuration: configuration(settings, isFront: control != nil && host != nil),
      group: MultiThreadedEventLoopGroup(numberOfThreads: eventLoops), pool: pool, logger: log)
    let listening = DispatchSemaphore(value: 0)
    let failed = Failure()
    Task {
      do {
        try await server.listen(fileDescriptor: listener)
      } catch {
        failed.text.withLock { $0 = "\(error)" }
      }
      listening.signal()
    }
    listening.wait()
    if let text = failed.text.withLock({ $0 }) { throw StartError(.unavailable, "cannot serve on the socket: \(text)") }
    return Running(server: server, timeout: .milliseconds(Int64(settings[.shutdownTimeout] / .milliseconds(1))))
  }

  private static func controlRoutes(_ control: ServerPlugs.Control, _ settings: ResolvedSettings) -> [Route] {
    let status = control.status
    let management = control.management
    let gate = ManagementGuard(rule(settings))
    return [
      .ping(details: { management.details }) {
        let value = status.value
        if value.phase == .draining { return .draining }
        return value.reason.map { .notReady($0) } ?? .ready
      },
      .executionParameters(
        maxConcurrentTransforms: control.executionParameters.maxConcurrentTransforms,
        maxPayloadInMB: control.executionParameters.maxPayloadInMB),
      .listModels(management, gate), .loadModel(management, gate), .describeModel(management, gate),
      .unloadModel(management, gate), .refreshModel(management, gate), .rollbackModel(management, gate),
      .metrics(management, gate),
    ]
  }

  private static func rule(_ settings: ResolvedSettings) -> ManagementGuard.Rule {
    switch settings[.management] {
    case .off: .nobody
    case .loopback: .loopback
    case .token: settings[.managementToken].map { .token($0) } ?? .nobody
    case .everyone: .everyone
    }
  }

  /// Stands for the supervisor in routes of which only methods and paths are read.
  private struct NoManagement: ModelManagement {
    let details: JSONDocument? = nil

    func submit(_ command: ManagementCommand, completion: @escaping @Sendable (ManagementAnswer) -> Void) {
      completion(.failed(ServingError(.internalError, "This process has no management API.")))
    }
  }

  /// - Parameter isFront: true where clients connect, false behind nginx, which waits for slow clients by itself.
  private static func configuration(_ settings: ResolvedSettings, isFront: Bool) -> HTTPServerConfiguration {
    var configuration = HTTPServerConfiguration()
    configuration.maxBodyBytes = settings[.maxBodySize]
    configuration.maxTargetBytes = settings[.maxHeaderSize]
    configuration.maxHeaderBytes = settings[.maxHeaderSize] * 4 + 8192
    configuration.maxQueued = settings[.maxQueue]
    if isFront {
      configuration.maxHeaderLineBytes = settings[.maxHeaderSize]
      configuration.idleTimeout = settings[.keepAliveTimeout] / .seconds(1)
    }
    return configuration
  }

  private final class Failure: Sendable {
    let text = Mutex<String?>(nil)
  }

  private struct Running: RunningServer {
    let server: HTTPServer
    let timeout: TimeAmount

    func drain(_ done: @escaping @Sendable () -> Void) {
      Task {
        await server.shutdownGracefully(deadline: .now() + timeout)
        done()
      }
    }
  }
}
