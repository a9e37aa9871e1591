public import Logging
public import NIOCore
public import NIOPosix
import Synchronization

/// An HTTP/1.1 server for a route table, directly on NIO.
///
///     let server = HTTPServer(
///       routes: RouteTable([.ping { .ready }, .invocations(handler)]), group: group, pool: pool, logger: logger)
///     try await server.listen(host: "127.0.0.1", port: 8080)
///     ...
///     await server.shutdownGracefully(deadline: .now() + .seconds(25))
///
/// What a route does on the event loop and what on `pool` is the route's `execution`. The group and the pool are the
/// caller's to start and to stop.
public final class HTTPServer: Sendable {
  private let core: ServerCore
  private let loops: [LoopState]
  private let group: any EventLoopGroup
  private let listeners = Mutex<[any Channel]>([])

  public init(
    routes: RouteTable, configuration: HTTPServerConfiguration = HTTPServerConfiguration(),
    group: any EventLoopGroup, pool: NIOThreadPool, logger: Logger
  ) {
    var table = routes
    table.configuration = configuration
    core = ServerCore(table: table, configuration: configuration, pool: pool, logger: logger)
    self.group = group
    let shortest = [
      configuration.idleTimeout, configuration.headTimeout, configuration.bodyTimeout, configuration.lingerTimeout,
    ].reduce(4.0, min)
    let interval = TimeAmount.seconds(max(shortest / 4, 0.01))
    loops = group.makeIterator().map { LoopState($0, interval: interval) }
  }

  /// Connections that are open now.
  public var openConnections: Int { core.openConnections }

  /// Listens on a TCP address; returns the one bound (of use with port 0).
  ///
  /// - Throws: `IOError` when the address cannot be bound.
  @discardableResult
  public func listen(host: String, port: Int) async throws -> SocketAddress? {
    try await add(
      bootstrap().serverChannelOption(.socketOption(.so_reuseaddr), value: 1).bind(host: host, port: port).get())
  }

  /// Listens on a Unix socket, which is made; a socket left over at the path is replaced.
  @discardableResult
  public func listen(unixSocketPath: String) async throws -> SocketAddress? {
    try await add(bootstrap().bind(unixDomainSocketPath: unixSocketPath, cleanupExistingSocketFile: true).get())
  }

  /// Accepts from a socket that is bound already; the descriptor is the server's from here on.
  @discardableResult
  public func listen(fileDescriptor: Int32) async throws -> SocketAddress? {
    try await add(bootstrap().withBoundSocket(fileDescriptor).get())
  }

  /// `listen(fileDescriptor:)` for a thread that may wait, which an event loop may not.
  @discardableResult
  public func listenBlocking(fileDescriptor: Int32) throws -> SocketAddress? {
    try add(bootstrap().withBoundSocket(fileDescriptor).wait())
  }

  /// Answers every request whose bytes have arrived, closes idle connections, and returns when none is left or the
  /// deadline has passed; what is open then is cut off.
  ///
  /// - Returns: the number of connections that were cut off.
  @discardableResult
  public func shutdownGracefully(deadline: NIODeadline) async -> Int {
    core.drain()
    // Connections that the kernel has taken but we have not are lost when the socket closes: accept them first.
    try? await Task.sleep(for: .milliseconds(30))
    for channel in listeners.withLock({ $0 }) { try? await channel.close() }
    onEveryLoop { $0.closeIdle() }
    while openConnections > 0, NIODeadline.now() < deadline {
      try? await Task.sleep(for: .milliseconds(5))
      if Task.isCancelled { break }
    }
    let cutOff = openConnections
    if cutOff > 0 { onEveryLoop { $0.closeAll() } }
    return cutOff
  }

  private func onEveryLoop(_ body: @escaping @Sendable (LoopState) -> Void) {
    for loop in loops { loop.eventLoop.execute { body(loop) } }
  }

  private func add(_ channel: any Channel) -> SocketAddress? {
    listeners.withLock { $0.append(channel) }
    return channel.localAddress
  }

  private func bootstrap() -> ServerBootstrap {
    let core = core
    let loops = loops
    return ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: Int32(clamping: core.configuration.backlog))
      .serverChannelOption(.maxMessagesPerRead, value: 64)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          guard let loop = loops.first(where: { $0.eventLoop === channel.eventLoop }) else {
            throw ChannelError.operationUnsupported
          }
          switch channel.remoteAddress {
          case .v4, .v6: try channel.syncOptions?.setOption(.tcpOption(.tcp_nodelay), value: 1)
          default: break
          }
          try channel.pipeline.syncOperations.addHandler(HTTPConnection(core, loop))
        }
      }
  }
}
