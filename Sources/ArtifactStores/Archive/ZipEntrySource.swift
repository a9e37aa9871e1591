import CZlib

/// The bytes of one zip entry, with its CRC-32.
final class ZipEntrySource: ByteSource {
  private let file: FileSource
  private let entry: ZipDirectory.Entry
  private let limits: ArchiveLimits
  /// Where the next packed byte is.
  private var at: Int
  private var packedLeft: Int
  private var produced = 0
  private var crc: UInt = 0
  /// zlib keeps the address of its stream, so the stream stays where it is.
  private let stream: UnsafeMutablePointer<z_stream>
  private let input: UnsafeMutableRawBufferPointer
  private var isStarted = false
  private var isFinished = false

  init(_ file: FileSource, _ entry: ZipDirectory.Entry, limits: ArchiveLimits) throws(ArchiveError) {
    self.file = file
    self.entry = entry
    self.limits = limits
    at = 0
    packedLeft = entry.packedSize
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    input = .allocate(byteCount: 1 << 16, alignment: 16)
    try readHeader()
    if entry.isDeflated {
      guard swiftlet_inflate_init(stream, -15) == Z_OK else { throw ArchiveError(.io, "zlib cannot start") }
      isStarted = true
    }
  }

  deinit {
    if isStarted { inflateEnd(stream) }
    stream.deinitialize(count: 1)
    stream.deallocate()
    input.deallocate()
  }

  private func malformed(_ what: String) -> ArchiveError {
    ArchiveError(.malformed, "\(file.path): entry \"\(entry.path)\" \(what)")
  }

  /// The local header says the same as the directory.
  private func readHeader() throws(ArchiveError) {
    let count = 30 + entry.name.count
    guard count <= entry.limit - entry.offset else { throw malformed("ends early") }
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
    defer { scratch.deallocate() }
    guard try file.read(at: entry.offset, into: scratch) == count else { throw malformed("ends early") }
    let header = LittleEndian(Array(scratch))
    guard header.u32(0) == 0x0403_4B50, header.u16(8) == (entry.isDeflated ? 8 : 0),
      header.u16(26) == entry.name.count, header.slice(30, entry.name.count)?.elementsEqual(entry.name) == true,
      let extra = header.u16(28)
    else { throw malformed("is not what the directory says") }
    guard extra <= entry.limit - entry.offset - count,
      entry.packedSize <= entry.limit - entry.offset - count - extra
    else { throw malformed("overlaps another one or the directory") }
    at = entry.offset + count + extra
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
    guard !buffer.isEmpty, !isFinished else { return 0 }
    let count = entry.isDeflated ? try inflated(buffer) : try stored(buffer)
    crc = crc32(crc, buffer.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt32(count))
    produced += count
    guard produced <= entry.size else { throw malformed("has more bytes than the directory says") }
    return count
  }

  /// Checks that all bytes were read, and that they are right.
  func finish() throws(ArchiveError) {
    if entry.isDeflated, !isFinished {
      let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 16, alignment: 16)
      defer { scratch.deallocate() }
      guard try read(into: scratch) == 0 else { throw malformed("has more bytes than the directory says") }
    }
    guard produced == entry.size, packedLeft == 0, !isStarted || stream.pointee.avail_in == 0 else {
      throw malformed("is not as long as the directory says")
    }
    guard crc == UInt(entry.crc) else { throw malformed("has a wrong checksum") }
  }

  /// The bytes of a symbolic link.
  func text() throws(ArchiveError) -> String {
    guard entry.size <= limits.maxPathBytes else {
      throw malformed("is a link of more than \(limits.maxPathBytes) bytes")
    }
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: entry.size + 1, alignment: 16)
    defer { scratch.deallocate() }
    var have = 0
    while have < entry.size {
      let n = try read(into: UnsafeMutableRawBufferPointer(rebasing: scratch[have...]))
      guard n > 0 else { break }
      have += n
    }
    try finish()
    return String(decoding: scratch[0..<have], as: UTF8.self)
  }

  private func stored(_ buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
    let part = UnsafeMutableRawBufferPointer(rebasing: buffer[0..<Swift.min(buffer.count, packedLeft, 1 << 30)])
    guard try file.read(at: at, into: part) == part.count else { throw malformed("ends early") }
    at += part.count
    packedLeft -= part.count
    isFinished = packedLeft == 0
    return part.count
  }

  private func inflated(_ buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
    let space = Swift.min(buffer.count, 1 << 30)
    stream.pointee.next_out = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_out = UInt32(space)
    while stream.pointee.avail_out == UInt32(space) {
      if stream.pointee.avail_in == 0 {
        let part = UnsafeMutableRawBufferPointer(rebasing: input[0..<Swift.min(input.count, packedLeft)])
        guard !part.isEmpty, try file.read(at: at, into: part) == part.count else { throw malformed("ends early") }
        at += part.count
        packedLeft -= part.count
        stream.pointee.next_in = part.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_in = UInt32(part.count)
      }
      switch inflate(stream, Z_NO_FLUSH) {
      case Z_OK, Z_BUF_ERROR: break
      case Z_STREAM_END:
        isFinished = true
        return space - Int(stream.pointee.avail_out)
      default:
        let reason = stream.pointee.msg.map { String(cString: $0) } ?? "bad data"
        throw malformed("cannot be unpacked: \(reason)")
      }
    }
    return space - Int(stream.pointee.avail_out)
  }
}
