import Dispatch
import Logging
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
    _ listener: Int32, _ control: ServerPlugs.Control?, _ model: ServerPlugs.Model?, _ eventLoops: Int,
    _ settings: ResolvedSettings, _ log: Logger
  ) throws(StartError) -> any RunningServer {
    var routes: [Route] = []
    if let handler = model?.handler as? any InvocationHandler {
      routes += [.invocations(handler), .invokeEndpoint(handler)]
    }
    if let control { routes += controlRoutes(control) }
    // Behind nginx the other plane is another process; of its routes only methods and paths are read here.
    let others: [Route] = [.ping { .ready }, .executionParameters(maxConcurrentTransforms: 1, maxPayloadInMB: 1)]
    let elsewhere = control == nil ? others : []
    let pool = NIOThreadPool(numberOfThreads: eventLoops)
    pool.start()
    let server = HTTPServer(
      routes: RouteTable(routes, elsewhere: elsewhere),
      configuration: configuration(settings, isFront: control != nil && model != nil),
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

  private static func controlRoutes(_ control: ServerPlugs.Control) -> [Route] {
    let status = control.status
    return [
      .ping {
        let value = status.value
        if value.phase == .draining { return .draining }
        return value.reason.map { .notReady($0) } ?? .ready
      },
      .executionParameters(
        maxConcurrentTransforms: control.executionParameters.maxConcurrentTransforms,
        maxPayloadInMB: control.executionParameters.maxPayloadInMB),
    ]
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
