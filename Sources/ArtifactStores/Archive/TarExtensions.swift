/// Stored bytes of a sparse file.
struct SparsePiece: Sendable, Hashable {
  /// Where they belong in the file.
  var offset: Int
  var count: Int
}

/// What the extension headers before an entry say of it.
struct ExtendedHeader {
  var path: String?
  var target: String?
  var size: Int?
  var sparse = Sparse()

  /// GNU's records of a sparse file, in the forms 0.0, 0.1 and 1.0.
  struct Sparse {
    var isUsed = false
    var major = 0
    var path: String?
    var size: Int?
    /// Offsets and counts by turns.
    var map: [Int] = []
  }

  mutating func take(_ records: [(key: String, value: String)]) throws(ArchiveError) {
    for (key, value) in records {
      switch key {
      case "path": path = value
      case "linkpath": target = value
      case "size": size = try number(value)
      case "GNU.sparse.major": sparse.major = try number(value)
      case "GNU.sparse.name": sparse.path = value
      case "GNU.sparse.size", "GNU.sparse.realsize": sparse.size = try number(value)
      case "GNU.sparse.offset", "GNU.sparse.numbytes": sparse.map.append(try number(value))
      case "GNU.sparse.map":
        sparse.map = []
        for part in value.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
          sparse.map.append(try number(String(decoding: part, as: UTF8.self)))
        }
      default: break
      }
      if key.hasPrefix("GNU.sparse.") { sparse.isUsed = true }
    }
  }

  private func number(_ text: String) throws(ArchiveError) -> Int {
    guard let value = Int(text), value >= 0 else { throw ArchiveError(.malformed, "a pax number is none: \(text)") }
    return value
  }
}

extension TarReader {
  /// Records `length key=value LF`.
  static func records(_ bytes: [UInt8]) throws(ArchiveError) -> [(key: String, value: String)] {
    var out: [(key: String, value: String)] = []
    var at = 0
    while at < bytes.count {
      guard let blank = bytes[at...].firstIndex(of: 0x20),
        let length = Int(String(decoding: bytes[at..<blank], as: UTF8.self)), length > blank - at + 1,
        length <= bytes.count - at
      else { throw ArchiveError(.malformed, "a pax record is unsound") }
      let record = bytes[(blank + 1)..<(at + length - 1)]
      guard let equals = record.firstIndex(of: UInt8(ascii: "=")) else {
        throw ArchiveError(.malformed, "a pax record is unsound")
      }
      out.append(
        (String(decoding: record[..<equals], as: UTF8.self), String(decoding: record[(equals + 1)...], as: UTF8.self)))
      at += length
    }
    return out
  }

  // MARK: Sparse files

  /// The map of an entry of GNU's old kind: four pieces in the header, 21 in each block that follows.
  func oldSparseMap() throws(ArchiveError) -> ([SparsePiece], Int) {
    var map: [Int] = []
    let size = try number(483, 12)
    var (at, count, more) = (386, 4, block[482] != 0)
    while true {
      for i in 0..<count {
        guard block[at + i * 24] != 0 else { break }
        map.append(try number(at + i * 24, 12))
        map.append(try number(at + i * 24 + 12, 12))
      }
      guard more else { return (try pieces(map), size) }
      guard try fill() else { throw ArchiveError(.malformed, "the archive ends inside a sparse map") }
      (at, count, more) = (0, 21, block[504] != 0)
      try bound(map.count)
    }
  }

  /// The map of an entry with pax records; form 1.0 keeps it before the data, in lines of digits.
  func sparseMap(_ sparse: ExtendedHeader.Sparse) throws(ArchiveError) -> ([SparsePiece], Int) {
    guard let size = sparse.size else { throw ArchiveError(.malformed, "a sparse entry does not say its size") }
    guard sparse.major > 0 else { return (try pieces(sparse.map), size) }
    guard sparse.major == 1 else {
      throw ArchiveError(.malformed, "sparse entries of the form \(sparse.major) are not known")
    }
    var numbers: [Int] = []
    var value = 0
    var isNumber = false
    while true {
      guard remaining >= 512, try fill() else { throw ArchiveError(.malformed, "a sparse map ends early") }
      remaining -= 512
      for byte in block {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"):
          guard value < Int.max / 10 - 1 else { throw ArchiveError(.malformed, "a sparse map's number overflows") }
          value = value * 10 + Int(byte - UInt8(ascii: "0"))
          isNumber = true
        case 0x0A where isNumber:
          numbers.append(value)
          (value, isNumber) = (0, false)
          try bound(numbers.count)
          if let first = numbers.first, first <= limits.maxSparsePieces, numbers.count == 1 + 2 * first {
            return (try pieces(Array(numbers.dropFirst())), size)
          }
        default: throw ArchiveError(.malformed, "a sparse map holds other text than numbers")
        }
      }
    }
  }

  private func bound(_ numbers: Int) throws(ArchiveError) {
    guard numbers <= 2 * limits.maxSparsePieces + 1 else {
      throw ArchiveError(.limit, "a sparse entry has more than \(limits.maxSparsePieces) pieces")
    }
  }

  private func pieces(_ map: [Int]) throws(ArchiveError) -> [SparsePiece] {
    try bound(map.count)
    guard map.count % 2 == 0 else { throw ArchiveError(.malformed, "a sparse map has an offset without a length") }
    return stride(from: 0, to: map.count, by: 2).map { SparsePiece(offset: map[$0], count: map[$0 + 1]) }
  }

  /// Pieces ascend, do not overlap, stay in the file, and are what is stored.
  func check(_ pieces: [SparsePiece], size: Int, of path: String) throws(ArchiveError) {
    var end = 0
    var stored = 0
    for piece in pieces {
      guard piece.offset >= end, piece.offset <= size, piece.count <= size - piece.offset else {
        throw ArchiveError(.malformed, "the sparse map of \"\(path)\" is unsound")
      }
      end = piece.offset + piece.count
      stored += piece.count
    }
    guard stored == remaining else { throw ArchiveError(.malformed, "the sparse map of \"\(path)\" is unsound") }
  }
}
