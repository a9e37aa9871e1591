extension ImageFormat {
  /// JPEG 2000 (ITU-T T.800), in JP2 files and as bare codestreams: one to four components of one size (the fourth, and
  /// the second of two, are left out), both wavelets, all progressions.
  static let jpeg2000 = ImageFormat(
    "JPEG 2000",
    matches: {
      $0.hasPrefix([0, 0, 0, 12, 0x6A, 0x50, 0x20, 0x20]) || $0.hasPrefix([0xFF, 0x4F, 0xFF, 0x51])
    },
    decode: { bytes, limits in
      let start = try J2KDecoder.codestream(bytes)
      var decoder = J2KDecoder(bytes, limits)
      return try decoder.image(start)
    })
}

/// Reads a codestream (T.800, annex A).
struct J2KDecoder {
  private let bytes: ImageBytes
  private let limits: ImageLimits
  private var image = J2KArea(x0: 0, y0: 0, x1: 0, y1: 0)
  /// The first tile.
  private var tile = J2KArea(x0: 0, y0: 0, x1: 0, y1: 0)
  private var depths: [(bits: Int, isSigned: Bool)] = []
  private var parameters = J2KParameters()
  /// What tiles say, and their data, as far as they have come.
  private var tiles: [Int: (parameters: J2KParameters, data: [UInt8])] = [:]

  init(_ bytes: ImageBytes, _ limits: ImageLimits) {
    self.bytes = bytes
    self.limits = limits
  }

  /// Where the codestream begins in a JP2 file (annex I).
  static func codestream(_ bytes: ImageBytes) throws -> Int {
    if bytes.hasPrefix([0xFF, 0x4F]) { return 0 }
    var at = 0
    while true {
      var (length, head) = (try bytes.big32(at), 8)
      let type = try String(decoding: bytes.slice(at + 4, 4), as: UTF8.self)
      if length == 1 {
        guard try bytes.big32(at + 8) == 0 else { throw ImageBytes.end }
        (length, head) = (try bytes.big32(at + 12), 16)
      }
      if length == 0 { length = bytes.count - at }
      guard length >= head else { throw ImageError(.damaged, "a JP2 box of \(length) bytes") }
      if type == "jp2c" { return at + head }
      if type == "jp2h" { try check(bytes, at + head, at + length) }
      at += length
    }
  }

  /// Refuses colours that would need more than the components.
  private static func check(_ bytes: ImageBytes, _ start: Int, _ end: Int) throws {
    var at = start
    while at + 8 <= end {
      let length = try bytes.big32(at)
      let type = try String(decoding: bytes.slice(at + 4, 4), as: UTF8.self)
      if type == "pclr" { throw ImageError(.unsupported, "a JPEG 2000 image with a palette") }
      if type == "colr", try bytes.byte(at + 8) == 1 {
        let space = try bytes.big32(at + 11)
        guard space == 16 || space == 17 else {
          throw ImageError(.unsupported, "a JPEG 2000 image of colour space \(space)")
        }
      }
      guard length >= 8 else { return }
      at += length
    }
  }

  mutating func image(_ start: Int) throws -> DecodedImage {
    guard try bytes.big16(start) == 0xFF4F else { throw ImageError(.damaged, "a JPEG 2000 codestream is missing") }
    var at = start + 2
    while true {
      let marker = try bytes.big16(at)
      if marker == 0xFFD9 { break }
      if marker == 0xFF90 {
        at = try tilePart(at)
        continue
      }
      let length = try bytes.big16(at + 2)
      guard length >= 2, marker >= 0xFF00 else { throw ImageError(.damaged, "a JPEG 2000 segment") }
      if marker == 0xFF51 { try size(at + 4, length - 2) } else { try segment(marker, at + 4, length - 2, &parameters) }
      at += 2 + length
    }
    return try pixels()
  }

