import CZlib

/// The bytes that a gzip stream (RFC 1952, one or several members) unpacks to.
final class GzipSource: ByteSource {
  private let source: FileSource
  private let limits: ArchiveLimits
  /// zlib keeps the address of its stream, so the stream stays where it is.
  private let stream: UnsafeMutablePointer<z_stream>
  private let input: UnsafeMutableRawBufferPointer
  private var produced = 0
  private var isFinished = false

  init(_ source: FileSource, limits: ArchiveLimits) throws(ArchiveError) {
    self.source = source
    self.limits = limits
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    input = .allocate(byteCount: 1 << 16, alignment: 16)
    // 15 bits of window, plus 16: a gzip header is required.
    guard swiftlet_inflate_init(stream, 15 + 16) == Z_OK else {
      throw ArchiveError(.io, "zlib cannot start")
    }
  }

  deinit {
    inflateEnd(stream)
    stream.deinitialize(count: 1)
    stream.deallocate()
    input.deallocate()
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
    guard !buffer.isEmpty, !isFinished else { return 0 }
    let space = Swift.min(buffer.count, 1 << 30)
    stream.pointee.next_out = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_out = UInt32(space)
    while stream.pointee.avail_out == UInt32(space) {
      if stream.pointee.avail_in == 0 {
        let n = try source.read(into: input)
        if n == 0 { throw ArchiveError(.malformed, "the gzip stream ends early") }
        stream.pointee.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_in = UInt32(n)
      }
      switch inflate(stream, Z_NO_FLUSH) {
      case Z_OK, Z_BUF_ERROR: break
      case Z_STREAM_END:
        if try !startNextMember() {
          isFinished = true
          return finish(space)
        }
      default:
        let reason = stream.pointee.msg.map { String(cString: $0) } ?? "bad data"
        throw ArchiveError(.malformed, "not gzip: \(reason)")
      }
    }
    let count = finish(space)
    if produced > 16 << 20, produced / Swift.max(source.position, 1) > limits.maxRatio {
      throw ArchiveError(
        .limit, "the archive unpacks to more than \(limits.maxRatio) times its size (max-archive-ratio)")
    }
    return count
  }

  private func finish(_ space: Int) -> Int {
    let count = space - Int(stream.pointee.avail_out)
    produced += count
    return count
  }

  /// True when another member follows. Zero padding after the last one is passed over, and other bytes that begin no
  /// member are ignored, as gzip does.
  private func startNextMember() throws(ArchiveError) -> Bool {
    while true {
      if stream.pointee.avail_in == 0 {
        let n = try source.read(into: input)
        if n == 0 { return false }
        stream.pointee.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_in = UInt32(n)
      }
      if stream.pointee.next_in.pointee != 0 { break }
      stream.pointee.next_in += 1
      stream.pointee.avail_in -= 1
    }
    guard try beginsMember() else { return false }
    guard inflateReset(stream) == Z_OK else { throw ArchiveError(.malformed, "not gzip after the first member") }
    return true
  }

  /// True when the next two bytes are a member's first.
  private func beginsMember() throws(ArchiveError) -> Bool {
    guard let next = stream.pointee.next_in, next.pointee == 0x1F else { return false }
    if stream.pointee.avail_in == 1 {
      // The second byte is in the next piece: the first one moves to the buffer's start.
      guard let base = input.baseAddress, input.count > 1 else { return false }
      input[0] = 0x1F
      let n = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: input[1...]))
      stream.pointee.next_in = base.assumingMemoryBound(to: UInt8.self)
      stream.pointee.avail_in = UInt32(n + 1)
      return n > 0 && input[1] == 0x8B
    }
    return next[1] == 0x8B
  }
}
