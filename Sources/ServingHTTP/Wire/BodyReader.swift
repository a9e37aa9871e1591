import NIOCore
import ServingCore

/// Gathers a request body as its framing says (RFC 9112, sections 6 and 7), never more than its limit.
///
/// What has not arrived is not allocated: a `Content-Length` is a claim. A body that lies in one buffer is handed on as
/// a slice of it.
struct BodyReader {
  private enum Step {
    case plain
    case chunkSize
    case chunkData
    case chunkEnd
    case trailers
  }

  private var step = Step.plain
  /// Bytes missing from the body, or from the chunk at hand.
  private var remaining = 0
  private var trailerBytes = 0
  private let limit: Int
  private let discards: Bool
  private let setting: String
  private(set) var received = 0
  private(set) var body = ByteBuffer()

  private static let longestSizeLine = 256
  private static let longestTrailers = 8 * 1024
  private static let firstReservation = 1 << 20

  init(_ framing: RequestHead.Framing, limit: Int, setting: String, discards: Bool = false) {
    self.limit = limit
    self.setting = setting
    self.discards = discards
    switch framing {
    case .none: break
    case .length(let length): remaining = length
    case .chunked: step = .chunkSize
    }
  }

  /// Takes what belongs to the body from `input`; true when the body is complete.
  mutating func read(_ input: inout ByteBuffer) throws(ServingError) -> Bool {
    while true {
      switch step {
      case .plain:
        return take(&input)
      case .chunkSize:
        guard let size = try chunkSize(&input) else { return false }
        if size > limit - received { throw .bodyTooLarge(limit: limit, setting: setting) }
        remaining = size
        step = size == 0 ? .trailers : .chunkData
      case .chunkData:
        guard take(&input) else { return false }
        step = .chunkEnd
      case .chunkEnd:
        guard let end = input.readInteger(as: UInt16.self) else { return false }
        guard end == 0x0D0A else { throw Self.malformed("A chunk of the body is longer than its size says.") }
        step = .chunkSize
      case .trailers:
        guard let done = try trailer(&input) else { return false }
        if done { return true }
      }
    }
  }

  /// Moves up to `remaining` bytes; true when none is missing.
  private mutating func take(_ input: inout ByteBuffer) -> Bool {
    let count = min(remaining, input.readableBytes)
    guard count > 0, var slice = input.readSlice(length: count) else { return remaining == 0 }
    remaining -= count
    received += count
    if discards { return remaining == 0 }
    if body.readableBytes == 0, remaining == 0 {
      body = slice
    } else {
      if body.readableBytes == 0 { body.reserveCapacity(min(count + remaining, Self.firstReservation)) }
      body.writeBuffer(&slice)
    }
    return remaining == 0
  }

  /// The size line of a chunk: hexadecimal digits, then extensions, which mean nothing here.
  private func chunkSize(_ input: inout ByteBuffer) throws(ServingError) -> Int? {
    let line: (size: Int, length: Int)? = try Self.sizeLine(input.readableBytesSpan)
    guard let line else {
      if input.readableBytes > Self.longestSizeLine { throw Self.malformed("A chunk size line is too long.") }
      return nil
    }
    input.moveReaderIndex(forwardBy: line.length)
    return line.size
  }

  private static func sizeLine(_ span: RawSpan) throws(ServingError) -> (size: Int, length: Int)? {
    let end = min(span.byteCount, longestSizeLine)
    var position = 0
    var size = 0
    while position < end, let digit = HTTPCharacters.hexValue(span.byte(position)) {
      // 15 digits are below 2^60: no overflow.
      guard position < 15 else { throw malformed("A chunk size is too large.") }
      size = size << 4 | Int(digit)
      position += 1
    }
    guard position < end else { return nil }
    guard position > 0 else { throw malformed("A chunk does not begin with its size in hexadecimal.") }
    var next = position
    while next < end, HTTPCharacters.isBlank(span.byte(next)) { next += 1 }
    guard next < end else { return nil }
    if span.byte(next) == UInt8(ascii: ";") {
      position = next
      while position < end, HTTPCharacters.isFieldValue(span.byte(position)) { position += 1 }
    }
    guard position < end else { return nil }
    guard span.byte(position) == HTTPCharacters.carriageReturn else {
      throw malformed("A chunk size line holds what is no size.")
    }
    guard position + 1 < end else { return nil }
    guard span.byte(position + 1) == HTTPCharacters.lineFeed else {
      throw malformed("A chunk size line does not end in CR LF.")
    }
    return (size, position + 2)
  }

  /// Reads one trailer line; true for the empty one that ends the body.
  private mutating func trailer(_ input: inout ByteBuffer) throws(ServingError) -> Bool? {
    let length: Int? = try Self.trailerLength(input.readableBytesSpan)
    guard let length else {
      if trailerBytes + input.readableBytes > Self.longestTrailers { throw Self.trailersTooLong }
      return nil
    }
    input.moveReaderIndex(forwardBy: length)
    trailerBytes += length
    if trailerBytes > Self.longestTrailers { throw Self.trailersTooLong }
    return length == 2
  }

  private static func trailerLength(_ span: RawSpan) throws(ServingError) -> Int? {
    guard span.byteCount >= 2 else { return nil }
    if span.byte(0) == HTTPCharacters.carriageReturn {
      guard span.byte(1) == HTTPCharacters.lineFeed else { throw FieldLine.strayReturn }
      return 2
    }
    return try FieldLine.parse(span, from: 0, upTo: span.byteCount)?.end
  }

  private static let trailersTooLong = ServingError(
    .headersTooLarge, "The trailers of the body are too large.", limit: ByteCount.text(longestTrailers))

  private static func malformed(_ message: String) -> ServingError {
    ServingError(.badRequest, message, field: "Transfer-Encoding")
  }
}

extension ServingError {
  /// 413, with the limit and the setting that moves it; an empty setting is a limit that none moves.
  static func bodyTooLarge(limit: Int, setting: String) -> ServingError {
    let text = ByteCount.text(limit)
    let remedy = setting.isEmpty ? "." : ", or raise the setting \(setting)."
    return ServingError(
      .payloadTooLarge, "The body is larger than the limit of \(text); send less\(remedy)", limit: text,
      setting: setting.isEmpty ? nil : setting)
  }
}
