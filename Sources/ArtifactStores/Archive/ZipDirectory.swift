/// The central directory of a zip archive, checked as a whole before any entry is read (PKWARE APPNOTE 6.3.10, sections
/// 4.3 and 4.5.3): stored and deflated entries, zip64, one disk, no encryption, no two entries on the same bytes.
struct ZipDirectory {
  struct Entry {
    var path: String
    var kind: TarReader.Kind
    /// Permission bits.
    var mode: Int
    var isDeflated: Bool
    var crc: UInt32
    var packedSize: Int
    var size: Int
    /// Where the local header begins.
    var offset: Int
    /// Where the next entry, or the directory, begins.
    var limit: Int
    var name: [UInt8]
  }

  /// Bytes of the archive.
  let size: Int
  private(set) var entries: [Entry] = []
  private let archive: String
  private let limits: ArchiveLimits

  init(_ file: FileSource, limits: ArchiveLimits) throws(ArchiveError) {
    size = file.size
    archive = file.path
    self.limits = limits
    let end = try endRecord(file)
    guard end.count <= limits.maxEntries else {
      throw ArchiveError(
        .limit, "\(archive): the archive has more than \(limits.maxEntries) entries (max-archive-entries)")
    }
    guard end.size <= 64 << 20 else { throw ArchiveError(.limit, "\(archive): the zip directory is above 64 MiB") }
    guard end.offset >= 0, end.size >= 0, end.offset <= size, end.size <= size - end.offset else {
      throw malformed("its directory is outside of it")
    }
    let bytes = LittleEndian(try read(file, end.offset, end.size))
    var at = 0
    for _ in 0..<end.count { entries.append(try entry(bytes, &at)) }
    try bound(end.offset)
  }

  private func malformed(_ what: String) -> ArchiveError {
    ArchiveError(.malformed, "\(archive) is a damaged zip archive: \(what)")
  }

  private func read(_ file: FileSource, _ offset: Int, _ count: Int) throws(ArchiveError) -> [UInt8] {
    guard offset >= 0, count >= 0, offset <= size, count <= size - offset else { throw malformed("it ends early") }
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
    defer { scratch.deallocate() }
    guard try file.read(at: offset, into: scratch) == count else { throw malformed("it ends early") }
    return Array(scratch)
  }

  // MARK: The end record

  private func endRecord(_ file: FileSource) throws(ArchiveError) -> (count: Int, size: Int, offset: Int) {
    let tailSize = Swift.min(size, 22 + 65_535)
    let start = size - tailSize
    let tail = LittleEndian(try read(file, start, tailSize))
    var at = tailSize - 22
    while at >= 0 {
      // The comment reaches to the end of the file.
      if tail.u32(at) == 0x0605_4B50, tail.u16(at + 20) == tailSize - at - 22 { break }
      at -= 1
    }
    guard at >= 0, let disk = tail.u16(at + 4), let count = tail.u16(at + 10), let bytes = tail.u32(at + 12),
      let offset = tail.u32(at + 16)
    else { throw malformed("its end record is missing") }
    if count != 0xFFFF, bytes != 0xFFFF_FFFF, offset != 0xFFFF_FFFF {
      guard disk == 0, tail.u16(at + 6) == 0, tail.u16(at + 8) == count else { throw malformed("it has several parts") }
      return (count, Int(bytes), Int(offset))
    }
    guard start + at >= 20 else { throw malformed("its zip64 record is missing") }
    let locator = LittleEndian(try read(file, start + at - 20, 20))
    guard locator.u32(0) == 0x0706_4B50, let place = locator.u64(8) else {
      throw malformed("its zip64 record is missing")
    }
    let record = LittleEndian(try read(file, place, 56))
    guard record.u32(0) == 0x0606_4B50, record.u32(16) == 0, record.u32(20) == 0, let total = record.u64(32),
      record.u64(24) == total, let bytes = record.u64(40), let offset = record.u64(48)
    else { throw malformed("its zip64 record is unsound") }
    return (total, bytes, offset)
  }

  // MARK: Entries

