import NIOCore
import ServingCore
import ServingHTTP
import ServingTesting
import Synchronization
import Testing

#if canImport(Glibc)
import Glibc
#endif

/// A door that a test opens: calls of the model wait before it.
final class Gate: Sendable {
  private let state = Mutex((open: false, arrived: 0))

  var arrived: Int { state.withLock { $0.arrived } }
  func open() { state.withLock { $0.open = true } }

  /// Waits for the door to be opened, on a thread of its own.
  func pass() {
    state.withLock { $0.arrived += 1 }
    while !state.withLock({ $0.open }) { usleep(1000) }
  }

  /// Waits until `count` calls stand before the door.
  func waitForArrivals(_ count: Int) async {
    for _ in 0..<5000 where arrived < count { try? await Task.sleep(for: .milliseconds(1)) }
  }
}

struct HTTPServerTests {
  /// Routes with a model that leaves the event loop and waits at `gate`.
  static func slow(_ gate: Gate) -> [Route] {
    [.ping { .ready }, .invocations(SumRows(expectedNanoseconds: .max) { _ in gate.pass() })]
  }

  @Test func pingIsAnsweredWhileTheModelIsBusy() async throws {
    let gate = Gate()
    try await LiveServer.run(Self.slow(gate)) { live in
      let client = try live.client()
      client.send(Requests.sum("1,2"))
      await gate.waitForArrivals(1)
      #expect(try live.answersPing())
      gate.open()
      #expect(try client.response().body == Array("3\n".utf8))
    }
  }