  private mutating func size(_ at: Int, _ length: Int) throws {
    guard depths.isEmpty else { throw ImageError(.damaged, "a JPEG 2000 image has two sizes") }
    let n = try (0..<8).map { try bytes.big32(at + 2 + 4 * $0) }
    image = J2KArea(x0: n[2], y0: n[3], x1: n[0], y1: n[1])
    try limits.check(image.x1 - image.x0, image.y1 - image.y0)
    tile = J2KArea(x0: n[6], y0: n[7], x1: n[6] + n[4], y1: n[7] + n[5])
    guard n[4] > 0, n[5] > 0, tile.x0 <= image.x0, tile.y0 <= image.y0, tile.x1 > image.x0, tile.y1 > image.y0 else {
      throw ImageError(.damaged, "JPEG 2000 tiles of \(n[4])x\(n[5]) samples")
    }
    let count = try bytes.big16(at + 34)
    guard (1...4).contains(count), length >= 36 + 3 * count else {
      throw ImageError(.unsupported, "a JPEG 2000 image of \(count) components")
    }
    for c in 0..<count {
      let depth = try bytes.byte(at + 36 + 3 * c)
      guard try bytes.byte(at + 37 + 3 * c) == 1, try bytes.byte(at + 38 + 3 * c) == 1, depth & 127 < 16 else {
        throw ImageError(.unsupported, "a JPEG 2000 image whose components differ in size or have above 16 bits")
      }
      depths.append((depth & 127 + 1, depth > 127))
    }
    parameters.coding = [J2KCoding](repeating: J2KCoding(), count: count)
    parameters.quantization = [J2KQuantization](repeating: J2KQuantization(), count: count)
  }

  /// Reads a segment of the main header or of a tile's.
  private func segment(_ marker: Int, _ at: Int, _ length: Int, _ p: inout J2KParameters) throws {
    let count = depths.count
    guard count > 0 else { throw ImageError(.damaged, "a JPEG 2000 codestream without a size") }
    switch marker {
    case 0xFF52:
      let style = try bytes.byte(at)
      (p.hasPacketMarkers, p.hasHeaderMarkers) = (style & 2 != 0, style & 4 != 0)
      (p.progression, p.layers) = (try bytes.byte(at + 1), try bytes.big16(at + 2))
      p.mixesColours = try bytes.byte(at + 4) == 1
      guard p.progression < 5, p.layers > 0 else { throw ImageError(.damaged, "a JPEG 2000 progression") }
      let coding = try coding(at + 5, hasPrecincts: style & 1 != 0)
      for c in 0..<count where !p.ownCoding.contains(c) { p.coding[c] = coding }
    case 0xFF53:
      let c = try bytes.byte(at)
      guard c < count else { throw ImageError(.damaged, "a JPEG 2000 component does not exist") }
      p.coding[c] = try coding(at + 2, hasPrecincts: bytes.byte(at + 1) & 1 != 0)
      p.ownCoding.insert(c)
    case 0xFF5C:
      let quantization = try quantization(at, at + length)
      for c in 0..<count where !p.ownQuantization.contains(c) { p.quantization[c] = quantization }
    case 0xFF5D:
      let c = try bytes.byte(at)
      guard c < count else { throw ImageError(.damaged, "a JPEG 2000 component does not exist") }
      p.quantization[c] = try quantization(at + 1, at + length)
      p.ownQuantization.insert(c)
    case 0xFF5E, 0xFF5F, 0xFF60, 0xFF61:
      throw ImageError(
        .unsupported, "a JPEG 2000 image with regions of interest, changing progressions or packed headers")
    default: break
    }
  }

  private func coding(_ at: Int, hasPrecincts: Bool) throws -> J2KCoding {
    var c = J2KCoding()
    c.levels = try bytes.byte(at)
    (c.blockWidth, c.blockHeight) = (try bytes.byte(at + 1) & 15 + 2, try bytes.byte(at + 2) & 15 + 2)
    let style = try bytes.byte(at + 3)
    guard c.levels <= 32, c.blockWidth <= 10, c.blockHeight <= 10, c.blockWidth + c.blockHeight <= 12 else {
      throw ImageError(.damaged, "JPEG 2000 code-blocks")
    }
    guard style & 0b101 == 0, style < 64 else {
      throw ImageError(.unsupported, "a JPEG 2000 image with raw or separately ended coding passes")
    }
    (c.resets, c.isCausal, c.hasMarks) = (style & 2 != 0, style & 8 != 0, style & 32 != 0)
    c.isReversible = try bytes.byte(at + 4) == 1
    c.precincts = try (0...c.levels).map { r in
      guard hasPrecincts else { return (15, 15) }
      let size = try bytes.byte(at + 5 + r)
      guard r == 0 || size & 15 > 0 && size >> 4 > 0 else { throw ImageError(.damaged, "JPEG 2000 precincts") }
      return (size & 15, size >> 4)
    }
    return c
  }

