/// A Huffman code of T.81, annex C.
struct JPEGHuffman {
  /// For the next 8 bits: length and value of the code that they begin with; length 0: it is longer.
  private var short = [(length: UInt8, value: UInt8)](repeating: (0, 0), count: 256)
  /// For each length: the greatest code, as 16 bits with ones behind, plus one; and where its values begin.
  private var bounds = [Int](repeating: 0, count: 17)
  private var offsets = [Int](repeating: 0, count: 17)
  private let values: [UInt8]

  init(counts: [Int], values: [UInt8]) throws {
    self.values = values
    var (code, index) = (0, 0)
    for length in 1...16 {
      offsets[length] = index - code
      for _ in 0..<counts[length - 1] {
        guard code < 1 << length else { throw ImageError(.damaged, "a JPEG Huffman table has too many codes") }
        if length <= 8 {
          for i in 0..<(1 << (8 - length)) {
            short[code << (8 - length) | i] = (UInt8(truncatingIfNeeded: length), values[index])
          }
        }
        code += 1
        index += 1
      }
      bounds[length] = code << (16 - length)
      code <<= 1
    }
  }

  @inline(__always)
  func next(_ bits: inout JPEGBits) throws -> Int {
    let ahead = bits.peek16()
    let entry = short[ahead >> 8]
    if entry.length > 0 {
      try bits.skip(Int(entry.length))
      return Int(entry.value)
    }
    for length in 9...16 where ahead < bounds[length] {
      try bits.skip(length)
      let index = offsets[length] + ahead >> (16 - length)
      guard index >= 0, index < values.count else { break }
      return Int(values[index])
    }
    throw ImageError(.damaged, "a JPEG Huffman code is not known")
  }
}

/// The bits of a scan, without stuffed bytes.
struct JPEGBits {
  private let bytes: ImageBytes
  /// The next byte that is not in `buffer`.
  private(set) var at: Int
  private var buffer = 0
  private var held = 0
  /// A marker or the end was met.
  private var isAtEnd = false

  init(_ bytes: ImageBytes, at: Int) {
    self.bytes = bytes
    self.at = at
  }

  private mutating func fill() {
    while held <= 48, !isAtEnd {
      guard at < bytes.count else {
        isAtEnd = true
        return
      }
      let byte = Int(bytes.bytes[at])
      if byte == 0xFF {
        guard at + 1 < bytes.count, bytes.bytes[at + 1] == 0 else {
          isAtEnd = true
          return
        }
        at += 1
      }
      at += 1
      buffer = (buffer << 8 | byte) & 0xFF_FFFF_FFFF_FFFF
      held += 8
    }
  }

  /// The next 16 bits, with zeros after the end.
  @inline(__always)
  mutating func peek16() -> Int {
    if held < 16 { fill() }
    return held >= 16 ? buffer >> (held - 16) & 0xFFFF : buffer << (16 - held) & 0xFFFF
  }

  @inline(__always)
  mutating func skip(_ count: Int) throws {
    guard count <= held else { throw ImageBytes.end }
    held -= count
  }

  /// `count` bits, at most 16.
  @inline(__always)
  mutating func bits(_ count: Int) throws -> Int {
    if count == 0 { return 0 }
    let value = peek16() >> (16 - count)
    try skip(count)
    return value
  }

  /// A number of `size` bits as T.81 codes differences and coefficients (EXTEND).
  @inline(__always)
  mutating func signed(_ size: Int) throws -> Int {
    if size == 0 { return 0 }
    let value = try bits(size)
    return value < 1 << (size - 1) ? value - (1 << size) + 1 : value
  }

  /// Goes on after the next restart marker.
  mutating func restart() throws {
    buffer = 0
    held = 0
    isAtEnd = false
    while try bytes.byte(at) != 0xFF || bytes.byte(at + 1) == 0 || bytes.byte(at + 1) == 0xFF { at += 1 }
    guard (0xD0...0xD7).contains(try bytes.byte(at + 1)) else {
      throw ImageError(.damaged, "a JPEG restart marker is missing")
    }
    at += 2
  }
}
