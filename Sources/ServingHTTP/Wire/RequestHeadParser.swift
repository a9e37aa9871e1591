package import NIOCore
package import ServingCore

/// Parses request heads (RFC 9112, sections 2 to 5), strictly: what two parsers could understand differently is refused.
///
/// Lines end in CRLF; no folded lines, no blank before a colon, no control characters, one `Host`. Pure: bytes in, a
/// value or an error out.
package struct RequestHeadParser: Sendable {
  let limits: RequestHeadLimits
  /// Bytes already known not to hold the end of the head, so that a head that trickles in costs linear time.
  private var scanned = 0

  package init(_ limits: RequestHeadLimits) { self.limits = limits }

  /// Takes a head from the front of `input`; nil when it is not all there yet.
  ///
  /// - Throws: what is wrong with the bytes. The connection cannot be read further then.
  package mutating func parse(_ input: inout ByteBuffer) throws(ServingError) -> RequestHead? {
    skipEmptyLines(&input)
    if input.readableBytes == 0 { return nil }
    if scanned > 0, !holdsEnd(input.readableBytesSpan), input.readableBytes <= limits.bytes {
      scanned = input.readableBytes
      return nil
    }
    guard let parsed = try head(input) else {
      scanned = input.readableBytes
      return nil
    }
    scanned = 0
    input.moveReaderIndex(forwardBy: parsed.length)
    return parsed.head
  }

  /// Servers ignore an empty line before a request (RFC 9112, section 2.2).
  private mutating func skipEmptyLines(_ input: inout ByteBuffer) {
    guard scanned == 0 else { return }
    while let first = input.getInteger(at: input.readerIndex, as: UInt8.self), first == HTTPCharacters.carriageReturn,
      let second = input.getInteger(at: input.readerIndex + 1, as: UInt8.self), second == HTTPCharacters.lineFeed
    {
      input.moveReaderIndex(forwardBy: 2)
    }
  }

  private func holdsEnd(_ span: RawSpan) -> Bool {
    var index = max(scanned - 3, 0) + 3
    while index < span.byteCount {
      if span.byte(index) == HTTPCharacters.lineFeed, span.byte(index - 1) == HTTPCharacters.carriageReturn,
        span.byte(index - 2) == HTTPCharacters.lineFeed, span.byte(index - 3) == HTTPCharacters.carriageReturn
      {
        return true
      }
      index += 1
    }
    return false
  }

  private func head(_ input: ByteBuffer) throws(ServingError) -> (head: RequestHead, length: Int)? {
    let span = input.readableBytesSpan
    let available = min(span.byteCount, limits.bytes)
    guard let line = try requestLine(span, available) else {
      if span.byteCount > limits.bytes { throw tooLarge }
      return nil
    }
    var facts = HeadFacts()
    var fields: [HTTPHeaderFields.Field] = []
    fields.reserveCapacity(16)
    var position = line.end
    while true {
      guard position + 1 < available else {
        if span.byteCount > limits.bytes { throw tooLarge }
        return nil
      }
      if span.byte(position) == HTTPCharacters.carriageReturn {
        guard span.byte(position + 1) == HTTPCharacters.lineFeed else { throw FieldLine.strayReturn }
        position += 2
        break
      }
      guard let field = try FieldLine.parse(span, from: position, upTo: available) else {
        if span.byteCount > limits.bytes { throw tooLarge }
        return nil
      }
      guard fields.count < limits.fields else { throw tooMany }
      guard field.end - position - 2 <= limits.line else { throw lineTooLong }
      try facts.note(span, field.name, field.value)
      fields.append(HTTPHeaderFields.Field(name: field.name, value: field.value))
      position = field.end
    }
    guard facts.hosts == 1 || (facts.hosts == 0 && line.isHTTP10) else {
      throw ServingError(.badRequest, "A request has one Host header; this one has \(facts.hosts).", field: "Host")
    }
    var expectsContinue = false
    if let expect = facts.expect, !line.isHTTP10 {
      guard HTTPCharacters.equals(span, expect, "100-continue") else {
        throw ServingError(
          .expectationFailed, "This expectation cannot be met.", field: "Expect", expected: "100-continue")
      }
      expectsContinue = true
    }
    let framing = try facts.framing(span, isHTTP10: line.isHTTP10)
    guard let bytes = input.getSlice(at: input.readerIndex, length: position) else { return nil }
    let keepAlive = !facts.closes && (!line.isHTTP10 || facts.keepsAlive)
    return (
      RequestHead(
        method: line.method, target: line.target, headers: HTTPHeaderFields(bytes: bytes, fields: fields),
        framing: framing, keepAlive: keepAlive, isHTTP10: line.isHTTP10, expectsContinue: expectsContinue),
      position
    )
  }

  private var tooLarge: ServingError {
    ServingError(
      .headersTooLarge, "The request head is too large; send fewer or shorter headers.",
      limit: ByteCount.text(limits.bytes), setting: limits.setting)
  }

  private var lineTooLong: ServingError {
    ServingError(
      .headersTooLarge, "A header line is longer than the limit of \(ByteCount.text(limits.line)).",
      limit: ByteCount.text(limits.line), setting: limits.setting)
  }

  private var tooMany: ServingError {
    ServingError(.headersTooLarge, "The request has too many headers.", limit: "\(limits.fields) headers")
  }
}

/// One `name: value` line (RFC 9112, section 5); trailers have the same form.
enum FieldLine {
  /// The field at `start` and where the next line begins; nil when its end has not arrived.
  @inline(__always)
  static func parse(
    _ span: RawSpan, from start: Int, upTo end: Int
  ) throws(ServingError) -> (name: Range<UInt32>, value: Range<UInt32>, end: Int)? {
    var position = start
    while position < end, HTTPCharacters.isToken(span.byte(position)) { position &+= 1 }
    guard position < end else { return nil }
    guard position > start, span.byte(position) == UInt8(ascii: ":") else {
      throw nameError(span.byte(start))
    }
    let name = UInt32(start)..<UInt32(position)
    position &+= 1
    while position < end, HTTPCharacters.isBlank(span.byte(position)) { position &+= 1 }
    let first = position
    while position < end, HTTPCharacters.isFieldValue(span.byte(position)) { position &+= 1 }
    guard position &+ 1 < end else {
      if position < end, span.byte(position) != HTTPCharacters.carriageReturn { throw valueError }
      return nil
    }
    guard span.byte(position) == HTTPCharacters.carriageReturn else { throw valueError }
    guard span.byte(position &+ 1) == HTTPCharacters.lineFeed else { throw strayReturn }
    var last = position
    while last > first, HTTPCharacters.isBlank(span.byte(last &- 1)) { last &-= 1 }
    return (name, UInt32(first)..<UInt32(last), position &+ 2)
  }

  private static func nameError(_ first: UInt8) -> ServingError {
    HTTPCharacters.isBlank(first)
      ? ServingError(.badRequest, "A header line that continues the one before is obsolete and not accepted.")
      : ServingError(
        .badRequest, "A header line is malformed.", expected: "a name of letters, digits and dashes, then a colon")
  }

  private static let valueError = ServingError(.badRequest, "A header value holds a control character.")
  static let strayReturn = ServingError(.badRequest, "A line of the request head does not end in CR LF.")
}
