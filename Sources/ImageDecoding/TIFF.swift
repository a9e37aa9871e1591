extension ImageFormat {
  /// Tagged Image File Format (revision 6.0): the first image, in strips or tiles, grey, palette or RGB, of 1 to 16 bits a
  /// sample, uncompressed or compressed by LZW, deflate or PackBits. Alpha is left out; of 16 bits the upper 8 stay.
  static let tiff = ImageFormat(
    "TIFF",
    matches: { $0.hasPrefix([0x49, 0x49, 0x2A, 0x00]) || $0.hasPrefix([0x4D, 0x4D, 0x00, 0x2A]) },
    decode: { try TIFFDecoder($0, $1).image() })
}

private struct TIFFDecoder {
  private let bytes: ImageBytes
  private let limits: ImageLimits
  private let isLittle: Bool
  private var fields: [Int: [Int]] = [:]
  private var width = 0
  private var height = 0
  private var samples = 1
  private var bits = 1
  private var photometric = 0
  private var compression = 1

  /// The tags that are read.
  private enum Tag {
    static let width = 256, height = 257, bits = 258, compression = 259, photometric = 262, fillOrder = 266
    static let stripOffsets = 273, orientation = 274, samples = 277, rowsPerStrip = 278, stripCounts = 279
    static let planar = 284, predictor = 317, palette = 320, tileWidth = 322, tileHeight = 323, tileOffsets = 324
    static let tileCounts = 325, sampleFormat = 339
    static let all: Set = [
      width, height, bits, compression, photometric, fillOrder, stripOffsets, orientation, samples, rowsPerStrip,
      stripCounts, planar, predictor, palette, tileWidth, tileHeight, tileOffsets, tileCounts, sampleFormat,
    ]
  }

  init(_ bytes: ImageBytes, _ limits: ImageLimits) throws {
    self.bytes = bytes
    self.limits = limits
    isLittle = try bytes.byte(0) == 0x49
    let directory = try long(4)
    let count = try short(directory)
    for i in 0..<count { try field(directory + 2 + 12 * i) }
    width = try one(Tag.width)
    height = try one(Tag.height)
    try limits.check(width, height)
    samples = one(Tag.samples, default: 1)
    let depths = fields[Tag.bits] ?? [1]
    bits = depths.first ?? 1
    compression = one(Tag.compression, default: 1)
    photometric = try one(Tag.photometric)
    guard [1, 2, 4, 8, 16].contains(bits), depths.allSatisfy({ $0 == bits }), samples >= 1, samples <= 8,
      one(Tag.fillOrder, default: 1) == 1, (fields[Tag.sampleFormat] ?? [1]).allSatisfy({ $0 == 1 })
    else { throw ImageError(.unsupported, "a TIFF of \(samples) samples of \(depths) bits") }
    switch photometric {
    case 0, 1: break
    case 3 where bits <= 8: break
    case 2 where samples >= 3 && bits >= 8: break
    default: throw ImageError(.unsupported, "a TIFF of photometric interpretation \(photometric) with \(bits) bits")
    }
  }

  private func short(_ at: Int) throws -> Int { try isLittle ? bytes.little16(at) : bytes.big16(at) }
  private func long(_ at: Int) throws -> Int { try isLittle ? bytes.little32(at) : bytes.big32(at) }

  /// Reads the directory entry at `at`.
  private mutating func field(_ at: Int) throws {
    let (tag, type, count) = (try short(at), try short(at + 2), try long(at + 4))
    // A tag counts once, so that no file makes more numbers than it has bytes for each.
    guard Tag.all.contains(tag), fields[tag] == nil else { return }
    let size: Int
    switch type {
    case 1: size = 1
    case 3: size = 2
    case 4: size = 4
    default: return
    }
    let start = count <= 4 / size ? at + 8 : try long(at + 8)
    _ = try bytes.slice(start, count * size)
    fields[tag] = try (0..<count).map { i in
      switch size {
      case 1: try bytes.byte(start + i)
      case 2: try short(start + 2 * i)
      default: try long(start + 4 * i)
      }
    }
  }

  private func one(_ tag: Int) throws -> Int {
    guard let value = fields[tag]?.first else { throw ImageError(.damaged, "a TIFF without tag \(tag)") }
    return value
  }
  private func one(_ tag: Int, default value: Int) -> Int { fields[tag]?.first ?? value }

  /// Strips or tiles, of one plane of samples or of all.
  private struct Blocks {
    var width: Int
    var height: Int
    var offsets: [Int]
    var counts: [Int]
  }

  private func blocks() throws -> Blocks {
    let isTiled = fields[Tag.tileOffsets] != nil
    let rows = Swift.min(one(Tag.rowsPerStrip, default: height), height)
    let blocks = Blocks(
      width: isTiled ? try one(Tag.tileWidth) : width, height: isTiled ? try one(Tag.tileHeight) : rows,
      offsets: fields[isTiled ? Tag.tileOffsets : Tag.stripOffsets] ?? [],
      counts: fields[isTiled ? Tag.tileCounts : Tag.stripCounts] ?? [])
    try limits.check(blocks.width, blocks.height)
    guard blocks.counts.count >= blocks.offsets.count else {
      throw ImageError(.damaged, "TIFF blocks whose sizes are missing")
    }
    return blocks
  }

