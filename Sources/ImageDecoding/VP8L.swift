/// A lossless WebP (RFC 9649, section 3).
struct VP8LDecoder {
  private var bits: VP8LBits
  private let bytes: [UInt8]

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    bits = VP8LBits(bytes)
  }

  func image(_ limits: ImageLimits) throws -> DecodedImage {
    var decoder = self
    return try decoder.run(limits)
  }

  private mutating func run(_ limits: ImageLimits) throws -> DecodedImage {
    guard try bits.number(8) == 0x2F else { throw ImageError(.damaged, "a lossless WebP without its signature") }
    let (width, height) = (try bits.number(14) + 1, try bits.number(14) + 1)
    try limits.check(width, height)
    _ = try bits.flag()
    guard try bits.number(3) == 0 else { throw ImageError(.damaged, "a lossless WebP of another version") }
    var transforms: [VP8LTransform] = []
    var columns = width
    while try bits.flag() {
      let kind = try bits.number(2)
      guard !transforms.contains(where: { $0.kind == kind }) else {
        throw ImageError(.damaged, "a WebP transform occurs twice")
      }
      var transform = VP8LTransform(kind: kind, width: columns, height: height)
      switch kind {
      case 0, 1:
        transform.bits = try bits.number(3) + 2
        let (w, h) = (VP8LTransform.blocks(columns, transform.bits), VP8LTransform.blocks(height, transform.bits))
        transform.data = try pixels(w, h, isMain: false)
      case 3:
        let count = try bits.number(8) + 1
        var palette = try pixels(count, 1, isMain: false)
        for i in 1..<Swift.max(1, count) { palette[i] = VP8LTransform.sum(palette[i], palette[i - 1]) }
        transform.data = palette
        transform.bits = count <= 2 ? 3 : count <= 4 ? 2 : count <= 16 ? 1 : 0
        columns = VP8LTransform.blocks(columns, transform.bits)
      default: break
      }
      transforms.append(transform)
    }
    var image = try pixels(columns, height, isMain: true)
    for transform in transforms.reversed() { image = transform.inverse(image) }
    var out = [UInt8](repeating: 0, count: width * height * 3)
    for i in 0..<(width * height) {
      for c in 0..<3 { out[3 * i + c] = UInt8(truncatingIfNeeded: image[i] >> UInt32(16 - 8 * c)) }
    }
    return try DecodedImage(width: width, height: height, channels: 3, samples: out)
  }

  /// The codes of green (and lengths, and cached colours), red, blue, alpha and distances.
  private struct Group {
    var codes: [VP8LCode]
  }

  /// An entropy-coded image (section 3.6), as ARGB.
  private mutating func pixels(_ width: Int, _ height: Int, isMain: Bool) throws -> [UInt32] {
    var cacheBits = 0
    if try bits.flag() {
      cacheBits = try bits.number(4)
      guard (1...11).contains(cacheBits) else { throw ImageError(.damaged, "a WebP colour cache of \(cacheBits) bits") }
    }
    var blockBits = 0
    var numbers: [UInt32] = []
    var count = 1
    if isMain, try bits.flag() {
      blockBits = try bits.number(3) + 2
      numbers = try pixels(
        VP8LTransform.blocks(width, blockBits), VP8LTransform.blocks(height, blockBits), isMain: false
      ).map { $0 >> 8 & 0xFFFF }
      count = Int(numbers.max() ?? 0) + 1
    }
    // Every group takes bits, so damaged numbers cannot ask for many of them.
    guard count <= bytes.count * 8 else { throw ImageBytes.end }
    var groups: [Group] = []
    let sizes = [280 + (cacheBits > 0 ? 1 << cacheBits : 0), 256, 256, 256, 40]
    for _ in 0..<count { groups.append(Group(codes: try sizes.map { try code($0) })) }
    var cache = [UInt32](repeating: 0, count: 1 << cacheBits)
    var out = [UInt32](repeating: 0, count: width * height)
    let across = VP8LTransform.blocks(width, blockBits)
    var at = 0
    while at < out.count {
      var group = 0
      if !numbers.isEmpty { group = Int(numbers[(at / width) >> blockBits * across + (at % width) >> blockBits]) }
      let symbol = try groups[group].codes[0].next(&bits)
      if symbol < 256 {
        let red = try groups[group].codes[1].next(&bits)
        let blue = try groups[group].codes[2].next(&bits)
        let alpha = try groups[group].codes[3].next(&bits)
        out[at] = UInt32(truncatingIfNeeded: alpha << 24 | red << 16 | symbol << 8 | blue)
      } else if symbol < 280 {
        let length = try extended(symbol - 256)
        let distance = try distance(extended(groups[group].codes[4].next(&bits)), width)
        guard distance <= at, length <= out.count - at else {
          throw ImageError(.damaged, "a WebP copies pixels that do not exist")
        }
        for i in at..<(at + length) {
          out[i] = out[i - distance]
          if cacheBits > 0 { cache[VP8LDecoder.slot(out[i], cacheBits)] = out[i] }
        }
        at += length
        continue
      } else {
        guard symbol - 280 < cache.count else { throw ImageError(.damaged, "a WebP colour is not cached") }
        out[at] = cache[symbol - 280]
      }
      if cacheBits > 0 { cache[VP8LDecoder.slot(out[at], cacheBits)] = out[at] }
      at += 1
    }
    return out
  }

  private static func slot(_ colour: UInt32, _ bits: Int) -> Int { Int((colour &* 0x1E35_A7BD) >> UInt32(32 - bits)) }

  /// A length or a distance code with its extra bits.
  private mutating func extended(_ symbol: Int) throws -> Int {
    if symbol < 4 { return symbol + 1 }
    let extra = (symbol - 2) >> 1
    return (2 + symbol & 1) << extra + (try bits.number(extra)) + 1
  }

  /// The distances of the 120 nearest pixels, by code: how many rows up, and 8 less how many columns to the left.
  private static let near: [UInt8] = [
    0x18, 0x07, 0x17, 0x19, 0x28, 0x06, 0x27, 0x29, 0x16, 0x1A, 0x26, 0x2A, 0x38, 0x05, 0x37, 0x39, 0x15, 0x1B, 0x36,
    0x3A, 0x25, 0x2B, 0x48, 0x04, 0x47, 0x49, 0x14, 0x1C, 0x35, 0x3B, 0x46, 0x4A, 0x24, 0x2C, 0x58, 0x45, 0x4B, 0x34,
    0x3C, 0x03, 0x57, 0x59, 0x13, 0x1D, 0x56, 0x5A, 0x23, 0x2D, 0x44, 0x4C, 0x55, 0x5B, 0x33, 0x3D, 0x68, 0x02, 0x67,
    0x69, 0x12, 0x1E, 0x66, 0x6A, 0x22, 0x2E, 0x54, 0x5C, 0x43, 0x4D, 0x65, 0x6B, 0x32, 0x3E, 0x78, 0x01, 0x77, 0x79,
    0x53, 0x5D, 0x11, 0x1F, 0x64, 0x6C, 0x42, 0x4E, 0x76, 0x7A, 0x21, 0x2F, 0x75, 0x7B, 0x31, 0x3F, 0x63, 0x6D, 0x52,
    0x5E, 0x00, 0x74, 0x7C, 0x41, 0x4F, 0x10, 0x20, 0x62, 0x6E, 0x30, 0x73, 0x7D, 0x51, 0x5F, 0x40, 0x72, 0x7E, 0x61,
    0x6F, 0x50, 0x71, 0x7F, 0x60, 0x70,
  ]

  private func distance(_ code: Int, _ width: Int) -> Int {
    guard code <= 120 else { return code - 120 }
    let place = Int(VP8LDecoder.near[code - 1])
    return Swift.max(1, place >> 4 * width + 8 - place & 15)
  }

  private static let lengthOrder = [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]

  /// Reads a prefix code for `size` symbols (section 3.7.2).
  private mutating func code(_ size: Int) throws -> VP8LCode {
    var lengths = [UInt8](repeating: 0, count: size)
    if try bits.flag() {
      let isPair = try bits.flag()
      let first = try bits.number(bits.flag() ? 8 : 1)
      let second = isPair ? try bits.number(8) : first
      guard first < size, second < size else { throw ImageError(.damaged, "a WebP symbol does not exist") }
      lengths[first] = 1
      lengths[second] = 1
      return try VP8LCode(lengths: lengths)
    }
    var own = [UInt8](repeating: 0, count: 19)
    for i in 0..<(try bits.number(4) + 4) {
      own[VP8LDecoder.lengthOrder[i]] = UInt8(truncatingIfNeeded: try bits.number(3))
    }
    let table = try VP8LCode(lengths: own)
    var left = size
    if try bits.flag() {
      left = 2 + (try bits.number(2 + 2 * bits.number(3)))
      guard left <= size else { throw ImageError(.damaged, "a WebP prefix code has too many symbols") }
    }
    var previous: UInt8 = 8
    var at = 0
    while at < size, left > 0 {
      left -= 1
      let symbol = try table.next(&bits)
      if symbol < 16 {
        lengths[at] = UInt8(truncatingIfNeeded: symbol)
        if symbol > 0 { previous = lengths[at] }
        at += 1
        continue
      }
      let count = try symbol == 16 ? 3 + bits.number(2) : symbol == 17 ? 3 + bits.number(3) : 11 + bits.number(7)
      guard count <= size - at else { throw ImageError(.damaged, "a WebP prefix code has too many symbols") }
      if symbol == 16 { for i in at..<(at + count) { lengths[i] = previous } }
      at += count
    }
    return try VP8LCode(lengths: lengths)
  }
}