  @Test func moreThanTheQueueHoldsIsRefusedWithRetryAfter() async throws {
    let gate = Gate()
    try await LiveServer.run(Self.slow(gate), configure: { $0.maxQueued = 2 }) { live in
      let waiting = try [live.client(), live.client()]
      for client in waiting { client.send(Requests.sum("1,2")) }
      await gate.waitForArrivals(1)
      var refusal: ContractResponse?
      let client = try live.client()
      // The second request may still be on its way; its place is taken within moments.
      for _ in 0..<3 where refusal == nil {
        try await Task.sleep(for: .milliseconds(20))
        client.send(Requests.sum("1,2"))
        refusal = try client.response()
      }
      #expect(refusal?.status == 503)
      #expect(refusal?.header("retry-after") == "1")
      #expect(refusal?.header("connection") == nil)
      gate.open()
      for client in waiting { #expect(try client.response().status == 200) }
      client.send(Requests.sum("4,5"))
      #expect(try client.response().body == Array("9\n".utf8))
    }
  }

  @Test func theRequestOfAClientThatHasGoneIsSkipped() async throws {
    let gate = Gate()
    try await LiveServer.run(Self.slow(gate)) { live in
      let first = try live.client()
      first.send(Requests.sum("1,2"))
      await gate.waitForArrivals(1)
      let gone = try live.client()
      gone.send(Requests.sum("3,4"))
      for _ in 0..<5000 where live.server.openConnections < 2 { try await Task.sleep(for: .milliseconds(1)) }
      try await Task.sleep(for: .milliseconds(50))
      gone.disconnect()
      for _ in 0..<5000 where live.server.openConnections > 1 { try await Task.sleep(for: .milliseconds(1)) }
      #expect(live.server.openConnections == 1)
      gate.open()
      #expect(try first.response().status == 200)
      first.send(Requests.sum("5,6"))
      #expect(try first.response().status == 200)
      #expect(gate.arrived == 2)
    }
  }

  @Test func drainingFinishesAcceptedWorkAndClosesIdleConnections() async throws {
    let gate = Gate()
    try await LiveServer.run(Self.slow(gate)) { live in
      let idle = try live.client()
      idle.send("GET /ping HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect(try idle.response().status == 200)
      let busy = try live.client()
      busy.send(Requests.sum("1,2"))
      await gate.waitForArrivals(1)
      async let cutOff = live.server.shutdownGracefully(deadline: .now() + .seconds(10))
      #expect(idle.isClosed())
      #expect(throws: SocketClient.Failure.self) { _ = try live.client() }
      gate.open()
      let answer = try busy.response()
      #expect(answer.status == 200)
      #expect(answer.header("connection") == "close")
      #expect(busy.isClosed())
      #expect(await cutOff == 0)
    }
  }

  @Test func drainingCutsOffWhatOutlastsTheDeadline() async throws {
    let gate = Gate()
    try await LiveServer.run(Self.slow(gate)) { live in
      let busy = try live.client()
      busy.send(Requests.sum("1,2"))
      await gate.waitForArrivals(1)
      #expect(await live.server.shutdownGracefully(deadline: .now() + .milliseconds(100)) == 1)
      #expect(busy.isClosed())
      gate.open()
    }
  }

  @Test func aBodyThatStopsComingIsTimedOut() async throws {
    try await LiveServer.run(Route.contract, configure: { $0.bodyTimeout = 0.2 }) { live in
      let client = try live.client()
      client.send("POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n1,2")
      let response = try client.response()
      #expect(response.status == 408)
      #expect(String(decoding: response.body, as: UTF8.self).contains("\"code\":\"request_timeout\""))
      #expect(client.isClosed())
    }
  }

  @Test func aHeadThatStopsComingIsTimedOut() async throws {
    try await LiveServer.run(Route.contract, configure: { $0.headTimeout = 0.2 }) { live in
      let client = try live.client()
      client.send("GET /ping HTTP/1.1\r\nHost")
      #expect(try client.response().status == 408)
      #expect(client.isClosed())
    }
  }

  @Test func anIdleConnectionIsClosed() async throws {
    try await LiveServer.run(Route.contract, configure: { $0.idleTimeout = 0.2 }) { live in
      let client = try live.client()
      client.send("GET /ping HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect(try client.response().status == 200)
      #expect(client.isClosed())
      let silent = try live.client()
      #expect(silent.isClosed())
    }
  }

  @Test func aClientThatGoesOnSendingReadsTheEarlyAnswer() async throws {
    try await LiveServer.run(Route.contract) { live in
      let client = try live.client()
      client.send("POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n")
      let chunk = [UInt8](repeating: UInt8(ascii: "1"), count: 1 << 20)
      for _ in 0..<47 { client.send(chunk) }
      #expect(try client.response().status == 413)
    }
  }

  @Test func aLargeBodyArrivesWhole() async throws {
    try await LiveServer.run(Route.contract) { live in
      let rows = String(repeating: "1,2,3\n", count: 100_000)
      let client = try live.client()
      client.send(Requests.sum(rows))
      let response = try client.response()
      #expect(response.status == 200)
      #expect(response.body == Array(String(repeating: "6\n", count: 100_000).utf8))
    }
  }

  @Test func aFloodOfPipelinedRequestsWaitsInTheKernel() async throws {
    let gate = Gate()
    try await LiveServer.run(Self.slow(gate), configure: { $0.readAheadBytes = 4096 }) { live in
      let client = try live.client()
      let count = 2000
      let one = Requests.sum("1,2")
      let sender = Task.detached { [port = live.port] in
        let flood = try SocketClient(port: port)
        flood.send(String(repeating: one, count: count))
        var answers = 0
        for _ in 0..<count where try flood.response().body == Array("3\n".utf8) { answers += 1 }
        return answers
      }
      await gate.waitForArrivals(1)
      #expect(try live.answersPing())
      gate.open()
      #expect(try await sender.value == count)
      client.disconnect()
    }
  }

  @Test func manyInlineRequestsOnManyConnectionsAreAllAnswered() async throws {
    try await LiveServer.run(Route.contract) { live in
      let clients = try (0..<50).map { _ in try live.client() }
      for round in 0..<20 {
        for (index, client) in clients.enumerated() { client.send(Requests.sum("\(round),\(index)")) }
        for (index, client) in clients.enumerated() {
          #expect(try client.response().body == Array("\(round + index)\n".utf8))
        }
      }
    }
  }

  @Test func pipelinedRequestsOfAHalfClosedClientAreAllAnswered() async throws {
    let gate = Gate()
    try await LiveServer.run(Self.slow(gate)) { live in
      let client = try live.client()
      client.send(Requests.sum("1,2") + Requests.sum("3,4") + "GET /ping HTTP/1.1\r\nHost: a\r\n\r\n")
      await gate.waitForArrivals(1)
      client.endOutput()
      gate.open()
      #expect(try client.response().body == Array("3\n".utf8))
      #expect(try client.response().body == Array("7\n".utf8))
      #expect(try client.response().status == 200)
      #expect(client.isClosed())
    }
  }

  @Test func aClientThatReadsLateGetsEveryAnswer() async throws {
    let answer = String(repeating: "x", count: 1 << 20)
    let routes = Route.contract + [Route(.GET, "/large", doc: "") { _ in .json(answer) }]
    try await LiveServer.run(routes) { live in
      let client = try live.client()
      let count = 40
      client.send(String(repeating: "GET /large HTTP/1.1\r\nHost: a\r\n\r\n", count: count))
      client.endOutput()
      #expect(try live.answersPing())
      for _ in 0..<count { #expect(try client.response().body.count == answer.utf8.count) }
      #expect(client.isClosed())
    }
  }

  @Test func aRefusedRequestWhoseBodyIsOnItsWayIsAnsweredBeforeTheConnectionCloses() async throws {
    try await LiveServer.run(Route.contract) { live in
      let client = try live.client()
      client.send("POST /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 60000\r\n\r\n")
      client.send([UInt8](repeating: 1, count: 60_000))
      #expect(try client.response().status == 404)
      #expect(client.isClosed())
    }
  }
}
