/// Reads a tar stream entry by entry: ustar, pax (path, linkpath, size), GNU long names and sparse files of all four
/// kinds (POSIX.1-2017, pax; GNU tar manual, "Basic Tar Format" and "Storing Sparse Files").
final class TarReader {
  /// What an entry is.
  enum Kind: Sendable { case file, folder, symbolicLink, hardLink, other }

  struct Entry {
    var path: String
    var kind: Kind
    /// Bytes of the file when unpacked.
    var size: Int
    /// What a link leads to, as it stands there.
    var target: String
    /// Permission bits; setuid and the like among them.
    var mode: Int
    /// Where the stored bytes belong in a sparse file, in ascending order; nil for other entries.
    var pieces: [SparsePiece]?
  }

  let source: any ByteSource
  let limits: ArchiveLimits
  var remaining = 0
  private var padding = 0
  private var entries = 0
  var block = [UInt8](repeating: 0, count: 512)

  init(_ source: any ByteSource, limits: ArchiveLimits) {
    self.source = source
    self.limits = limits
  }

  /// The next entry, or nil at the end. What is left of the one before is passed over.
  func next() throws(ArchiveError) -> Entry? {
    try skip(remaining)
    try skip(padding)
    remaining = 0
    padding = 0
    var extended = ExtendedHeader()
    while true {
      guard try header() else { return nil }
      entries += 1
      guard entries <= limits.maxEntries else {
        throw ArchiveError(.limit, "the archive has more than \(limits.maxEntries) entries (max-archive-entries)")
      }
      let size = try number(124, 12)
      switch block[156] {
      case UInt8(ascii: "x"): try extended.take(try TarReader.records(try body(size)))
      case UInt8(ascii: "g"): _ = try body(size)
      case UInt8(ascii: "L"): extended.path = text(try body(size)[...])
      case UInt8(ascii: "K"): extended.target = text(try body(size)[...])
      default: return try entry(extended.size ?? size, extended)
      }
    }
  }

  private func entry(_ size: Int, _ extended: ExtendedHeader) throws(ArchiveError) -> Entry {
    let path = extended.sparse.path ?? extended.path ?? headerPath()
    let type = block[156]
    guard !path.isEmpty, path.utf8.count <= limits.maxPathBytes else {
      throw ArchiveError(.malformed, "an entry's path is empty or longer than \(limits.maxPathBytes) bytes")
    }
    let target = extended.target ?? text(block[157..<257])
    guard target.utf8.count <= limits.maxPathBytes else {
      throw ArchiveError(.malformed, "the target of the link \"\(path)\" is longer than \(limits.maxPathBytes) bytes")
    }
    let kind: Kind =
      switch type {
      case 0, UInt8(ascii: "0"), UInt8(ascii: "7"), UInt8(ascii: "S"):
        path.utf8.last == UInt8(ascii: "/") ? .folder : .file
      case UInt8(ascii: "5"): .folder
      case UInt8(ascii: "2"): .symbolicLink
      case UInt8(ascii: "1"): .hardLink
      default: .other
      }
    remaining = kind == .file || kind == .other ? size : 0
    padding = (512 - remaining % 512) % 512
    var entry = Entry(
      path: path, kind: kind, size: remaining, target: target, mode: (try? number(100, 8)) ?? 0o644, pieces: nil)
    guard kind == .file else { return entry }
    if type == UInt8(ascii: "S") {
      (entry.pieces, entry.size) = try oldSparseMap()
    } else if extended.sparse.isUsed {
      (entry.pieces, entry.size) = try sparseMap(extended.sparse)
    }
    if let pieces = entry.pieces { try check(pieces, size: entry.size, of: path) }
    return entry
  }

