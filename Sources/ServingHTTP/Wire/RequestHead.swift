import NIOCore
import ServingCore

/// A parsed request head: everything the connection must know before the body.
package struct RequestHead: Sendable {
  /// How the length of the body is given (RFC 9112, section 6.3).
  package enum Framing: Sendable, Equatable {
    case none
    case length(Int)
    case chunked
  }

  package var method: HTTPMethod
  package var target: String
  package var headers: HTTPHeaderFields
  package var framing: Framing
  /// Whether the client wants the connection to stay open.
  package var keepAlive: Bool
  package var isHTTP10: Bool
  package var expectsContinue: Bool
}

/// Limits of a request head.
package struct RequestHeadLimits: Sendable {
  package var bytes: Int
  package var line: Int
  package var fields: Int
  package var target: Int
  /// The setting that moves them.
  package var setting: String

  package init(_ configuration: HTTPServerConfiguration) {
    bytes = configuration.maxHeaderBytes
    line = configuration.maxHeaderLineBytes
    fields = configuration.maxHeaderFields
    target = configuration.maxTargetBytes
    setting = configuration.maxHeaderSetting
  }
}

/// What a head says about itself besides its fields, gathered while the fields go by.
struct HeadFacts {
  var contentLength: Range<UInt32>?
  var transferEncoding: Range<UInt32>?
  var hosts = 0
  var closes = false
  var keepsAlive = false
  var expect: Range<UInt32>?
  var hasContentType = false
  var hasContentEncoding = false

  /// Takes note of a field; names are sorted by length first, since most fields are none of these.
  ///
  /// - Throws: a field that may come once only and came again.
  mutating func note(_ span: RawSpan, _ name: Range<UInt32>, _ value: Range<UInt32>) throws(ServingError) {
    switch name.count {
    case 4:
      if HTTPCharacters.equals(span, name, "host") { hosts += 1 }
    case 6:
      if HTTPCharacters.equals(span, name, "expect") { expect = value }
    case 10:
      guard HTTPCharacters.equals(span, name, "connection") else { return }
      if HTTPCharacters.list(span, value, contains: "close") { closes = true }
      if HTTPCharacters.list(span, value, contains: "keep-alive") { keepsAlive = true }
    case 12:
      guard HTTPCharacters.equals(span, name, "content-type") else { return }
      if hasContentType {
        throw ServingError(.badRequest, "Content-Type is given twice; send it once.", field: "Content-Type")
      }
      hasContentType = true
    case 14:
      guard HTTPCharacters.equals(span, name, "content-length") else { return }
      if contentLength != nil {
        throw ServingError(.badRequest, "Content-Length is given twice; send it once.", field: "Content-Length")
      }
      contentLength = value
    case 16:
      guard HTTPCharacters.equals(span, name, "content-encoding") else { return }
      if hasContentEncoding {
        throw ServingError(.badRequest, "Content-Encoding is given twice; send it once.", field: "Content-Encoding")
      }
      hasContentEncoding = true
    case 17:
      guard HTTPCharacters.equals(span, name, "transfer-encoding") else { return }
      if transferEncoding != nil {
        throw ServingError(.badRequest, "Transfer-Encoding is given twice; send it once.", field: "Transfer-Encoding")
      }
      transferEncoding = value
    default: break
    }
  }

  /// The framing of the body. A request that contradicts itself is refused, since two readers could see two requests.
  func framing(_ span: RawSpan, isHTTP10: Bool) throws(ServingError) -> RequestHead.Framing {
    if let transferEncoding {
      if contentLength != nil {
        throw ServingError(
          .badRequest, "Content-Length and Transfer-Encoding contradict each other; send one of them.",
          field: "Content-Length")
      }
      if isHTTP10 {
        throw ServingError(.badRequest, "HTTP/1.0 has no Transfer-Encoding.", field: "Transfer-Encoding")
      }
      guard HTTPCharacters.equals(span, transferEncoding, "chunked") else {
        throw ServingError(
          .unsupportedTransferCoding, "This transfer coding is not supported.", field: "Transfer-Encoding",
          expected: "chunked")
      }
      return .chunked
    }
    guard let contentLength else { return .none }
    var length = 0
    for index in contentLength {
      let byte = span.byte(Int(index))
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { throw Self.noLength }
      // Saturating: a number that long is above every limit.
      let (tens, overflow) = length.multipliedReportingOverflow(by: 10)
      length = overflow || tens > Int.max - 9 ? Int.max - 9 : tens + Int(byte - UInt8(ascii: "0"))
    }
    if contentLength.isEmpty { throw Self.noLength }
    return length == 0 ? .none : .length(length)
  }

  private static let noLength = ServingError(
    .badRequest, "Content-Length is no length.", field: "Content-Length", expected: "decimal digits")
}
