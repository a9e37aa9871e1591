/// Bits of a lossless WebP, least significant first.
struct VP8LBits {
  private let bytes: [UInt8]
  private var at = 0
  private var buffer: UInt64 = 0
  private var held = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The next bits, at least 32 of them, with zeros after the end.
  @inline(__always)
  mutating func peek() -> Int {
    while held <= 48, at < bytes.count {
      buffer |= UInt64(bytes[at]) << UInt64(held)
      held += 8
      at += 1
    }
    return Int(truncatingIfNeeded: buffer & 0xFFFF_FFFF)
  }

  @inline(__always)
  mutating func skip(_ count: Int) throws {
    guard count <= held else { throw ImageBytes.end }
    buffer >>= UInt64(count)
    held -= count
  }

  /// A number of `count` bits, at most 32.
  @inline(__always)
  mutating func number(_ count: Int) throws -> Int {
    let value = peek() & ((1 << count) - 1)
    try skip(count)
    return value
  }

  mutating func flag() throws -> Bool { try number(1) == 1 }
}

/// A canonical prefix code of lossless WebP (RFC 9649, section 3.7.2).
struct VP8LCode {
  /// For the next 8 bits: length and symbol of the code that they begin with; length 255: it is longer.
  private var short: [(length: UInt8, symbol: UInt16)]
  /// How many codes have each length, and their symbols in order.
  private var counts = [Int](repeating: 0, count: 16)
  private var symbols: [UInt16] = []

  /// - Parameter lengths: of each symbol's code; 0: it has none.
  init(lengths: [UInt8]) throws {
    for length in lengths { counts[Int(length)] += 1 }
    counts[0] = 0
    let used = counts.reduce(0, +)
    guard used > 0 else { throw ImageError(.damaged, "a WebP prefix code without symbols") }
    if used == 1 {
      // A symbol that is alone takes no bits.
      let only = lengths.firstIndex { $0 > 0 } ?? 0
      short = [(UInt8, UInt16)](repeating: (0, UInt16(truncatingIfNeeded: only)), count: 256)
      return
    }
    short = [(UInt8, UInt16)](repeating: (255, 0), count: 256)
    var next = [Int](repeating: 0, count: 17)
    var offsets = [Int](repeating: 0, count: 17)
    var code = 0
    for length in 1...15 {
      next[length] = code
      offsets[length + 1] = offsets[length] + counts[length]
      code = (code + counts[length]) << 1
    }
    guard code == 1 << 16 else { throw ImageError(.damaged, "a WebP prefix code is not complete") }
    symbols = [UInt16](repeating: 0, count: used)
    for (symbol, length) in lengths.enumerated() where length > 0 {
      let l = Int(length)
      symbols[offsets[l]] = UInt16(truncatingIfNeeded: symbol)
      offsets[l] += 1
      if l <= 8 {
        var reversed = 0
        for bit in 0..<l { reversed |= (next[l] >> bit & 1) << (l - 1 - bit) }
        for high in 0..<(1 << (8 - l)) {
          short[reversed | high << l] = (length, UInt16(truncatingIfNeeded: symbol))
        }
      }
      next[l] += 1
    }
  }

  @inline(__always)
  func next(_ bits: inout VP8LBits) throws -> Int {
    let ahead = bits.peek()
    let entry = short[ahead & 255]
    if entry.length != 255 {
      try bits.skip(Int(entry.length))
      return Int(entry.symbol)
    }
    var (code, first, index) = (0, 0, 0)
    for length in 1...15 {
      code |= ahead >> (length - 1) & 1
      let count = counts[length]
      if code - count < first {
        try bits.skip(length)
        return Int(symbols[index + code - first])
      }
      index += count
      first = (first + count) << 1
      code <<= 1
    }
    throw ImageError(.damaged, "a WebP prefix code is not known")
  }
}
