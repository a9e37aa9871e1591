extension ImageFormat {
  /// Portable bitmaps, greymaps and pixmaps (Netpbm's P1 to P6), as text or as bytes, up to 16 bits a sample.
  static let pnm = ImageFormat(
    "PNM",
    matches: { bytes in
      guard bytes.count >= 3, bytes.bytes[0] == 0x50, (0x31...0x36).contains(bytes.bytes[1]) else { return false }
      return PNMDecoder.isSpace(bytes.bytes[2]) || bytes.bytes[2] == 0x23
    },
    decode: { bytes, limits in
      var decoder = PNMDecoder(bytes)
      return try decoder.image(limits)
    })
}

private struct PNMDecoder {
  private let bytes: ImageBytes
  private var at = 2

  init(_ bytes: ImageBytes) { self.bytes = bytes }

  static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

  /// Skips blanks and comments.
  private mutating func skip() {
    while at < bytes.count {
      if bytes.bytes[at] == 0x23 {
        while at < bytes.count, bytes.bytes[at] != 0x0A, bytes.bytes[at] != 0x0D { at += 1 }
      } else if PNMDecoder.isSpace(bytes.bytes[at]) {
        at += 1
      } else {
        return
      }
    }
  }

  private mutating func number() throws -> Int {
    skip()
    var value = 0
    let start = at
    while at < bytes.count, (0x30...0x39).contains(bytes.bytes[at]) {
      value = value * 10 + Int(bytes.bytes[at] - 0x30)
      guard value < 1 << 31 else { throw ImageError(.damaged, "a PNM number is too large") }
      at += 1
    }
    guard at > start else {
      if at >= bytes.count { throw ImageBytes.end }
      throw ImageError(.damaged, "a PNM number is missing")
    }
    return value
  }

  mutating func image(_ limits: ImageLimits) throws -> DecodedImage {
    let kind = try bytes.byte(1) - 0x30
    let (width, height) = (try number(), try number())
    try limits.check(width, height)
    let isBitmap = kind == 1 || kind == 4
    let most = isBitmap ? 1 : try number()
    guard most > 0, most < 65536 else { throw ImageError(.damaged, "a PNM whose greatest value is \(most)") }
    let channels = kind == 3 || kind == 6 ? 3 : 1
    let count = width * height * channels
    var out: [UInt8] = []
    if kind >= 4 {
      // One blank ends the header.
      guard at < bytes.count, PNMDecoder.isSpace(bytes.bytes[at]) else { throw ImageBytes.end }
      at += 1
    }
    switch kind {
    case 4:
      let row = (width + 7) / 8
      let data = try bytes.slice(at, row * height)
      out.reserveCapacity(count)
      for y in 0..<height {
        for x in 0..<width {
          out.append(data[data.startIndex + y * row + x / 8] >> UInt8(7 - x % 8) & 1 == 1 ? 0 : 255)
        }
      }
    case 5, 6:
      let each = most > 255 ? 2 : 1
      let data = try bytes.slice(at, count * each)
      if most == 255 {
        out = Array(data)
      } else {
        out.reserveCapacity(count)
        for i in 0..<count {
          out.append(PNMDecoder.scaled(try each == 1 ? bytes.byte(at + i) : bytes.big16(at + 2 * i), most))
        }
      }
    default:
      // Each sample takes a byte of text at least.
      guard count <= bytes.count - at else { throw ImageBytes.end }
      out.reserveCapacity(count)
      for _ in 0..<count {
        if isBitmap {
          skip()
          let digit = try bytes.byte(at)
          guard digit == 0x30 || digit == 0x31 else { throw ImageError(.damaged, "a PNM bit is neither 0 nor 1") }
          out.append(digit == 0x31 ? 0 : 255)
          at += 1
        } else {
          let value = try number()
          guard value <= most else { throw ImageError(.damaged, "a PNM sample \(value) is above \(most)") }
          out.append(PNMDecoder.scaled(value, most))
        }
      }
    }
    return try DecodedImage(width: width, height: height, channels: channels, samples: out)
  }

  private static func scaled(_ value: Int, _ most: Int) -> UInt8 {
    let scaled = (Double(value) / Double(most) * 255).rounded(.toNearestOrEven)
    return UInt8(Swift.min(255, scaled))
  }
}
