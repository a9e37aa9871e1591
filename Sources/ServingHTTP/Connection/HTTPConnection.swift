import NIOCore
import ServingCore

/// One connection: feeds bytes to the `RequestReader`, lets the route table answer, writes the answers in order.
///
/// One request is answered at a time; later ones of a pipeline stay unparsed in `input`, and past `readAheadBytes` the
/// socket is not read, so that a client cannot make the server remember more than that. The handler lives on its loop.
final class HTTPConnection: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private enum Phase {
    /// Between requests, or inside a head or body.
    case reading
    /// The request waits for what its route prepares, or a compute thread has it.
    case computing
    /// The last answer is written; what the client still sends is swallowed.
    case lingering
    case closed
  }

  /// The request whose body is read or whose answer is awaited.
  private struct Current {
    var head: RequestHead
    var identity: RequestIdentity
    /// nil when the request has been refused and its body is read over.
    var route: Int?
    var parameters: [String: String]
  }

  private let core: ServerCore
  private let loop: LoopState
  private var context: ChannelHandlerContext?
  private var reader: RequestReader
  private var phase = Phase.reading
  private var current: Current?
  private var job: ComputeJob?
  /// The request that waits for what its route prepares.
  private var pending: (number: Int, route: Int, request: HTTPRequest)?
  private var waits = 0
  /// When `job` was handed over.
  private var dispatched = NIODeadline.distantPast
  private var input = ByteBuffer()
  private var output = ByteBuffer()
  private var isProcessing = false
  private var isWritable = true
  private var inputEnded = false
  private var suppressedRead = false
  private var sawPartialHead = false
  private var progressMark = 0
  private var outputEnded = false

  /// Where the loop's list has this connection.
  var slot = -1
  /// When the connection is overdue; the sweep looks at it.
  private(set) var deadline = NIODeadline.distantFuture

  init(_ core: ServerCore, _ loop: LoopState) {
    self.core = core
    self.loop = loop
    reader = RequestReader(RequestHeadLimits(core.configuration))
  }

  // MARK: channel events

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    core.opened()
    loop.add(self)
    deadline = loop.now + .seconds(core.configuration.idleTimeout)
  }

  func handlerRemoved(context: ChannelHandlerContext) { end() }

  func channelInactive(context: ChannelHandlerContext) { end() }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if phase == .lingering || phase == .closed { return }
    var bytes = unwrapInboundIn(data)
    if input.readableBytes == 0 {
      input = bytes
    } else {
      input.writeBuffer(&bytes)
    }
    process()
  }

  func read(context: ChannelHandlerContext) {
    if (phase == .computing || !isWritable) && input.readableBytes >= core.configuration.readAheadBytes {
      suppressedRead = true
    } else {
      context.read()
    }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    isWritable = context.channel.isWritable
    if isWritable { process() }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard let event = event as? ChannelEvent, event == .inputClosed else {
      context.fireUserInboundEventTriggered(event)
      return
    }
    inputEnded = true
    switch phase {
    case .reading: process()
    case .computing:
      // Whoever ends the output with the request wants the answer; whoever ends it later, while the request still waits
      // for a thread, has given up, and nobody would read the answer.
      if NIODeadline.now() - dispatched > Self.givingUpDelay, pending != nil || job?.take() != nil {
        pending = nil
        core.leave()
        abort()
      }
    case .lingering: if outputEnded { abort() }
    case .closed: break
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { abort() }

  // MARK: requests

  /// Goes on until the bytes are used up, a request is under way, or the client does not take its answers.
  private func process() {
    guard !isProcessing else { return }
    isProcessing = true
    defer { isProcessing = false }
    var isBlocked: Bool
    repeat {
      isBlocked = !advance()
      if phase == .reading || phase == .computing { flush() }
    } while isBlocked && isWritable && phase == .reading
    if isBlocked, phase == .reading { deadline = loop.now + .seconds(core.configuration.idleTimeout) }
    if input.readableBytes == 0 { input = Self.empty }
    if suppressedRead, input.readableBytes < core.configuration.readAheadBytes {
      suppressedRead = false
      context?.read()
    }
  }

  /// Handles what the bytes hold; false when it stopped because too much waits to be sent.
  private func advance() -> Bool {
    while phase == .reading {
      guard isWritable else { return false }
      switch reader.next(&input) {
      case .needMore:
        if inputEnded { closeAfterFlush() } else { awaitBytes() }
        return true
      case .head(let head): begin(head)
      case .body(let body): dispatch(body)
      case .failed(let error): refuseConnection(error)
      }
      if output.readableBytes > Self.outputWatermark { flush() }
    }
    return true
  }

  private static let outputWatermark = 256 * 1024
  /// A larger buffer is not kept for the next answer.
  private static let outputKept = 64 * 1024
  private static let empty = ByteBuffer()
  private static let givingUpDelay = TimeAmount.milliseconds(100)

  private func begin(_ head: RequestHead) {
    sawPartialHead = false
    let identity = RequestIdentity(headers: head.headers, fallback: loop.requestNumber())
    switch core.table.admit(head) {
    case .found(let route, let parameters):
      current = Current(head: head, identity: identity, route: route, parameters: parameters)
      reader.accept(limit: core.table.bodyLimit(of: route), setting: core.table.setting(of: route))
      if head.framing != .none {
        expectBody()
        if head.expectsContinue, input.readableBytes == 0 {
          output.writeStaticString(ResponseWriter.continueLine)
        }
      }
    case .refused(let refusal):
      let response = core.table.response(to: refusal, requestID: identity.text(in: head.headers))
      current = Current(head: head, identity: identity, route: nil, parameters: [:])
      let swallows = head.framing.isShort && !head.expectsContinue
      answer(response, closes: !swallows, lingers: head.framing != .none)
      if phase == .reading {
        reader.discard(limit: Route.bodyLimitOfReads)
        expectBody()
      }
    }
  }

  private func dispatch(_ body: ByteBuffer) {
    guard let current, let route = current.route else {
      self.current = nil
      return
    }
    var request = HTTPRequest(
      method: current.head.method, target: current.head.target, headers: current.head.headers, body: body,
      identity: current.identity)
    if !current.parameters.isEmpty { request.parameters = current.parameters }
    guard let prepare = core.table.routes[route].prepare else { return run(route, request) }
    request.peer = context?.channel.remoteAddress?.ipAddress
    waits += 1
    let (number, eventLoop) = (waits, loop.eventLoop)
    let connection = NIOLoopBound(self, eventLoop: eventLoop)
    let preparation = prepare(request) { preparation in
      eventLoop.execute { connection.value.prepared(number, preparation) }
    }
    if let preparation { return take(preparation, route, request) }
    guard core.enter() else { return refuseForLackOfPlace(route, request) }
    pending = (number, route, request)
    phase = .computing
    deadline = .distantFuture
    dispatched = .now()
  }

  /// What the waiting request needs is there, or it cannot be had.
  private func prepared(_ number: Int, _ preparation: Route.Preparation) {
    guard phase == .computing, let (waiting, route, request) = pending, waiting == number else { return }
    pending = nil
    core.leave()
    phase = .reading
    take(preparation, route, request)
    if phase == .reading { process() }
  }

  private func take(_ preparation: Route.Preparation, _ route: Int, _ request: HTTPRequest) {
    switch preparation {
    case .target(let target):
      var request = request
      request.target = target
      run(route, request)
    case .response(let response): answer(response)
    case .failed(let error): answer(core.table.response(to: error, of: route, requestID: request.requestID))
    }
  }

  private func refuseForLackOfPlace(_ route: Int, _ request: HTTPRequest) {
    answer(
      core.table.response(
        to: ServingError(
          .overloaded, "All places for waiting requests are taken; try again shortly.",
          limit: "\(core.configuration.maxQueued) requests", setting: core.configuration.maxQueuedSetting),
        of: route, requestID: request.requestID))
  }

  /// Runs the handler, here or on a compute thread.
  private func run(_ route: Int, _ request: HTTPRequest) {
    guard core.table.leavesLoop(route, request) else {
      answer(core.table.run(route, request))
      return
    }
    guard core.enter() else { return refuseForLackOfPlace(route, request) }
    phase = .computing
    deadline = .distantFuture
    dispatched = .now()
    let connection = NIOLoopBound(self, eventLoop: loop.eventLoop)
    job = core.compute(route, request, on: loop.eventLoop) { connection.value.computed($0) }
  }

  private func computed(_ response: HTTPResponse) {
    job = nil
    guard phase == .computing else { return }
    phase = .reading
    answer(response)
    process()
  }

  // MARK: answers

  /// Writes the answer to the current request.
  ///
  /// - Parameters:
  ///   - closes: whether the connection must end with this answer, whatever the client wants.
  ///   - lingers: whether bytes of the request may still come after its last answer.
  private func answer(_ response: HTTPResponse, closes: Bool = false, lingers: Bool = false) {
    guard let current else { return }
    core.log(
      response.status, current.head.method, current.head.target, current.identity.text(in: current.head.headers),
      response.body)
    let ends = closes || !current.head.keepAlive || core.isDraining
    ResponseWriter.write(
      response, current.identity, current.head.headers,
      ResponseWriter.Context(
        closes: ends, isHTTP10: current.head.isHTTP10, omitsBody: current.head.method == .HEAD,
        dateLine: loop.dateLine),
      to: &output)
    if current.route != nil { self.current = nil }
    if ends { finish(lingers: lingers || input.readableBytes > 0) }
  }

  /// Answers bytes that are no request, or a body that cannot be read on, and ends the connection.
  private func refuseConnection(_ error: ServingError) {
    if let current, current.route == nil {
      // Answered already; the body that should have been read over is at fault.
      finish(lingers: true)
      return
    }
    let headers = current?.head.headers ?? HTTPHeaderFields()
    let identity = current?.identity ?? .generated(loop.requestNumber())
    let response = core.table.response(to: error, of: current?.route, requestID: identity.text(in: headers))
    ResponseWriter.write(
      response, identity, headers,
      ResponseWriter.Context(
        closes: true, isHTTP10: current?.head.isHTTP10 ?? false, omitsBody: false, dateLine: loop.dateLine),
      to: &output)
    current = nil
    finish(lingers: true)
  }

  private func flush() {
    guard output.readableBytes > 0, let context else { return }
    if output.storageCapacity > Self.outputKept {
      let bytes = output
      output = Self.empty
      context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    } else {
      // No second reference is kept, so that the storage is free again as soon as it has been sent.
      context.writeAndFlush(wrapOutboundOut(output), promise: nil)
      output.clear()
    }
  }

  /// Ends the connection after what has been written. Closing a socket whose input has not been read makes the kernel
  /// drop the answer on its way (RST); `lingers` therefore ends only the output, and swallows the rest for a while.
  private func finish(lingers: Bool) {
    guard let context else { return }
    phase = .lingering
    current = nil
    input = Self.empty
    deadline = loop.now + .seconds(core.configuration.lingerTimeout)
    let connection = NIOLoopBound(self, eventLoop: loop.eventLoop)
    let last = output
    output = ByteBuffer()
    context.writeAndFlush(wrapOutboundOut(last)).whenComplete { _ in
      connection.value.wroteLast(lingers: lingers)
    }
  }

  private func wroteLast(lingers: Bool) {
    guard phase == .lingering, let context else { return }
    if !lingers || inputEnded { return abort() }
    outputEnded = true
    context.close(mode: .output, promise: nil)
  }

  private func closeAfterFlush() {
    flush()
    if phase == .reading { finish(lingers: false) }
  }

  // MARK: time

  private func awaitBytes() {
    guard reader.awaitsHead else { return }
    if input.readableBytes == 0 {
      sawPartialHead = false
      deadline = loop.now + .seconds(core.configuration.idleTimeout)
    } else if !sawPartialHead {
      sawPartialHead = true
      deadline = loop.now + .seconds(core.configuration.headTimeout)
    }
  }

  private func expectBody() {
    progressMark = 0
    deadline = loop.now + .seconds(core.configuration.bodyTimeout)
  }

  /// The sweep found the deadline passed.
  func overdue() {
    guard phase == .reading, isWritable else { return abort() }
    if reader.awaitsHead {
      if input.readableBytes == 0 { return closeAfterFlush() }
      return refuseConnection(
        ServingError(
          .requestTimeout, "The request head did not arrive in time.",
          limit: "\(core.configuration.headTimeout) seconds"))
    }
    if reader.receivedBytes - progressMark >= core.configuration.bodyProgressBytes {
      progressMark = reader.receivedBytes
      deadline = loop.now + .seconds(core.configuration.bodyTimeout)
      return
    }
    refuseConnection(
      ServingError(
        .requestTimeout, "The request body did not arrive in time.",
        limit: "\(core.configuration.bodyTimeout) seconds"))
  }

  /// Closes a connection that waits for a request; one that has begun is answered first.
  func closeIfIdle() {
    if phase == .reading, reader.awaitsHead, input.readableBytes == 0 { closeAfterFlush() }
  }

  /// Closes at once.
  func abort() { context?.close(promise: nil) }

  private func end() {
    guard phase != .closed else { return }
    phase = .closed
    if pending != nil || job?.take() != nil { core.leave() }
    pending = nil
    job = nil
    current = nil
    context = nil
    loop.remove(self)
    core.closed()
  }
}

extension TimeAmount {
  static func seconds(_ seconds: Double) -> TimeAmount {
    .nanoseconds(Int64(min(max(seconds, 0), 1e9) * 1e9))
  }
}

extension RequestHead.Framing {
  /// Whether a refused body is cheaper to read over than a new connection.
  fileprivate var isShort: Bool {
    switch self {
    case .none, .chunked: true
    case .length(let length): length <= Route.bodyLimitOfReads
    }
  }
}
