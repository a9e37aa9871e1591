package import NIOCore
package import ServingCore

/// The receiving half of a connection as a pure machine: bytes in, requests out.
///
/// After `.head` the caller must say what becomes of the body, with `accept` or `discard`; then `next` gives `.body`.
/// After `.failed` nothing more can be read.
package struct RequestReader: Sendable {
  package enum Event: Sendable {
    /// The bytes so far hold no further event.
    case needMore
    case head(RequestHead)
    /// The body is complete (empty when it was discarded).
    case body(ByteBuffer)
    case failed(ServingError)
  }

  private enum Phase { case head, decision, body, failed }

  private var phase = Phase.head
  private var parser: RequestHeadParser
  private var framing = RequestHead.Framing.none
  private var body = BodyReader(.none, limit: 0, setting: "")

  package init(_ limits: RequestHeadLimits) { parser = RequestHeadParser(limits) }

  /// True between two requests.
  package var awaitsHead: Bool { phase == .head }
  /// Bytes of the body that have arrived.
  package var receivedBytes: Int { body.received }

  package mutating func next(_ input: inout ByteBuffer) -> Event {
    do throws(ServingError) {
      switch phase {
      case .head:
        guard let head = try parser.parse(&input) else { return .needMore }
        framing = head.framing
        phase = .decision
        return .head(head)
      case .body:
        guard try body.read(&input) else { return .needMore }
        let bytes = body.body
        body = BodyReader(.none, limit: 0, setting: "")
        phase = .head
        return .body(bytes)
      case .decision, .failed:
        return .needMore
      }
    } catch {
      phase = .failed
      return .failed(error)
    }
  }

  /// Gather the body, up to `limit` bytes.
  package mutating func accept(limit: Int, setting: String) {
    body = BodyReader(framing, limit: limit, setting: setting)
    phase = .body
  }

  /// Read over the body, up to `limit` bytes.
  package mutating func discard(limit: Int) {
    body = BodyReader(framing, limit: limit, setting: "", discards: true)
    phase = .body
  }
}
