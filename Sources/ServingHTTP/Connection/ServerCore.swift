import Logging
import NIOCore
import NIOPosix
import ServingCore
import Synchronization

/// What all connections of a server share.
final class ServerCore: Sendable {
  let table: RouteTable
  let configuration: HTTPServerConfiguration
  let pool: NIOThreadPool
  let logger: Logger
  private let draining = Atomic<Bool>(false)
  private let connections = Atomic<Int>(0)
  /// Requests that wait for or run on compute threads.
  private let inFlight = Atomic<Int>(0)

  init(table: RouteTable, configuration: HTTPServerConfiguration, pool: NIOThreadPool, logger: Logger) {
    self.table = table
    self.configuration = configuration
    self.pool = pool
    self.logger = logger
  }

  var openConnections: Int { connections.load(ordering: .relaxed) }
  func opened() { connections.wrappingAdd(1, ordering: .relaxed) }
  func closed() { connections.wrappingSubtract(1, ordering: .relaxed) }

  /// Set once, when the server begins to drain: answers close their connection from then on.
  var isDraining: Bool { draining.load(ordering: .relaxed) }
  func drain() { draining.store(true, ordering: .relaxed) }

  /// Takes a place for a request that leaves the event loop; false when all are taken.
  func enter() -> Bool {
    if inFlight.wrappingAdd(1, ordering: .relaxed).newValue > configuration.maxQueued {
      leave()
      return false
    }
    return true
  }

  func leave() { inFlight.wrappingSubtract(1, ordering: .relaxed) }

  /// Answers a request, which has a place, on a compute thread; `done` gets the answer on `eventLoop`.
  func compute(
    _ route: Int, _ request: HTTPRequest, on eventLoop: any EventLoop,
    done: @escaping @Sendable (HTTPResponse) -> Void
  ) -> ComputeJob {
    let job = ComputeJob(request)
    pool.submit { state in
      guard let request = job.take() else { return }
      let response: HTTPResponse
      if case .active = state {
        response = self.table.run(route, request)
      } else {
        response = self.table.response(
          to: ServingError(.draining, "The server is shutting down."), of: route, requestID: request.requestID)
      }
      self.leave()
      eventLoop.execute { done(response) }
    }
    return job
  }

  /// Failures of ours go to the log with the request's id; a 503 says that all is as configured, and is for debugging.
  func log(_ status: Int, _ method: HTTPMethod, _ path: String, _ requestID: @autoclosure () -> String, _ body: [UInt8])
  {
    guard status >= 500 else { return }
    let id = requestID()
    logger.log(
      level: status == 503 ? .debug : .error, "request failed",
      metadata: [
        "request_id": "\(id)", "method": "\(method)", "path": "\(path)", "status": "\(status)",
        "answer": "\(String(decoding: body.prefix(1000), as: UTF8.self))",
      ])
  }
}

/// A request on its way to a compute thread. Whoever takes it first, the thread or a connection whose client has gone,
/// has it; the other one finds nothing.
final class ComputeJob: Sendable {
  private let request: Mutex<HTTPRequest?>

  init(_ request: HTTPRequest) { self.request = Mutex(request) }

  func take() -> HTTPRequest? {
    request.withLock { request in
      defer { request = nil }
      return request
    }
  }
}
