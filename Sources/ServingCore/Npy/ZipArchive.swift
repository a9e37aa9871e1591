import CZlib

/// Reads the members of a zip archive held in memory (PKWARE APPNOTE): stored and deflated ones, nothing encrypted,
/// nothing of 4 GB or more.
///
/// Sizes come from the central directory and are checked against the archive and the limits before anything is allocated;
/// checksums are verified.
struct ZipArchive {
  struct Member {
    var name: String
    fileprivate var method: UInt16
    fileprivate var checksum: UInt32
    fileprivate var compressed: Int
    fileprivate var size: Int
    fileprivate var offset: Int
  }

  let members: [Member]
  private let bytes: UnsafeRawBufferPointer

  init(_ bytes: UnsafeRawBufferPointer, limits: CodecLimits) throws(ServingError) {
    self.bytes = bytes
    guard let end = ZipArchive.endOfDirectory(bytes) else {
      throw ZipArchive.malformed("its directory is missing (the body may be cut off)")
    }
    let count = Int(ZipArchive.u16(bytes, end + 10))
    var at = Int(ZipArchive.u32(bytes, end + 16))
    let size = Int(ZipArchive.u32(bytes, end + 12))
    guard ZipArchive.u16(bytes, end + 4) == 0, at <= end, size <= end - at, at + size <= end else {
      throw ZipArchive.malformed("its directory lies outside the body")
    }
    guard count <= limits.archiveMembers else {
      throw ServingError(
        .malformedBody, "The archive has \(count) members.", limit: "\(limits.archiveMembers) members")
    }
    var members: [Member] = []
    var total = 0
    for _ in 0..<count {
      guard end - at >= 46, ZipArchive.u32(bytes, at) == 0x0201_4B50 else {
        throw ZipArchive.malformed("its directory is damaged")
      }
      let nameLength = Int(ZipArchive.u16(bytes, at + 28))
      let tail = nameLength + Int(ZipArchive.u16(bytes, at + 30)) + Int(ZipArchive.u16(bytes, at + 32))
      guard end - at - 46 >= tail else { throw ZipArchive.malformed("its directory is damaged") }
      guard let name = String(validating: bytes[(at + 46)..<(at + 46 + nameLength)], as: UTF8.self) else {
        throw ZipArchive.malformed("a member's name is not UTF-8")
      }
      let flags = ZipArchive.u16(bytes, at + 8)
      if flags & 1 != 0 { throw ZipArchive.malformed("member \(name.prefix(40)) is encrypted") }
      let member = Member(
        name: name, method: ZipArchive.u16(bytes, at + 10), checksum: ZipArchive.u32(bytes, at + 16),
        compressed: Int(ZipArchive.u32(bytes, at + 20)), size: Int(ZipArchive.u32(bytes, at + 24)),
        offset: Int(ZipArchive.u32(bytes, at + 42)))
      total += member.size
      if total > limits.inflatedBytes {
        throw ServingError(
          .payloadTooLarge, "The archive holds more than \(limits.inflatedBytes) bytes when inflated.",
          limit: "\(limits.inflatedBytes) bytes", setting: "max-body-size")
      }
      members.append(member)
      at += 46 + tail
    }
    self.members = members
  }

  /// The content of a member, which `body` must not keep.
  func withContent<R>(
    of member: Member, _ body: (UnsafeRawBufferPointer) throws(ServingError) -> R
  ) throws(ServingError) -> R {
    let header = member.offset
    guard header >= 0, bytes.count - header >= 30, ZipArchive.u32(bytes, header) == 0x0403_4B50 else {
      throw damaged(member)
    }
    let start = header + 30 + Int(ZipArchive.u16(bytes, header + 26)) + Int(ZipArchive.u16(bytes, header + 28))
    guard start <= bytes.count, member.compressed <= bytes.count - start else { throw damaged(member) }
    let raw = UnsafeRawBufferPointer(rebasing: bytes[start..<(start + member.compressed)])
    switch member.method {
    case 0:
      guard member.compressed == member.size, ZipArchive.checksum(raw) == member.checksum else { throw damaged(member) }
      return try body(raw)
    case 8:
      let (bound, overflow) = member.compressed.multipliedReportingOverflow(by: 1040)
      guard !overflow, member.size <= bound + 64 else { throw damaged(member) }
      let content = UnsafeMutableRawBufferPointer.allocate(byteCount: max(member.size, 1), alignment: 16)
      defer { content.deallocate() }
      let whole = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(content)[..<member.size])
      guard ZipArchive.inflate(raw, into: content, size: member.size), ZipArchive.checksum(whole) == member.checksum
      else {
        throw damaged(member)
      }
      return try body(whole)
    default:
      throw ZipArchive.malformed(
        "member \(member.name.prefix(40)) is compressed by method \(member.method); only deflate is read")
    }
  }

  /// Inflates a raw deflate stream that must end exactly at `size` bytes.
  private static func inflate(_ raw: UnsafeRawBufferPointer, into content: UnsafeMutableRawBufferPointer, size: Int)
    -> Bool
  {
    guard raw.count <= Int(UInt32.max), content.count <= Int(UInt32.max) else { return false }
    var stream = z_stream()
    guard inflateInit2_(&stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { return false }
    defer { inflateEnd(&stream) }
    stream.next_in = UnsafeMutablePointer(mutating: raw.bindMemory(to: UInt8.self).baseAddress)
    stream.avail_in = UInt32(raw.count)
    stream.next_out = content.bindMemory(to: UInt8.self).baseAddress
    stream.avail_out = UInt32(size)
    return CZlib.inflate(&stream, Z_FINISH) == Z_STREAM_END && Int(stream.total_out) == size
  }

  private static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    UInt32(truncatingIfNeeded: crc32_z(0, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count))
  }

  private func damaged(_ member: Member) -> ServingError {
    ZipArchive.malformed("member \(member.name.prefix(40)) is damaged")
  }

  static func malformed(_ what: String) -> ServingError {
    ServingError(.malformedBody, "The body is not a readable npz archive: \(what).")
  }

  /// The offset of the end-of-directory record, which a comment of up to 65,535 bytes may follow.
  private static func endOfDirectory(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard bytes.count >= 22 else { return nil }
    var at = bytes.count - 22
    let last = max(0, at - 65_535)
    while at >= last {
      if u32(bytes, at) == 0x0605_4B50, at + 22 + Int(u16(bytes, at + 20)) == bytes.count { return at }
      at -= 1
    }
    return nil
  }

  private static func u16(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> UInt16 {
    UInt16(bytes[at]) | UInt16(bytes[at + 1]) << 8
  }

  private static func u32(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> UInt32 {
    UInt32(u16(bytes, at)) | UInt32(u16(bytes, at + 2)) << 16
  }
}
