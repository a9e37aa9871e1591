public import NIOCore
package import ServingCore

/// A complete request as a route's handler sees it: parsed, checked, body gathered and its content encoding removed.
public struct HTTPRequest: Sendable {
  public var method: HTTPMethod
  /// The path as sent, without the query and without percent-decoding.
  public var path: String
  /// What follows the first `?`, nil where there is none.
  public var query: String?
  public var headers: HTTPHeaderFields
  public var body: ByteBuffer
  /// The values of the `{name}` segments of the route that matched, percent-decoded.
  public var parameters: [String: String] = [:]
  /// The model that the request is for, where its route prepares one.
  package var target: (any InvocationHandler)?
  /// The client's address; nil where the connection is a Unix socket, as nginx's are.
  package var peer: String?
  package var identity: RequestIdentity

  /// A request made by hand, as tests and internal callers do.
  public init(
    method: HTTPMethod, target: String, headers: [(String, String)] = [], body: [UInt8] = []
  ) {
    let fields = HTTPHeaderFields(headers)
    self.init(
      method: method, target: target, headers: fields, body: ByteBuffer(bytes: body),
      identity: RequestIdentity(headers: fields, fallback: 0))
  }

  package init(
    method: HTTPMethod, target: String, headers: HTTPHeaderFields, body: ByteBuffer, identity: RequestIdentity
  ) {
    self.method = method
    if let mark = target.utf8.firstIndex(of: UInt8(ascii: "?")) {
      path = String(target[..<mark])
      query = String(target[target.index(after: mark)...])
    } else {
      path = target
      query = nil
    }
    self.headers = headers
    self.body = body
    self.identity = identity
  }

  /// The id that log lines, error bodies and the `x-request-id` response header carry: the client's `X-Request-Id` or
  /// `X-Amzn-RequestId` where it is printable ASCII of at most 128 characters, else one of ours.
  public var requestID: String { identity.text(in: headers) }
}

/// Where a request's id comes from; the text is made only when somebody asks.
package enum RequestIdentity: Sendable {
  /// A header value of the request.
  case sent(Range<UInt32>)
  /// A number of ours, printed as 16 hexadecimal digits.
  case generated(UInt64)

  static let longest = 128

  package init(headers: HTTPHeaderFields, fallback: @autoclosure () -> UInt64) {
    for name: StaticString in ["x-request-id", "x-amzn-requestid"] {
      guard let field = headers.firstField(name) else { continue }
      if Self.isSane(field.value, in: headers) {
        self = .sent(field.value)
        return
      }
    }
    self = .generated(fallback())
  }

  private static func isSane(_ range: Range<UInt32>, in headers: HTTPHeaderFields) -> Bool {
    guard (1...longest).contains(range.count) else { return false }
    let span = headers.bytes.readableBytesSpan
    for index in range where !(0x21...0x7E).contains(span.byte(Int(index))) { return false }
    return true
  }

  package func text(in headers: HTTPHeaderFields) -> String {
    switch self {
    case .sent(let range): headers.text(range)
    case .generated(let number): Self.hexadecimal(number)
    }
  }

  package static func hexadecimal(_ number: UInt64) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
