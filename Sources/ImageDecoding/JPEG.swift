extension ImageFormat {
  /// JPEG (ITU-T T.81): baseline, extended and progressive, 8 bits, Huffman-coded, with the arithmetic of libjpeg-turbo's
  /// accurate decoder: its integer transform, its linear ("fancy") chroma upsampling and its colour tables.
  static let jpeg = ImageFormat(
    "JPEG", matches: { $0.hasPrefix([0xFF, 0xD8, 0xFF]) },
    decode: { bytes, limits in
      var decoder = JPEGDecoder(bytes, limits)
      try decoder.read()
      return try JPEGPixels(decoder.frame).image()
    })
}

/// One colour component of a frame, with its coefficients.
struct JPEGComponent {
  var id = 0
  /// Sampling factors.
  var h = 1
  var v = 1
  var quantizer = 0
  /// Blocks that have samples of the image.
  var blocksAcross = 0
  var blocksDown = 0
  /// Blocks of a row, those that only complete the last MCU included.
  var stride = 0
  /// `[block, 64]`, in natural order.
  var coefficients: [Int16] = []
  /// In natural order; empty: not yet defined.
  var quantization: [Int] = []
}

/// What the markers of a JPEG stream say.
struct JPEGFrame {
  var width = 0
  var height = 0
  var components: [JPEGComponent] = []
  var isProgressive = false
  var hasJFIF = false
  /// The colour transform of an Adobe marker.
  var adobe: Int?

  var maxH: Int { components.map(\.h).max() ?? 1 }
  var maxV: Int { components.map(\.v).max() ?? 1 }
}

/// Reads the markers and scans of a JPEG stream.
struct JPEGDecoder {
  private let bytes: ImageBytes
  private let limits: ImageLimits
  private(set) var frame = JPEGFrame()
  private var tables = [[Int]](repeating: [], count: 4)
  private var dc = [JPEGHuffman?](repeating: nil, count: 4)
  private var ac = [JPEGHuffman?](repeating: nil, count: 4)
  private var restartInterval = 0
  private var scans = 0

  init(_ bytes: ImageBytes, _ limits: ImageLimits) {
    self.bytes = bytes
    self.limits = limits
  }

