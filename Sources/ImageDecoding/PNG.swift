extension ImageFormat {
  /// Portable Network Graphics (ISO/IEC 15948), every colour type, depth and interlacing. Transparency is left out; of 16
  /// bits the upper 8 stay.
  static let png = ImageFormat(
    "PNG", matches: { $0.hasPrefix([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) },
    decode: { try PNGDecoder($0, $1).image() })
}

private struct PNGDecoder {
  private var width = 0
  private var height = 0
  private var depth = 0
  private var colourType = 0
  private var isInterlaced = false
  private var palette: ArraySlice<UInt8> = []
  private var data: [UInt8] = []

  /// Reads the chunks.
  init(_ bytes: ImageBytes, _ limits: ImageLimits) throws {
    var at = 8
    var isFirst = true
    while true {
      let length = try bytes.big32(at)
      let type = try Array(bytes.slice(at + 4, 4))
      let content = try bytes.slice(at + 8, length)
      let isCritical = type[0] & 0x20 == 0
      if isCritical {
        guard try Inflate.crc32(bytes.slice(at + 4, length + 4)) == bytes.big32(at + 8 + length) else {
          throw ImageError(.damaged, "a PNG chunk's checksum is wrong")
        }
      }
      guard isFirst == (type == Array("IHDR".utf8)) else { throw ImageError(.damaged, "PNG chunks are out of order") }
      isFirst = false
      switch String(decoding: type, as: UTF8.self) {
      case "IHDR": try header(bytes, at + 8, length, limits)
      case "PLTE": palette = content
      case "IDAT": data += content
      case "IEND": return
      case let name where isCritical: throw ImageError(.damaged, "a PNG chunk \"\(name)\" is not known")
      default: break
      }
      at += 12 + length
    }
  }

  private mutating func header(_ bytes: ImageBytes, _ at: Int, _ length: Int, _ limits: ImageLimits) throws {
    guard length == 13 else { throw ImageError(.damaged, "a PNG header of \(length) bytes") }
    (width, height) = (try bytes.big32(at), try bytes.big32(at + 4))
    (depth, colourType) = (try bytes.byte(at + 8), try bytes.byte(at + 9))
    let interlacing = try bytes.byte(at + 12)
    try limits.check(width, height)
    let depths: [Int]
    switch colourType {
    case 0: depths = [1, 2, 4, 8, 16]
    case 3: depths = [1, 2, 4, 8]
    case 2, 4, 6: depths = [8, 16]
    default: depths = []
    }
    guard depths.contains(depth), try bytes.byte(at + 10) == 0, try bytes.byte(at + 11) == 0, interlacing < 2 else {
      throw ImageError(.damaged, "a PNG of colour type \(colourType) with \(depth) bits")
    }
    isInterlaced = interlacing == 1
  }

  /// Samples of a pixel as they are stored.
  private var stored: Int { [1, 0, 3, 1, 2, 0, 4][colourType] }

  private func rowBytes(_ columns: Int) -> Int { (columns * stored * depth + 7) / 8 }

  /// Where the pixels of a pass lie.
  private struct Pass {
    var x = 0, y = 0, dx = 1, dy = 1
  }

  private var passes: [Pass] {
    guard isInterlaced else { return [Pass()] }
    return [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)].map {
      Pass(x: $0.0, y: $0.1, dx: $0.2, dy: $0.3)
    }
  }

  func image() throws -> DecodedImage {
    let sizes = passes.map { pass in
      let columns = Swift.max(0, (width - pass.x + pass.dx - 1) / pass.dx)
      let rows = Swift.max(0, (height - pass.y + pass.dy - 1) / pass.dy)
      return columns == 0 ? (columns: 0, rows: 0) : (columns: columns, rows: rows)
    }
    let total = sizes.reduce(0) { $0 + $1.rows * (rowBytes($1.columns) + 1) }
    var raw = try Inflate.bytes(data, count: total)
    let channels = colourType == 0 || colourType == 4 ? 1 : 3
    if colourType == 3, palette.isEmpty || palette.count % 3 != 0 || palette.count > 768 {
      throw ImageError(.damaged, "a PNG palette of \(palette.count) bytes")
    }
    var out = [UInt8](repeating: 0, count: width * height * channels)
    var start = 0
    for (pass, size) in zip(passes, sizes) where size.rows > 0 {
      let length = rowBytes(size.columns)
      for row in 0..<size.rows {
        try unfilter(&raw, start, length, isFirst: row == 0)
        for column in 0..<size.columns {
          let pixel = (pass.y + row * pass.dy) * width + pass.x + column * pass.dx
          copy(raw, start + 1, column, &out, pixel * channels)
        }
        start += length + 1
      }
    }
    return try DecodedImage(width: width, height: height, channels: channels, samples: out)
  }

  /// Undoes the filter of the row whose filter byte lies at `start`.
  private func unfilter(_ raw: inout [UInt8], _ start: Int, _ length: Int, isFirst: Bool) throws {
    let filter = raw[start]
    guard filter <= 4 else { throw ImageError(.damaged, "PNG filter \(filter)") }
    if filter == 0 { return }
    let step = Swift.max(1, stored * depth / 8)
    for i in 0..<length {
      let at = start + 1 + i
      let left = i >= step ? raw[at - step] : 0
      let up = isFirst ? 0 : raw[at - length - 1]
      switch filter {
      case 1: raw[at] &+= left
      case 2: raw[at] &+= up
      case 3: raw[at] &+= UInt8((Int(left) + Int(up)) / 2)
      default:
        let corner = i >= step && !isFirst ? raw[at - length - 1 - step] : 0
        let p = Int(left) + Int(up) - Int(corner)
        let (a, b, c) = (Swift.abs(p - Int(left)), Swift.abs(p - Int(up)), Swift.abs(p - Int(corner)))
        raw[at] &+= a <= b && a <= c ? left : b <= c ? up : corner
      }
    }
  }

  /// Copies the pixel of a row to `to`.
  @inline(__always)
  private func copy(_ raw: [UInt8], _ row: Int, _ column: Int, _ out: inout [UInt8], _ to: Int) {
    switch colourType {
    case 0, 3:
      var value: Int
      if depth >= 8 {
        value = Int(raw[row + column * depth / 8])
      } else {
        let bit = column * depth
        value = Int(raw[row + bit / 8]) >> (8 - depth - bit % 8) & ((1 << depth) - 1)
      }
      if colourType == 0 {
        if depth < 8 { value = value * 255 / ((1 << depth) - 1) }
        out[to] = UInt8(truncatingIfNeeded: value)
      } else if 3 * value + 2 < palette.count {
        let entry = palette.startIndex + 3 * value
        for c in 0..<3 { out[to + c] = palette[entry + c] }
      }
    case 4: out[to] = raw[row + column * 2 * depth / 8]
    default:
      let each = depth / 8
      for c in 0..<3 { out[to + c] = raw[row + (column * stored + c) * each] }
    }
  }
}
