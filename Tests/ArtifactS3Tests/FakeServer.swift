import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A request as the test server got it.
struct SeenRequest: Sendable {
  var method: String
  /// Path and query, encoded.
  var target: String
  var headers: [String: String]
  var body: String
  /// From 0.
  var number: Int

  var path: String { String(target.prefix { $0 != "?" }) }

  /// The range asked for, within `size` bytes.
  func range(_ size: Int) -> Range<Int>? {
    guard let text = headers["range"], text.hasPrefix("bytes=") else { return nil }
    let ends = text.dropFirst(6).split(separator: "-").compactMap { Int($0) }
    guard ends.count == 2, ends[0] < size else { return nil }
    return ends[0]..<min(size, ends[1] + 1)
  }
}

/// What the test server answers.
struct FakeAnswer: Sendable {
  var status = 200
  var headers: [(String, String)] = []
  var body: [UInt8] = []
  /// Announced instead of the body's length.
  var length: Int?
  /// Bytes of the body after which the connection is closed.
  var cutAfter: Int?
  /// Bytes of the body after which nothing comes any more.
  var stallAfter: Int?
  /// Written instead of HTTP.
  var garbage: String?
  /// Whether nothing is written at all.
  var isSilent = false

  init(_ status: Int = 200, _ headers: [(String, String)] = [], body: [UInt8] = []) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// An error as S3 tells it.
  static func error(_ status: Int, _ code: String, _ more: String = "", headers: [(String, String)] = []) -> FakeAnswer
  {
    let text =
      "<?xml version=\"1.0\"?><Error><Code>\(code)</Code><Message>told</Message>\(more)<RequestId>R1</RequestId></Error>"
    return FakeAnswer(status, headers, body: Array(text.utf8))
  }
}

/// An HTTP server of this process on a port of its own.
final class FakeServer: Sendable {
  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
  private let channel: any Channel
  private let recorder: Recorder
  let port: Int

  init(_ answer: @escaping @Sendable (SeenRequest) -> FakeAnswer) async throws {
    let recorder = Recorder()
    channel = try await ServerBootstrap(group: group)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(FakeHandler(recorder: recorder, answer: answer))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    port = channel.localAddress?.port ?? 0
    self.recorder = recorder
  }

  var url: String { "http://127.0.0.1:\(port)" }
  var requests: [SeenRequest] { recorder.all }

  func stop() async {
    try? await channel.close()
    try? await group.shutdownGracefully()
  }
}

/// Requests in the order of their arrival.
final class Recorder: Sendable {
  private let seen = Mutex<[SeenRequest]>([])

  var all: [SeenRequest] { seen.withLock { $0 } }

  func add(_ request: SeenRequest) -> SeenRequest {
    seen.withLock { seen in
      var request = request
      request.number = seen.count
      seen.append(request)
      return request
    }
  }
}

private final class FakeHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private let recorder: Recorder
  private let answer: @Sendable (SeenRequest) -> FakeAnswer
  private var head: HTTPRequestHead?
  private var body: [UInt8] = []

  init(recorder: Recorder, answer: @escaping @Sendable (SeenRequest) -> FakeAnswer) {
    self.recorder = recorder
    self.answer = answer
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      self.head = head
      body = []
    case .body(let buffer): body += buffer.readableBytesView
    case .end:
      guard let head else { return }
      var headers: [String: String] = [:]
      for (name, value) in head.headers { headers[name.lowercased()] = value }
      let request = recorder.add(
        SeenRequest(
          method: head.method.rawValue, target: head.uri, headers: headers, body: String(decoding: body, as: UTF8.self),
          number: 0))
      respond(answer(request), isHead: head.method == .HEAD, context)
    }
  }

  private func respond(_ answer: FakeAnswer, isHead: Bool, _ context: ChannelHandlerContext) {
    if answer.isSilent { return }
    if let garbage = answer.garbage {
      // Past the encoder of HTTP.
      context.channel.pipeline.context(handlerType: HTTPResponseEncoder.self).assumeIsolated().whenSuccess { encoder in
        encoder.writeAndFlush(NIOAny(ByteBuffer(string: garbage)), promise: nil)
        encoder.close(promise: nil)
      }
      return
    }
    var headers = HTTPHeaders(answer.headers)
    headers.replaceOrAdd(name: "content-length", value: String(answer.length ?? answer.body.count))
    context.write(
      wrapOutboundOut(.head(.init(version: .http1_1, status: .init(statusCode: answer.status), headers: headers))),
      promise: nil)
    let count = min(answer.cutAfter ?? .max, answer.stallAfter ?? .max, answer.body.count)
    if !isHead, count > 0 {
      context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: answer.body[..<count])))), promise: nil)
    }
    if answer.stallAfter != nil, !isHead {
      context.flush()
    } else if answer.cutAfter != nil, !isHead {
      context.flush()
      context.close(promise: nil)
    } else if let length = answer.length, length > answer.body.count, !isHead {
      context.flush()
      context.close(promise: nil)
    } else {
      context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }
  }
}
