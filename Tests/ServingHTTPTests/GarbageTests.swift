import ServingHTTP
import ServingTesting
import Testing

struct GarbageTests {
  private static let templates: [[UInt8]] = [
    RequestReaderTests.stream, Array(Requests.sum("1,2,3").utf8),
    Array("GET /ping HTTP/1.1\r\nHost: a\r\n\r\n".utf8),
    Array(
      "POST /invocations HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nExpect: 100-continue\r\nContent-Length: 20\r\n\r\n"
        .utf8) + [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  ]

  private static func garbage(_ random: inout some RandomNumberGenerator) -> [UInt8] {
    switch Int.random(in: 0..<4, using: &random) {
    case 0:
      return (0..<Int.random(in: 1...300, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
    case 1:
      let alphabet = Array("GET POST /ping HTTP/1.1\r\n:0123456789abcfx;, \t".utf8)
      return (0..<Int.random(in: 1...300, using: &random)).compactMap { _ in alphabet.randomElement(using: &random) }
    default:
      var bytes = templates.randomElement(using: &random) ?? []
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        let at = Int.random(in: bytes.indices, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.insert(UInt8.random(in: 0...255, using: &random), at: at)
        default: if bytes.count > 1 { bytes.remove(at: at) }
        }
      }
      return bytes
    }
  }

  @Test func garbageNeverStopsTheServer() async throws {
    try await LiveServer.run(Route.contract) { live in
      var random = SystemRandomNumberGenerator()
      for round in 0..<3000 {
        let bytes = Self.garbage(&random)
        let client = try live.client()
        client.send(bytes)
        client.endOutput()
        if let response = try? client.response(hasBody: false) {
          #expect((100...599).contains(response.status) && response.status != 500, "\(bytes)")
        }
        if round % 100 == 0 { #expect(try live.answersPing()) }
      }
      #expect(try live.answersPing())
    }
  }
}
