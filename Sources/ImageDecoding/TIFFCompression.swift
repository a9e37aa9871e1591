/// The compressions of TIFF blocks.
enum TIFFCompression {
  /// Exactly `count` bytes of a block.
  static func bytes(_ block: ArraySlice<UInt8>, _ compression: Int, count: Int) throws -> [UInt8] {
    switch compression {
    case 1:
      guard block.count >= count else { throw ImageBytes.end }
      return Array(block.prefix(count))
    case 5: return try lzw(Array(block), count: count)
    case 8, 32946: return try Inflate.bytes(Array(block), count: count)
    case 32773: return try packBits(Array(block), count: count)
    default: throw ImageError(.unsupported, "TIFF compression \(compression)")
    }
  }

  private static func packBits(_ block: [UInt8], count: Int) throws -> [UInt8] {
    let from = ImageBytes(block)
    guard count / 128 <= block.count else { throw ImageBytes.end }
    var out: [UInt8] = []
    out.reserveCapacity(count)
    var at = 0
    while out.count < count {
      let n = try from.byte(at)
      if n < 128 {
        out += try from.slice(at + 1, n + 1)
        at += n + 2
      } else {
        if n > 128 { out += [UInt8](repeating: UInt8(truncatingIfNeeded: try from.byte(at + 1)), count: 257 - n) }
        at += n > 128 ? 2 : 1
      }
    }
    return Array(out.prefix(count))
  }

  /// LZW with codes of 9 to 12 bits, most significant bit first; codes grow one early.
  private static func lzw(_ block: [UInt8], count: Int) throws -> [UInt8] {
    let (clear, end) = (256, 257)
    var out: [UInt8] = []
    guard count / 4096 <= block.count else { throw ImageBytes.end }
    out.reserveCapacity(count)
    // A string is where it was written last, and how long it is.
    var strings: [(start: Int, length: Int)] = []
    var width = 9
    var previous: (start: Int, length: Int)?
    var (buffer, held, at) = (0, 0, 0)
    while out.count < count {
      while held < width {
        guard at < block.count else { throw ImageBytes.end }
        buffer = (buffer << 8 | Int(block[at])) & 0xFFFFFF
        held += 8
        at += 1
      }
      let code = buffer >> (held - width) & ((1 << width) - 1)
      held -= width
      if code == clear {
        strings.removeAll(keepingCapacity: true)
        width = 9
        previous = nil
        continue
      }
      if code == end { break }
      let start = out.count
      if code < 256 {
        out.append(UInt8(truncatingIfNeeded: code))
      } else if code - 258 < strings.count {
        let string = strings[code - 258]
        for i in 0..<string.length { out.append(out[string.start + i]) }
      } else if let previous, code - 258 == strings.count {
        for i in 0..<previous.length { out.append(out[previous.start + i]) }
        out.append(out[previous.start])
      } else {
        throw ImageError(.damaged, "an LZW code is not known")
      }
      if let previous, strings.count < 4096 - 258 { strings.append((previous.start, previous.length + 1)) }
      previous = (start, out.count - start)
      let next = strings.count + 258
      width = next >= 2047 ? 12 : next >= 1023 ? 11 : next >= 511 ? 10 : 9
    }
    guard out.count >= count else { throw ImageBytes.end }
    return Array(out.prefix(count))
  }
}