  private func quantization(_ at: Int, _ end: Int) throws -> J2KQuantization {
    let style = try bytes.byte(at)
    var q = J2KQuantization(guardBits: style >> 5)
    switch style & 31 {
    case 0:
      for i in (at + 1)..<Swift.max(at + 1, end) { q.steps.append((try bytes.byte(i) >> 3, 0)) }
    case 1, 2:
      for i in stride(from: at + 1, to: end - 1, by: 2) {
        let step = try bytes.big16(i)
        q.steps.append((step >> 11, step & 2047))
      }
      if style & 31 == 1, let first = q.steps.first {
        // The steps of finer bands follow from that of the coarsest.
        for b in 1..<97 { q.steps.append((Swift.max(0, first.exponent - (b - 1) / 3), first.mantissa)) }
      }
    default: throw ImageError(.damaged, "a JPEG 2000 quantisation")
    }
    return q
  }

  /// Reads a part of a tile; returns where the next begins.
  private mutating func tilePart(_ start: Int) throws -> Int {
    guard !depths.isEmpty else { throw ImageError(.damaged, "a JPEG 2000 codestream without a size") }
    let (index, length) = (try bytes.big16(start + 4), try bytes.big32(start + 6))
    // A length of 0 reaches to the end marker.
    let end = length == 0 ? bytes.count - 2 : start + length
    guard end <= bytes.count, index < across * down else { throw ImageBytes.end }
    var own = tiles[index] ?? (parameters, [])
    var at = start + 12
    while try bytes.big16(at) != 0xFF93 {
      let size = try bytes.big16(at + 2)
      guard size >= 2 else { throw ImageError(.damaged, "a JPEG 2000 segment") }
      try segment(bytes.big16(at), at + 4, size - 2, &own.parameters)
      at += 2 + size
    }
    guard at + 2 <= end else { throw ImageBytes.end }
    own.data += try bytes.slice(at + 2, end - at - 2)
    tiles[index] = own
    return end
  }

  private var across: Int { (image.x1 - tile.x0 + tile.width - 1) / tile.width }
  private var down: Int { (image.y1 - tile.y0 + tile.height - 1) / tile.height }

  private func pixels() throws -> DecodedImage {
    let (width, height) = (image.width, image.height)
    guard !depths.isEmpty, tiles.count == across * down else {
      throw ImageError(.damaged, "a JPEG 2000 image of which tiles are missing")
    }
    let channels = depths.count >= 3 ? 3 : 1
    var out = [UInt8](repeating: 0, count: width * height * channels)
    for (index, own) in tiles {
      let (row, column) = index.quotientAndRemainder(dividingBy: across)
      let (x, y) = (tile.x0 + column * tile.width, tile.y0 + row * tile.height)
      let area = J2KArea(
        x0: Swift.max(x, image.x0), y0: Swift.max(y, image.y0), x1: Swift.min(x + tile.width, image.x1),
        y1: Swift.min(y + tile.height, image.y1))
      var decoder = try J2KTile(area, own.parameters, depths.map(\.bits), own.data)
      let planes = try decoder.decode()
      for c in 0..<channels {
        let bits = depths[c].bits
        for i in 0..<planes[c].count {
          var value = planes[c][i]
          // Unsigned samples were shifted down by half their range; signed ones are shown shifted up by it.
          let half = 1 << (bits - 1)
          value = Swift.min(Swift.max(value + half, 0), 2 * half - 1)
          value = bits > 8 ? (value + 1 << (bits - 9)) >> (bits - 8) : value << (8 - bits)
          let at = (area.y0 - image.y0 + i / area.width) * width + area.x0 - image.x0 + i % area.width
          out[at * channels + c] = UInt8(truncatingIfNeeded: Swift.min(value, 255))
        }
      }
    }
    return try DecodedImage(width: width, height: height, channels: channels, samples: out)
  }
}