  /// Zigzag index to natural index.
  static let natural = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
    47, 55, 62, 63,
  ]

  /// Reads up to the end marker.
  mutating func read() throws {
    var at = 2
    while true {
      guard try bytes.byte(at) == 0xFF else {
        // Bytes between segments are passed over, as decoders do.
        at += 1
        continue
      }
      let marker = try bytes.byte(at + 1)
      if marker == 0xFF {
        at += 1
        continue
      }
      at += 2
      if marker == 0xD9 { break }
      if marker == 0 || marker == 1 || (0xD0...0xD8).contains(marker) { continue }
      let length = try bytes.big16(at)
      guard length >= 2 else { throw ImageError(.damaged, "a JPEG segment of \(length) bytes") }
      let end = at + length
      _ = try bytes.slice(at, length)
      at += 2
      switch marker {
      case 0xDB: try quantization(at, end)
      case 0xC4: try huffman(at, end)
      case 0xC0, 0xC1, 0xC2: try start(at, end, isProgressive: marker == 0xC2)
      case 0xC3, 0xC5...0xC7, 0xC9...0xCB, 0xCD...0xCF:
        throw ImageError(.unsupported, "a JPEG that is lossless, hierarchical or coded arithmetically")
      case 0xDD: restartInterval = try bytes.big16(at)
      case 0xE0 where length >= 7: frame.hasJFIF = frame.hasJFIF || bytes.hasPrefix(Array("JFIF\0".utf8), at: at)
      case 0xEE where length >= 14 && bytes.hasPrefix(Array("Adobe".utf8), at: at):
        frame.adobe = try bytes.byte(at + 11)
      case 0xDA:
        at = try scan(at, end)
        continue
      default: break
      }
      at = end
    }
    guard scans > 0 else { throw ImageError(.damaged, "a JPEG without a scan") }
  }

  private mutating func quantization(_ start: Int, _ end: Int) throws {
    var at = start
    while at < end {
      let (wide, index) = (try bytes.byte(at) >> 4, try bytes.byte(at) & 15)
      guard wide < 2, index < 4, at + 1 + 64 * (wide + 1) <= end else {
        throw ImageError(.damaged, "a JPEG quantisation table")
      }
      var table = [Int](repeating: 0, count: 64)
      for i in 0..<64 {
        table[JPEGDecoder.natural[i]] = try wide == 1 ? bytes.big16(at + 1 + 2 * i) : bytes.byte(at + 1 + i)
      }
      tables[index] = table
      at += 1 + 64 * (wide + 1)
    }
  }

  private mutating func huffman(_ start: Int, _ end: Int) throws {
    var at = start
    while at < end {
      let (kind, index) = (try bytes.byte(at) >> 4, try bytes.byte(at) & 15)
      let counts = try (0..<16).map { try bytes.byte(at + 1 + $0) }
      let total = counts.reduce(0, +)
      guard kind < 2, index < 4, total <= 256, at + 17 + total <= end else {
        throw ImageError(.damaged, "a JPEG Huffman table")
      }
      let table = try JPEGHuffman(counts: counts, values: Array(bytes.slice(at + 17, total)))
      if kind == 0 { dc[index] = table } else { ac[index] = table }
      at += 17 + total
    }
  }

  private mutating func start(_ at: Int, _ end: Int, isProgressive: Bool) throws {
    guard frame.components.isEmpty else { throw ImageError(.damaged, "a JPEG with two frames") }
    let precision = try bytes.byte(at)
    guard precision == 8 else { throw ImageError(.unsupported, "a JPEG of \(precision) bits") }
    (frame.height, frame.width) = (try bytes.big16(at + 1), try bytes.big16(at + 3))
    try limits.check(frame.width, frame.height)
    let count = try bytes.byte(at + 5)
    guard count == 1 || count == 3 || count == 4, at + 6 + 3 * count <= end else {
      throw ImageError(.unsupported, "a JPEG of \(count) components")
    }
    frame.isProgressive = isProgressive
    var components: [JPEGComponent] = []
    for i in 0..<count {
      let (id, factors) = (try bytes.byte(at + 6 + 3 * i), try bytes.byte(at + 7 + 3 * i))
      var c = JPEGComponent(id: id, h: factors >> 4, v: factors & 15)
      c.quantizer = try bytes.byte(at + 8 + 3 * i)
      guard (1...4).contains(c.h), (1...4).contains(c.v), c.quantizer < 4 else {
        throw ImageError(.damaged, "a JPEG component sampled \(c.h)x\(c.v)")
      }
      components.append(c)
    }
    frame.components = components
    let (maxH, maxV) = (frame.maxH, frame.maxV)
    let across = (frame.width + 8 * maxH - 1) / (8 * maxH)
    let down = (frame.height + 8 * maxV - 1) / (8 * maxV)
    for i in frame.components.indices {
      let (h, v) = (frame.components[i].h, frame.components[i].v)
      guard maxH % h == 0, maxV % v == 0 else {
        throw ImageError(.unsupported, "a JPEG component sampled \(h)x\(v) of \(maxH)x\(maxV)")
      }
      frame.components[i].blocksAcross = ((frame.width * h + maxH - 1) / maxH + 7) / 8
      frame.components[i].blocksDown = ((frame.height * v + maxV - 1) / maxV + 7) / 8
      frame.components[i].stride = across * h
      frame.components[i].coefficients = [Int16](repeating: 0, count: across * h * down * v * 64)
    }
  }

  /// Reads a scan's header and data; returns where the next marker begins.
  private mutating func scan(_ at: Int, _ end: Int) throws -> Int {
    let count = try bytes.byte(at)
    guard (1...4).contains(count), at + 4 + 2 * count <= end, !frame.components.isEmpty else {
      throw ImageError(.damaged, "a JPEG scan of \(count) components")
    }
    scans += 1
    // A progressive image needs few scans; each costs a pass over the whole image.
    guard scans <= 256 else { throw ImageError(.limit, "a JPEG of more than 256 scans") }
    var members: [JPEGScan.Member] = []
    for i in 0..<count {
      let (id, selectors) = (try bytes.byte(at + 1 + 2 * i), try bytes.byte(at + 2 + 2 * i))
      guard let index = frame.components.firstIndex(where: { $0.id == id }),
        !members.contains(where: { $0.component == index }), selectors >> 4 < 4, selectors & 15 < 4
      else { throw ImageError(.damaged, "a JPEG scan of a component \(id) that is not known") }
      members.append(.init(component: index, dc: dc[selectors >> 4], ac: ac[selectors & 15]))
      if frame.components[index].quantization.isEmpty {
        frame.components[index].quantization = tables[frame.components[index].quantizer]
      }
    }
    let tail = at + 1 + 2 * count
    var scan = JPEGScan(
      bits: JPEGBits(bytes, at: end), members: members, first: try bytes.byte(tail), last: try bytes.byte(tail + 1),
      high: try bytes.byte(tail + 2) >> 4, low: try bytes.byte(tail + 2) & 15, restartInterval: restartInterval)
    if !frame.isProgressive { (scan.first, scan.last, scan.high, scan.low) = (0, 63, 0, 0) }
    guard scan.first <= scan.last, scan.last < 64, scan.low < 14, scan.first == 0 || count == 1,
      !frame.isProgressive || scan.first > 0 || scan.last == 0
    else { throw ImageError(.damaged, "a JPEG scan of coefficients \(scan.first) to \(scan.last)") }
    try scan.run(&frame)
    return scan.bits.at
  }
}
