package import AsyncHTTPClient
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization
import TextEncodings

/// The connections and threads of a client. They are made when the first request goes out, and end with `shutdown`.
package final class HTTPTransport: Sendable {
  private struct State {
    var group: MultiThreadedEventLoopGroup?
    var pool: NIOThreadPool?
    /// One for each proxy, and one without.
    var clients: [EndpointURL?: HTTPClient] = [:]
    var isShutDown = false
  }

  private let state = Mutex(State())
  private let configuration: S3Configuration
  /// Of the header of each answer.
  private let headerBytes: Int

  package init(_ configuration: S3Configuration) {
    self.configuration = configuration
    headerBytes = configuration.limits.headerBytes
  }

  deinit {
    let parts = close()
    if !parts.clients.isEmpty || parts.group != nil { Task.detached { await HTTPTransport.end(parts) } }
  }

  /// Closes connections and ends threads; requests that are under way fail.
  package func shutdown() async { await HTTPTransport.end(close()) }

  private typealias Parts = (clients: [HTTPClient], group: MultiThreadedEventLoopGroup?, pool: NIOThreadPool?)

  private func close() -> Parts {
    state.withLock { state in
      state.isShutDown = true
      let parts = (Array(state.clients.values), state.group, state.pool)
      state.clients = [:]
      state.group = nil
      state.pool = nil
      return parts
    }
  }

  private static func end(_ parts: Parts) async {
    for client in parts.clients { try? await client.shutdown() }
    try? await parts.pool?.shutdownGracefully()
    try? await parts.group?.shutdownGracefully()
  }

  /// Runs `body` on a thread that may wait for a disk.
  package func offLoop<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    let pool: NIOThreadPool = try state.withLock { state in
      guard !state.isShutDown else { throw TransportFault(.unusable, "the client is shut down") }
      if let pool = state.pool { return pool }
      let pool = NIOThreadPool(numberOfThreads: 4)
      pool.start()
      state.pool = pool
      return pool
    }
    return try await pool.runIfActive(body)
  }

  /// Sends a request; the body of the answer is yet to be read. Redirects are not followed.
  package func send(_ call: HTTPCall) async throws(TransportFault) -> HTTPClientResponse {
    do {
      var request = HTTPClientRequest(url: "\(call.url.scheme)://\(call.url.authority)\(call.target)")
      request.method = call.method
      request.headers.add(name: "Host", value: call.url.authority)
      request.headers.add(name: "User-Agent", value: "swiftlet")
      for (name, value) in call.headers { request.headers.add(name: name, value: value) }
      if !call.body.isEmpty { request.body = .bytes(ByteBuffer(bytes: call.body)) }
      let client = try client(for: call)
      let response = try await client.execute(request, deadline: .distantFuture)
      let size = response.headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
      guard size <= headerBytes else {
        throw TransportFault(.limit, "an answer with a header of more than \(headerBytes) bytes")
      }
      return response
    } catch {
      let fault = TransportFault(error)
      guard let proxy = proxy(for: call) else { throw fault }
      throw TransportFault(fault.kind, "\(fault) (through the proxy \(proxy.authority))")
    }
  }

  private func proxy(for call: HTTPCall) -> EndpointURL? {
    call.mayUseProxy ? configuration.proxies.proxy(for: call.url) : nil
  }

  /// Sends a request and reads the body of its answer.
  ///
  /// - Parameters:
  ///   - limit: bytes of the body; a longer one throws, or ends there where `cuts` is true.
  ///   - timeout: for all of it.
  package func answer(
    _ call: HTTPCall, limit: Int, cuts: Bool = false, timeout: Duration? = nil
  ) async throws(TransportFault) -> HTTPAnswer {
    let work = { @Sendable () async throws(TransportFault) -> HTTPAnswer in
      let response = try await self.send(call)
      let body = try await HTTPTransport.body(of: response, limit: limit, cuts: cuts)
      return HTTPAnswer(status: Int(response.status.code), headers: response.headers, body: body)
    }
    return try await withTimeLimit(timeout, late: TransportFault(.silence, "no answer in the time allowed"), work)
  }

  /// The bytes of an answer's body.
  package static func body(
    of response: HTTPClientResponse, limit: Int, cuts: Bool
  ) async throws(TransportFault) -> [UInt8] {
    do {
      var out: [UInt8] = []
      for try await buffer in response.body {
        let room = limit - out.count
        out += buffer.readableBytesView.prefix(room)
        guard buffer.readableBytes <= room else {
          if cuts { return out }
          throw TransportFault(.limit, "an answer of more than \(limit) bytes")
        }
      }
      return out
    } catch {
      throw TransportFault(error)
    }
  }

  private func client(for call: HTTPCall) throws(TransportFault) -> HTTPClient {
    let proxy = proxy(for: call)
    let made: HTTPClient? = state.withLock { state in
      guard !state.isShutDown else { return nil }
      if let client = state.clients[proxy] { return client }
      let group = state.group ?? MultiThreadedEventLoopGroup(numberOfThreads: 2)
      state.group = group
      let client = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: settings(proxy: proxy))
      state.clients[proxy] = client
      return client
    }
    guard let made else { throw TransportFault(.unusable, "the client is shut down") }
    return made
  }

  private func settings(proxy: EndpointURL?) -> HTTPClient.Configuration {
    var tls = TLSConfiguration.makeClientConfiguration()
    if let path = configuration.certificates { tls.trustRoots = .file(path) }
    var out = HTTPClient.Configuration(tlsConfiguration: tls, redirectConfiguration: .disallow)
    out.httpVersion = .http1Only
    out.timeout = .init(
      connect: TimeAmount(configuration.connectTimeout), read: TimeAmount(configuration.readTimeout),
      write: TimeAmount(configuration.readTimeout))
    out.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = max(8, configuration.parallelism * 2)
    // Larger reads: fewer system calls and hops for each megabyte.
    out.http1_1ConnectionDebugInitializer = { channel in
      let sizes = AdaptiveRecvByteBufferAllocator(minimum: 4 << 10, initial: 64 << 10, maximum: 256 << 10)
      return channel.setOption(.recvAllocator, value: sizes)
    }
    // The policy of retries is this module's own.
    out.connectionPool.retryConnectionEstablishment = false
    if let proxy {
      let port = proxy.port ?? (proxy.isSecure ? 443 : 80)
      let login = proxy.userInfo.map { HTTPClient.Authorization.basic(credentials: Base64.encoded(Array($0.utf8))) }
      out.proxy = .server(host: proxy.host, port: port, authorization: login)
    }
    return out
  }
}

/// Runs `body` for as long as `limit` allows, then cancels it and throws `late`.
func withTimeLimit<T: Sendable, Failure: Error>(
  _ limit: Duration?, late: Failure, _ body: @escaping @Sendable () async throws(Failure) -> T
) async throws(Failure) -> T {
  guard let limit else { return try await body() }
  let result = await withTaskGroup(of: Result<T, Failure>?.self) { group in
    group.addTask {
      do throws(Failure) { return .success(try await body()) } catch { return .failure(error) }
    }
    group.addTask {
      try? await Task.sleep(for: limit)
      return nil
    }
    defer { group.cancelAll() }
    while let result = await group.next() {
      if let result { return result }
      // The timer also ends when the caller is cancelled: then the body says how it ended.
      if !Task.isCancelled { return Result<T, Failure>.failure(late) }
    }
    return .failure(late)
  }
  return try result.get()
}
