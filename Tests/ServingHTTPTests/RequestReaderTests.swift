import NIOCore
import ServingCore
import ServingHTTP
import Testing

struct RequestReaderTests {
  /// What a stream of bytes is read as, one line an event.
  static func events(_ pieces: [[UInt8]]) -> [String] {
    var reader = RequestReader(RequestHeadLimits(HTTPServerConfiguration()))
    var input = ByteBuffer()
    var events: [String] = []
    for piece in pieces {
      input.writeBytes(piece)
      reading: while true {
        switch reader.next(&input) {
        case .needMore: break reading
        case .head(let head):
          let fields = head.headers.all.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
          events.append("\(head.method) \(head.target) \(head.framing) \(head.keepAlive) \(fields)")
          reader.accept(limit: 1 << 20, setting: "max-body-size")
        case .body(let body): events.append("body \(Array(body.readableBytesView))")
        case .failed(let error): events.append("failed \(error.code)")
        }
      }
    }
    return events
  }

  static let stream = Array(
    """
    POST /a?b=c HTTP/1.1\r\nHost:  x \r\nContent-Length: 4\r\n\r\nabcdGET / HTTP/1.1\r\nhOsT: y\r\nX-Empty:\r\n\r\n\
    POST /c HTTP/1.1\r\nHost: z\r\nTransfer-Encoding: Chunked\r\nConnection: foo, Close\r\n\r\n\
    3\r\nabc\r\n00A ; x=y\r\n0123456789\r\n0\r\nT: u\r\n\r\n
    """.utf8)

  @Test func readsHeadsAndBodies() {
    #expect(
      Self.events([Self.stream]) == [
        "POST /a?b=c length(4) true Host=x&Content-Length=4", "body \(Array("abcd".utf8))",
        "GET / none true hOsT=y&X-Empty=", "body []",
        "POST /c chunked false Host=z&Transfer-Encoding=Chunked&Connection=foo, Close",
        "body \(Array("abc0123456789".utf8))",
      ])
  }

  @Test func readsTheSameHoweverTheBytesAreCut() {
    let whole = Self.events([Self.stream])
    #expect(Self.events(Self.stream.map { [$0] }) == whole)
    for cut in Self.stream.indices {
      #expect(Self.events([Array(Self.stream[..<cut]), Array(Self.stream[cut...])]) == whole)
    }
  }

  @Test func aTruncatedStreamIsNeverAnError() {
    for cut in Self.stream.indices {
      #expect(!Self.events([Array(Self.stream[..<cut])]).contains { $0.hasPrefix("failed") })
    }
  }

  @Test func anyChangedByteIsReadOrRefused() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<20_000 {
      var bytes = Self.stream
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      let cut = Int.random(in: 0...bytes.count, using: &random)
      let events = Self.events([Array(bytes[..<cut]), Array(bytes[cut...])])
      #expect(events.filter { $0.hasPrefix("failed") }.count <= 1)
    }
  }

  @Test func aBodyInOneBufferIsNotCopied() throws {
    var reader = RequestReader(RequestHeadLimits(HTTPServerConfiguration()))
    var input = ByteBuffer(string: "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd")
    let address = input.withUnsafeReadableBytes { $0.baseAddress.map { Int(bitPattern: $0) + 47 } }
    _ = reader.next(&input)
    reader.accept(limit: 10, setting: "")
    guard case .body(let body) = reader.next(&input) else {
      Issue.record("no body")
      return
    }
    #expect(body.withUnsafeReadableBytes { $0.baseAddress.map { Int(bitPattern: $0) } } == address)
  }

  @Test func aChunkedBodyPastTheLimitIsRefusedBeforeItsBytesCome() {
    let head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    #expect(Self.events([Array("\(head)fffff\r\n".utf8)]).last?.hasPrefix("failed") == false)
    #expect(Self.events([Array("\(head)100001\r\n".utf8)]).last == "failed payloadTooLarge")
  }
}
