import Logging
import NIOCore
import NIOPosix
import ServingHTTP
import ServingTesting

/// A server on a free port of the loopback address, for one test.
struct LiveServer {
  let server: HTTPServer
  let port: Int
  private let group: MultiThreadedEventLoopGroup
  private let pool: NIOThreadPool

  /// Runs `body` with a server, then stops it.
  static func run<Result>(
    _ routes: [Route], threads: Int = 1, configure: (inout HTTPServerConfiguration) -> Void = { _ in },
    _ body: (LiveServer) async throws -> Result
  ) async throws -> Result {
    var configuration = HTTPServerConfiguration()
    configuration.maxBodyBytes = 1 << 20
    configure(&configuration)
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let pool = NIOThreadPool(numberOfThreads: threads)
    pool.start()
    let server = HTTPServer(
      routes: RouteTable(routes), configuration: configuration, group: group, pool: pool, logger: Self.silent)
    let address = try await server.listen(host: "127.0.0.1", port: 0)
    let live = LiveServer(server: server, port: address?.port ?? 0, group: group, pool: pool)
    do {
      let result = try await body(live)
      await live.stop()
      return result
    } catch {
      await live.stop()
      throw error
    }
  }

  private func stop() async {
    await server.shutdownGracefully(deadline: .now() + .milliseconds(200))
    try? await pool.shutdownGracefully()
    try? await group.shutdownGracefully()
  }

  func client() throws -> SocketClient { try SocketClient(port: port) }

  /// Whether a fresh connection gets a 200 from `/ping`.
  func answersPing() throws -> Bool {
    let client = try client()
    client.send("GET /ping HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    return try client.response().status == 200
  }

  private static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}

enum Requests {
  /// A call of the sum model.
  static func sum(_ body: String, close: Bool = false) -> String {
    "POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Type: text/csv\r\n\(close ? "Connection: close\r\n" : "")"
      + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }
}

extension Route {
  /// The routes of the contract files.
  static var contract: [Route] {
    [
      .ping { .ready }, .invocations(SumRows()),
      .executionParameters(maxConcurrentTransforms: 1, maxPayloadInMB: 6),
    ]
  }
}