  /// Bytes of the current entry; 0 at its end.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
    guard remaining > 0 else { return 0 }
    let part = UnsafeMutableRawBufferPointer(rebasing: buffer[0..<Swift.min(buffer.count, remaining)])
    let n = try source.read(into: part)
    if n == 0 { throw ArchiveError(.malformed, "the archive ends inside an entry") }
    remaining -= n
    return n
  }

  // MARK: Blocks

  /// Reads a header block; false at the end of the archive.
  private func header() throws(ArchiveError) -> Bool {
    guard try fill() else { return false }
    if block.allSatisfy({ $0 == 0 }) { return false }
    guard TarReader.isHeader(block) else {
      throw ArchiveError(.malformed, "not a tar archive (a header's checksum is wrong)")
    }
    return true
  }

  /// Whether a block's checksum is that of a header.
  static func isHeader(_ block: [UInt8]) -> Bool {
    guard block.count == 512, block.contains(where: { $0 != 0 }) else { return false }
    var sum = 0
    for (i, byte) in block.enumerated() { sum += i >= 148 && i < 156 ? 32 : Int(byte) }
    return (try? number(block[148..<156])) == sum
  }

  /// Fills the block; false where the source has ended before it.
  func fill() throws(ArchiveError) -> Bool {
    var have = 0
    while have < 512 {
      let n: Int
      do {
        n = try block.withUnsafeMutableBytes { raw in
          try source.read(into: UnsafeMutableRawBufferPointer(rebasing: raw[have...]))
        }
      } catch let error as ArchiveError { throw error } catch { throw ArchiveError(.io, "\(error)") }
      if n == 0 {
        if have == 0 { return false }
        throw ArchiveError(.malformed, "the archive ends inside a header")
      }
      have += n
    }
    return true
  }

  private func skip(_ count: Int) throws(ArchiveError) {
    guard count > 0 else { return }
    var left = count
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 15, alignment: 16)
    defer { scratch.deallocate() }
    while left > 0 {
      let part = UnsafeMutableRawBufferPointer(rebasing: scratch[0..<Swift.min(left, scratch.count)])
      let n = try source.read(into: part)
      if n == 0 { throw ArchiveError(.malformed, "the archive ends inside an entry") }
      left -= n
    }
  }

  /// The payload of an extension header.
  private func body(_ size: Int) throws(ArchiveError) -> [UInt8] {
    guard size <= 1 << 20 else { throw ArchiveError(.limit, "an extension header takes more than 1 MiB") }
    var out: [UInt8] = []
    remaining = size
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 16)
    defer { scratch.deallocate() }
    while remaining > 0 {
      let n = try read(into: scratch)
      out += UnsafeRawBufferPointer(rebasing: scratch[0..<n])
    }
    try skip((512 - size % 512) % 512)
    return out
  }

  // MARK: Fields

  func number(_ at: Int, _ count: Int) throws(ArchiveError) -> Int {
    try TarReader.number(block[at..<(at + count)])
  }

  private static func number(_ field: ArraySlice<UInt8>) throws(ArchiveError) -> Int {
    var value = 0
    if let first = field.first, first & 0x80 != 0 {
      // GNU base-256: big-endian, the top bit set.
      for (i, byte) in field.enumerated() {
        let digit = Int(i == 0 ? byte & 0x7F : byte)
        guard value <= Int.max >> 8 else { throw ArchiveError(.malformed, "a size overflows") }
        value = value << 8 | digit
      }
      return value
    }
    for byte in field {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "7"):
        guard value <= Int.max >> 3 else { throw ArchiveError(.malformed, "a size overflows") }
        value = value << 3 | Int(byte - UInt8(ascii: "0"))
      case 0, 0x20: if value > 0 { return value }
      default: throw ArchiveError(.malformed, "not a tar archive (a number field holds other text)")
      }
    }
    return value
  }

  private func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }

  private func headerPath() -> String {
    let name = text(block[0..<100])
    let isUstar = block[257..<262].elementsEqual("ustar".utf8)
    let prefix = isUstar && block[262] == 0 ? text(block[345..<500]) : ""
    return prefix.isEmpty ? name : "\(prefix)/\(name)"
  }
}