  private func entry(_ bytes: LittleEndian, _ at: inout Int) throws(ArchiveError) -> Entry {
    guard bytes.u32(at) == 0x0201_4B50, let madeBy = bytes.u16(at + 4), let flags = bytes.u16(at + 8),
      let method = bytes.u16(at + 10), let crc = bytes.u32(at + 16), let packed = bytes.u32(at + 20),
      let unpacked = bytes.u32(at + 24), let nameCount = bytes.u16(at + 28), let extraCount = bytes.u16(at + 30),
      let commentCount = bytes.u16(at + 32), let disk = bytes.u16(at + 34), let attributes = bytes.u32(at + 38),
      let offset = bytes.u32(at + 42), let name = bytes.slice(at + 46, nameCount),
      let extra = bytes.slice(at + 46 + nameCount, extraCount)
    else { throw malformed("its directory ends early") }
    at += 46 + nameCount + extraCount + commentCount
    let path = String(decoding: name, as: UTF8.self)
    guard !path.isEmpty, name.count <= limits.maxPathBytes else {
      throw malformed("an entry's path is empty or longer than \(limits.maxPathBytes) bytes")
    }
    guard flags & 0x2041 == 0 else { throw ArchiveError(.malformed, "\(archive): entry \"\(path)\" is encrypted") }
    guard method == 0 || method == 8 else {
      throw ArchiveError(
        .malformed, "\(archive): entry \"\(path)\" is packed by method \(method); only deflate is known")
    }
    var entry = Entry(
      path: path, kind: name.last == UInt8(ascii: "/") ? .folder : .file, mode: 0o644, isDeflated: method == 8,
      crc: crc, packedSize: Int(packed), size: Int(unpacked), offset: Int(offset), limit: 0, name: Array(name))
    if madeBy >> 8 == 3 {
      entry.mode = Int(attributes >> 16) & 0o7777
      switch (attributes >> 16) & 0xF000 {
      case 0x8000, 0: break
      case 0x4000: entry.kind = .folder
      case 0xA000: entry.kind = .symbolicLink
      default: entry.kind = .other
      }
    }
    try widen(&entry, LittleEndian(Array(extra)), (unpacked, packed, offset, disk))
    guard entry.isDeflated || entry.size == entry.packedSize else {
      throw malformed("the sizes of \"\(path)\" contradict each other")
    }
    // Deflate's greatest ratio is 1032.
    guard !entry.isDeflated || entry.size / 1033 <= entry.packedSize else {
      throw malformed("the sizes of \"\(path)\" contradict each other")
    }
    return entry
  }

  /// Takes the fields of the zip64 extra field where the short ones are full.
  private func widen(
    _ entry: inout Entry, _ extra: LittleEndian, _ short: (size: UInt32, packed: UInt32, offset: UInt32, disk: Int)
  ) throws(ArchiveError) {
    let full: UInt32 = 0xFFFF_FFFF
    guard short.size == full || short.packed == full || short.offset == full || short.disk == 0xFFFF else {
      guard short.disk == 0 else { throw malformed("it has several parts") }
      return
    }
    var at = 0
    while let id = extra.u16(at), let count = extra.u16(at + 2) {
      at += 4
      guard id == 1 else {
        at += count
        continue
      }
      guard let field = extra.slice(at, count).map({ LittleEndian(Array($0)) }) else { break }
      var next = 0
      func take() throws(ArchiveError) -> Int {
        guard let value = field.u64(next) else { throw malformed("a zip64 field ends early") }
        next += 8
        return value
      }
      if short.size == full { entry.size = try take() }
      if short.packed == full { entry.packedSize = try take() }
      if short.offset == full { entry.offset = try take() }
      if short.disk == 0xFFFF, field.u32(next) != 0 { throw malformed("it has several parts") }
      return
    }
    // Without the field the values are as they stand: a file of 4 GiB - 1.
    guard short.disk == 0 else { throw malformed("it has several parts") }
  }

  /// Entries lie one after the other before the directory: those that share bytes unpack to more than they should.
  private mutating func bound(_ directory: Int) throws(ArchiveError) {
    let order = entries.indices.sorted { entries[$0].offset < entries[$1].offset }
    var limit = directory
    for i in order.reversed() {
      let need = 30 + entries[i].name.count
      guard entries[i].offset >= 0, entries[i].offset <= limit, need <= limit - entries[i].offset,
        entries[i].packedSize <= limit - entries[i].offset - need
      else { throw malformed("the entry \"\(entries[i].path)\" overlaps another one or the directory") }
      entries[i].limit = limit
      limit = entries[i].offset
    }
  }
}

/// Numbers in bytes, the lowest byte first; nil beyond the end.
struct LittleEndian {
  private let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func slice(_ at: Int, _ count: Int) -> ArraySlice<UInt8>? {
    guard at >= 0, count >= 0, at <= bytes.count, count <= bytes.count - at else { return nil }
    return bytes[at..<(at + count)]
  }

  func u16(_ at: Int) -> Int? { number(at, 2).map { Int($0) } }
  func u32(_ at: Int) -> UInt32? { number(at, 4).map { UInt32($0) } }
  /// Nil for a number that is no `Int`, too.
  func u64(_ at: Int) -> Int? { number(at, 8).flatMap { Int(exactly: $0) } }

  private func number(_ at: Int, _ count: Int) -> UInt64? {
    slice(at, count)?.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
