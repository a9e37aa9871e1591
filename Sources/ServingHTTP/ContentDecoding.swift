import CZlib
import NIOCore
import ServingCore

/// Removes content encodings from request bodies (RFC 9110, section 8.4) with zlib.
enum ContentDecoding {
  enum Coding { case identity, gzip, deflate }

  /// The coding that `Content-Encoding` names.
  ///
  /// - Throws: 415 for what is not supported, several codings on top of each other included.
  static func coding(_ headers: HTTPHeaderFields) throws(ServingError) -> Coding {
    guard let value = headers["content-encoding"] else { return .identity }
    switch value.lowercased() {
    case "", "identity": return .identity
    case "gzip", "x-gzip": return .gzip
    case "deflate": return .deflate
    default:
      throw ServingError(
        .unsupportedEncoding, "This content encoding is not supported.", field: "Content-Encoding",
        expected: "gzip, deflate or identity", got: String(value.prefix(80)))
    }
  }

  /// What `body` unpacks to.
  ///
  /// - Throws: 400 when the bytes are not what the coding says, 413 as soon as the output passes `limit`.
  static func decode(
    _ body: ByteBuffer, _ coding: Coding, limit: Int, setting: String
  ) throws(ServingError) -> ByteBuffer {
    switch coding {
    case .identity:
      return body
    case .gzip:
      // 31 = 15 bits of window, gzip header and checksum.
      return try inflate(body, windowBits: 31, limit, setting)
    case .deflate:
      // RFC 9110 means zlib's wrapper (RFC 1950); some clients send the bare stream (RFC 1951).
      return try inflate(body, windowBits: hasZlibHeader(body) ? 15 : -15, limit, setting)
    }
  }

  private static func hasZlibHeader(_ body: ByteBuffer) -> Bool {
    guard let header = body.getInteger(at: body.readerIndex, as: UInt16.self) else { return true }
    return header >> 8 & 0x0F == 8 && header % 31 == 0
  }

  private static func inflate(
    _ body: ByteBuffer, windowBits: Int32, _ limit: Int, _ setting: String
  ) throws(ServingError) -> ByteBuffer {
    guard let inflater = Inflater(windowBits: windowBits) else {
      throw ServingError(.internalError, "There is no memory left to decompress the request body.")
    }
    var output = ByteBuffer()
    var scratch = [UInt8](repeating: 0, count: 32 * 1024)
    var consumed = 0
    while true {
      let step = body.withUnsafeReadableBytes { input in
        inflater.step(UnsafeRawBufferPointer(rebasing: input[consumed...]), into: &scratch)
      }
      consumed += step.consumed
      if step.produced > limit - output.readableBytes { throw .bodyTooLarge(limit: limit, setting: setting) }
      output.writeBytes(scratch[..<step.produced])
      switch step.status {
      case Z_STREAM_END:
        if consumed == body.readableBytes { return output }
        // A gzip file may hold several members (RFC 1952, section 2.2).
        guard windowBits == 31, inflater.restart() else {
          throw malformed("There are bytes after the end of the compressed request body.")
        }
      case Z_OK where step.produced > 0 || consumed < body.readableBytes:
        continue
      case Z_OK, Z_BUF_ERROR:
        throw malformed("The compressed request body ends too early.")
      default:
        throw malformed("The request body is not what its Content-Encoding says.")
      }
    }
  }

  private static func malformed(_ message: String) -> ServingError {
    ServingError(.malformedBody, message, field: "Content-Encoding")
  }
}

/// The unsafe part: one zlib stream. It lives at a fixed address, since zlib keeps a pointer back to it, and is freed with
/// this value, which cannot be copied. zlib reads and writes only inside the two buffers of a `step`.
private struct Inflater: ~Copyable {
  private let stream: UnsafeMutablePointer<z_stream>

  init?(windowBits: Int32) {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    guard swiftlet_inflate_init(stream, windowBits) == Z_OK else {
      stream.deallocate()
      return nil
    }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
  }

  func restart() -> Bool { inflateReset(stream) == Z_OK }

  func step(
    _ input: UnsafeRawBufferPointer, into output: inout [UInt8]
  ) -> (status: Int32, consumed: Int, produced: Int) {
    // zlib does not write to its input, whatever its C type says.
    stream.pointee.next_in = UnsafeMutablePointer(
      mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
    stream.pointee.avail_in = UInt32(clamping: input.count)
    let offered = Int(stream.pointee.avail_in)
    return output.withUnsafeMutableBufferPointer { space in
      stream.pointee.next_out = space.baseAddress
      stream.pointee.avail_out = UInt32(clamping: space.count)
      let room = Int(stream.pointee.avail_out)
      let status = inflate(stream, Z_NO_FLUSH)
      return (status, offered - Int(stream.pointee.avail_in), room - Int(stream.pointee.avail_out))
    }
  }
}
