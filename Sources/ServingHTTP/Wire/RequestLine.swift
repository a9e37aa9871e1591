import ServingCore

extension RequestHeadParser {
  struct RequestLine {
    var method: HTTPMethod
    var target: String
    var isHTTP10: Bool
    /// Where the first header line begins.
    var end: Int
  }

  private static let longestMethod = 32

  /// The request line (RFC 9112, section 3); nil when its end has not arrived.
  func requestLine(_ span: RawSpan, _ available: Int) throws(ServingError) -> RequestLine? {
    var position = 0
    while position < available, HTTPCharacters.isToken(span.byte(position)) {
      position &+= 1
      if position > Self.longestMethod { throw notHTTP }
    }
    guard position < available else { return nil }
    guard position > 0, span.byte(position) == HTTPCharacters.space else { throw notHTTP }
    let method = Self.method(span, position)
    let start = position &+ 1
    position = start
    while position < available, (0x21...0x7E).contains(span.byte(position)) { position &+= 1 }
    if position &- start > limits.target {
      throw ServingError(
        .uriTooLong, "The request target is too long.", limit: ByteCount.text(limits.target), setting: limits.setting)
    }
    guard position < available else { return nil }
    guard position > start, span.byte(position) == HTTPCharacters.space else {
      throw span.byte(position) == HTTPCharacters.carriageReturn || span.byte(position) == HTTPCharacters.lineFeed
        ? notHTTP : ServingError(.badRequest, "The request target holds a character that must be percent-encoded.")
    }
    let target = try Self.originForm(span.text(start..<position))
    position &+= 1
    let isHTTP10: Bool
    let version: StaticString = "HTTP/1."
    for index in 0..<version.utf8CodeUnitCount {
      guard position &+ index < available else { return nil }
      guard span.byte(position &+ index) == version.utf8Start[index] else {
        if index == 5, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(span.byte(position &+ index)) {
          throw ServingError(
            .unsupportedHTTPVersion, "This version of HTTP is not spoken here.", expected: "HTTP/1.1 or HTTP/1.0")
        }
        throw notHTTP
      }
    }
    position &+= version.utf8CodeUnitCount
    guard position &+ 2 < available else { return nil }
    switch span.byte(position) {
    case UInt8(ascii: "0"): isHTTP10 = true
    case UInt8(ascii: "1")...UInt8(ascii: "9"): isHTTP10 = false
    default: throw notHTTP
    }
    guard span.byte(position &+ 1) == HTTPCharacters.carriageReturn, span.byte(position &+ 2) == HTTPCharacters.lineFeed
    else { throw notHTTP }
    return RequestLine(method: method, target: target, isHTTP10: isHTTP10, end: position &+ 3)
  }

  private var notHTTP: ServingError {
    ServingError(
      .badRequest, "The first line is no HTTP request line.",
      expected: "a method, a target and HTTP/1.1, one blank between them, then CR LF")
  }

  private static func method(_ span: RawSpan, _ length: Int) -> HTTPMethod {
    if length == 4, span.byte(0) == UInt8(ascii: "P"), span.byte(1) == UInt8(ascii: "O"),
      span.byte(2) == UInt8(ascii: "S"), span.byte(3) == UInt8(ascii: "T")
    {
      return .POST
    }
    if length == 3, span.byte(0) == UInt8(ascii: "G"), span.byte(1) == UInt8(ascii: "E"),
      span.byte(2) == UInt8(ascii: "T")
    {
      return .GET
    }
    return HTTPMethod(rawValue: span.text(0..<length))
  }

  /// The target as a path: `/…` and `*` stay, `http://host/…` (RFC 9112, section 3.2.2) loses its authority.
  private static func originForm(_ target: String) throws(ServingError) -> String {
    if target.utf8.first == UInt8(ascii: "/") || target == "*" { return target }
    let lower = target.prefix(8).lowercased()
    guard lower.hasPrefix("http://") || lower.hasPrefix("https://") else {
      throw ServingError(.badRequest, "The request target is no path.", expected: "a path that begins with /")
    }
    let rest = target.utf8.dropFirst(lower.hasPrefix("https://") ? 8 : 7)
    guard let slash = rest.firstIndex(where: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") }) else { return "/" }
    let path = String(target[slash...])
    return path.utf8.first == UInt8(ascii: "/") ? path : "/" + path
  }
}

extension RawSpan {
  /// The bytes in `range` as text.
  func text(_ range: Range<Int>) -> String {
    extracting(range).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }
}
