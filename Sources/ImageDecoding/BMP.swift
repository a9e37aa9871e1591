extension ImageFormat {
  /// Windows and OS/2 bitmaps: 1 to 32 bits a pixel, palettes, bit masks, run lengths. Alpha is left out.
  static let bmp = ImageFormat(
    "BMP", matches: { $0.hasPrefix([0x42, 0x4D]) }, decode: { try BMPDecoder($0, $1).image() })
}

private struct BMPDecoder {
  private let bytes: ImageBytes
  private var width = 0
  private var height = 0
  private var isTopDown = false
  private var bits = 0
  private var compression = 0
  private var masks = [0, 0, 0]
  private var palette: [(UInt8, UInt8, UInt8)] = []
  private var offset = 0

  init(_ bytes: ImageBytes, _ limits: ImageLimits) throws {
    self.bytes = bytes
    offset = try bytes.little32(10)
    let size = try bytes.little32(14)
    var colours = 0
    if size == 12 {
      (width, height) = (try bytes.little16(18), try bytes.little16(20))
      bits = try bytes.little16(24)
    } else {
      guard size >= 40, size <= 1 << 16 else { throw ImageError(.unsupported, "a BMP header of \(size) bytes") }
      let signed = Int(Int32(truncatingIfNeeded: try bytes.little32(22)))
      (width, height) = (Int(Int32(truncatingIfNeeded: try bytes.little32(18))), Swift.abs(signed))
      isTopDown = signed < 0
      (bits, compression) = (try bytes.little16(28), try bytes.little32(30))
      colours = try bytes.little32(46)
    }
    try limits.check(width, height)
    var end = 14 + size
    switch compression {
    case 0: masks = bits == 16 ? [0x7C00, 0x3E0, 0x1F] : [0xFF0000, 0xFF00, 0xFF]
    case 1 where bits == 8, 2 where bits == 4: break
    case 3 where bits == 16 || bits == 32, 6 where bits == 16 || bits == 32:
      masks = try (0..<3).map { try bytes.little32(54 + 4 * $0) }
      if size == 40 { end += compression == 3 ? 12 : 16 }
    default: throw ImageError(.unsupported, "a BMP of \(bits) bits with compression \(compression)")
    }
    switch bits {
    case 1, 2, 4, 8:
      let most = 1 << bits
      let count = colours == 0 ? most : Swift.min(colours, most)
      let entry = size == 12 ? 3 : 4
      // The palette ends where the pixels begin, however many colours are said.
      let room = offset > end ? (offset - end) / entry : count
      palette = try (0..<Swift.min(count, room)).map { i in
        let at = end + i * entry
        return (
          UInt8(truncatingIfNeeded: try bytes.byte(at + 2)), UInt8(truncatingIfNeeded: try bytes.byte(at + 1)),
          UInt8(truncatingIfNeeded: try bytes.byte(at))
        )
      }
    case 16, 24, 32: break
    default: throw ImageError(.unsupported, "a BMP of \(bits) bits")
    }
  }

  func image() throws -> DecodedImage {
    let rowBytes = (width * bits + 31) / 32 * 4
    let used = (width * bits + 7) / 8
    if compression != 1 && compression != 2 { _ = try bytes.slice(offset, rowBytes * (height - 1) + used) }
    var out = [UInt8](repeating: 0, count: width * height * 3)
    if compression == 1 || compression == 2 {
      let indices = try runs()
      for pixel in 0..<(width * height) { paint(Int(indices[pixel]), &out, pixel * 3) }
      return try DecodedImage(width: width, height: height, channels: 3, samples: out)
    }
    let scales = masks.map(BMPDecoder.scale)
    for row in 0..<height {
      let start = offset + row * rowBytes
      let target = (isTopDown ? row : height - 1 - row) * width
      for column in 0..<width {
        let to = (target + column) * 3
        switch bits {
        case 24:
          let at = start + column * 3
          for c in 0..<3 { out[to + c] = bytes.bytes[at + 2 - c] }
        case 16, 32:
          let value = try bits == 16 ? bytes.little16(start + column * 2) : bytes.little32(start + column * 4)
          for c in 0..<3 {
            let (shift, most) = scales[c]
            let part = (value & masks[c]) >> shift
            out[to + c] = most == 0 ? 0 : UInt8(truncatingIfNeeded: part * 255 / most)
          }
        default:
          let bit = column * bits
          let value = Int(bytes.bytes[start + bit / 8]) >> (8 - bits - bit % 8) & ((1 << bits) - 1)
          paint(value, &out, to)
        }
      }
    }
    return try DecodedImage(width: width, height: height, channels: 3, samples: out)
  }

  /// How far a mask lies from bit 0, and the greatest value under it.
  private static func scale(_ mask: Int) -> (shift: Int, most: Int) {
    mask == 0 ? (0, 0) : (mask.trailingZeroBitCount, mask >> mask.trailingZeroBitCount)
  }

  private func paint(_ index: Int, _ out: inout [UInt8], _ to: Int) {
    guard index < palette.count else { return }
    (out[to], out[to + 1], out[to + 2]) = palette[index]
  }

  /// The palette indices of run-length encoded pixels, rows from the top.
  private func runs() throws -> [UInt8] {
    var out = [UInt8](repeating: 0, count: width * height)
    var (x, y, at) = (0, 0, offset)
    func put(_ value: Int) {
      guard x < width, y < height else { return }
      out[(isTopDown ? y : height - 1 - y) * width + x] = UInt8(truncatingIfNeeded: value)
      x += 1
    }
    while y < height {
      let (count, value) = (try bytes.byte(at), try bytes.byte(at + 1))
      at += 2
      if count > 0 {
        for i in 0..<count { put(bits == 8 ? value : i % 2 == 0 ? value >> 4 : value & 15) }
        continue
      }
      switch value {
      case 0: (x, y) = (0, y + 1)
      case 1: return out
      case 2:
        x += try bytes.byte(at)
        y += try bytes.byte(at + 1)
        at += 2
      default:
        for i in 0..<value {
          let byte = try bytes.byte(at + (bits == 8 ? i : i / 2))
          put(bits == 8 ? byte : i % 2 == 0 ? byte >> 4 : byte & 15)
        }
        let length = bits == 8 ? value : (value + 1) / 2
        at += length + length % 2
      }
    }
    return out
  }
}