  func image() throws -> DecodedImage {
    let blocks = try blocks()
    let isPlanar = one(Tag.planar, default: 1) == 2 && samples > 1
    let channels = photometric >= 2 ? 3 : 1
    let palette = fields[Tag.palette] ?? []
    if photometric == 3, palette.count != 3 << bits {
      throw ImageError(.damaged, "a TIFF palette of \(palette.count) numbers for \(bits) bits")
    }
    let across = (width + blocks.width - 1) / blocks.width
    let down = (height + blocks.height - 1) / blocks.height
    let planes = isPlanar ? Swift.min(samples, channels) : 1
    guard blocks.offsets.count >= across * down * planes else {
      throw ImageError(.damaged, "a TIFF of \(blocks.offsets.count) blocks where \(across * down * planes) are needed")
    }
    let perPixel = isPlanar ? 1 : samples
    let rowBytes = (blocks.width * perPixel * bits + 7) / 8
    var out = [UInt8](repeating: 0, count: width * height * channels)
    for block in 0..<(across * down * planes) {
      let (plane, rest) = block.quotientAndRemainder(dividingBy: across * down)
      let (top, left) = (rest / across * blocks.height, rest % across * blocks.width)
      let isTiled = fields[Tag.tileOffsets] != nil
      let rows = isTiled ? blocks.height : Swift.min(blocks.height, height - top)
      var data = try TIFFCompression.bytes(
        bytes.slice(blocks.offsets[block], blocks.counts[block]), compression, count: rows * rowBytes)
      if one(Tag.predictor, default: 1) == 2, bits >= 8 {
        for row in 0..<rows { undoDifferences(&data, row * rowBytes, blocks.width, perPixel) }
      }
      for y in 0..<Swift.min(rows, height - top) {
        for x in 0..<Swift.min(blocks.width, width - left) {
          let to = ((top + y) * width + left + x) * channels
          for c in 0..<(isPlanar ? 1 : Swift.min(perPixel, photometric == 2 ? 3 : 1)) {
            let value = sample(data, y * rowBytes, x * perPixel + c)
            if photometric == 3 {
              for k in 0..<3 { out[to + k] = UInt8(truncatingIfNeeded: palette[k << bits + value] >> 8) }
            } else {
              out[to + c + plane] = eight(value)
            }
          }
        }
      }
    }
    return try oriented(out, channels)
  }

  /// Sample `index` of the row that begins at `row`.
  @inline(__always)
  private func sample(_ data: [UInt8], _ row: Int, _ index: Int) -> Int {
    switch bits {
    case 8: return Int(data[row + index])
    case 16:
      let (a, b) = (Int(data[row + 2 * index]), Int(data[row + 2 * index + 1]))
      return isLittle ? a | b << 8 : a << 8 | b
    default:
      let bit = index * bits
      return Int(data[row + bit / 8]) >> (8 - bits - bit % 8) & ((1 << bits) - 1)
    }
  }

  /// A sample as 8 bits.
  @inline(__always)
  private func eight(_ value: Int) -> UInt8 {
    let scaled = bits == 16 ? value >> 8 : value * 255 / ((1 << bits) - 1)
    return UInt8(truncatingIfNeeded: photometric == 0 ? 255 - scaled : scaled)
  }

  /// Adds up the differences that the horizontal predictor stores.
  private func undoDifferences(_ data: inout [UInt8], _ row: Int, _ pixels: Int, _ perPixel: Int) {
    if bits == 8 {
      for i in perPixel..<Swift.max(perPixel, pixels * perPixel) { data[row + i] &+= data[row + i - perPixel] }
      return
    }
    for i in perPixel..<Swift.max(perPixel, pixels * perPixel) {
      let sum = sample(data, row, i) &+ sample(data, row, i - perPixel)
      let (low, high) = (UInt8(truncatingIfNeeded: sum), UInt8(truncatingIfNeeded: sum >> 8))
      data[row + 2 * i] = isLittle ? low : high
      data[row + 2 * i + 1] = isLittle ? high : low
    }
  }

  /// The pixels turned and mirrored as the orientation says.
  private func oriented(_ pixels: [UInt8], _ channels: Int) throws -> DecodedImage {
    let orientation = one(Tag.orientation, default: 1)
    guard (2...8).contains(orientation) else {
      return try DecodedImage(width: width, height: height, channels: channels, samples: pixels)
    }
    let isTurned = orientation >= 5
    let (columns, rows) = isTurned ? (height, width) : (width, height)
    var out = [UInt8](repeating: 0, count: pixels.count)
    for y in 0..<rows {
      for x in 0..<columns {
        let (i, j): (Int, Int)
        switch orientation {
        case 2: (i, j) = (columns - 1 - x, y)
        case 3: (i, j) = (columns - 1 - x, rows - 1 - y)
        case 4: (i, j) = (x, rows - 1 - y)
        case 5: (i, j) = (y, x)
        case 6: (i, j) = (y, columns - 1 - x)
        case 7: (i, j) = (rows - 1 - y, columns - 1 - x)
        default: (i, j) = (rows - 1 - y, x)
        }
        for c in 0..<channels { out[(y * columns + x) * channels + c] = pixels[(j * width + i) * channels + c] }
      }
    }
    return try DecodedImage(width: columns, height: rows, channels: channels, samples: out)
  }
}
