/// A key frame of VP8 (RFC 6386).
struct VP8Frame {
  private let bytes: ImageBytes
  private let width: Int
  private let height: Int
  /// Macroblocks.
  private let across: Int
  private let down: Int
  private var header: VP8Bits
  private var tokens: [VP8Bits] = []
  private var probabilities = VP8Tables.coefficients
  private var skipProbability: Int?
  private var segments = VP8Segments()
  private var filter = VP8Filter()
  private var quantizers: [VP8Quantizer] = []
  private var planes: VP8Planes
  private var blocks: [VP8Filter.Block] = []

  init(_ bytes: ImageBytes, _ limits: ImageLimits) throws {
    self.bytes = bytes
    let tag = try bytes.little16(0) | bytes.byte(2) << 16
    guard tag & 1 == 0, bytes.hasPrefix([0x9D, 0x01, 0x2A], at: 3), tag >> 1 & 7 < 4 else {
      throw ImageError(.damaged, "a VP8 image that does not begin with a key frame")
    }
    (width, height) = (try bytes.little16(6) & 0x3FFF, try bytes.little16(8) & 0x3FFF)
    try limits.check(width, height)
    (across, down) = ((width + 15) / 16, (height + 15) / 16)
    let first = 10 + tag >> 5
    header = try VP8Bits(bytes, 10, first)
    planes = VP8Planes(across: across, down: down)
    _ = try header.number(2)
    try segments.read(&header)
    try filter.read(&header)
    try partitions(first, count: 1 << header.number(2))
    try quantization()
    _ = try header.flag()
    for i in probabilities.indices where try header.bit(Int(VP8Tables.updates[i])) {
      probabilities[i] = UInt8(truncatingIfNeeded: try header.number(8))
    }
    if try header.flag() { skipProbability = try header.number(8) }
  }

  private mutating func partitions(_ first: Int, count: Int) throws {
    var at = first + 3 * (count - 1)
    for i in 0..<count {
      let size =
        try i == count - 1 ? bytes.count - at : bytes.little16(first + 3 * i) | bytes.byte(first + 3 * i + 2) << 16
      tokens.append(try VP8Bits(bytes, at, at + size))
      at += size
    }
  }

  private mutating func quantization() throws {
    let base = try header.number(7)
    let deltas = try (0..<5).map { _ in try header.optionalSigned(4) }
    quantizers = (0..<4).map { i in
      let own = segments.isEnabled ? segments.quantizers[i] + (segments.isAbsolute ? 0 : base) : base
      return VP8Quantizer(own, deltas)
    }
  }

  // MARK: Macroblocks

  /// Which blocks had coefficients: four of luma, two of each chroma, and that of the luma's DC.
  private struct Context {
    var flags = [Int](repeating: 0, count: 9)
  }

  mutating func decode() throws {
    var above = [Context](repeating: Context(), count: across)
    var modesAbove = [Int](repeating: VP8Mode.dc, count: across * 4)
    var coefficients = [Int](repeating: 0, count: 25 * 16)
    for row in 0..<down {
      var left = Context()
      var modesLeft = [Int](repeating: VP8Mode.dc, count: 4)
      let part = row & (tokens.count - 1)
      for column in 0..<across {
        let segment = try segments.number(&header)
        var isEmpty = false
        if let skipProbability { isEmpty = try header.bit(skipProbability) }
        let (luma, modes) = try lumaModes(&modesAbove, column * 4, &modesLeft)
        let chroma = try chromaMode()
        if isEmpty {
          for i in 0..<8 {
            above[column].flags[i] = 0
            left.flags[i] = 0
          }
          if luma != nil {
            above[column].flags[8] = 0
            left.flags[8] = 0
          }
          for i in coefficients.indices { coefficients[i] = 0 }
        } else {
          isEmpty = try residuals(
            part, quantizers[segment], hasDC: luma != nil, &above[column], &left, &coefficients)
        }
        planes.predict(row, column, luma, modes, chroma, coefficients)
        blocks.append(filter.block(segments, segment, isDivided: luma == nil, hasCoefficients: !isEmpty))
      }
    }
  }

  /// The luma mode, nil for a macroblock whose 16 blocks have modes of their own, and those.
  private mutating func lumaModes(_ above: inout [Int], _ column: Int, _ left: inout [Int]) throws -> (Int?, [Int]) {
    if try header.bit(145) {
      let mode: Int
      if try header.bit(156) {
        mode = try header.bit(128) ? VP8Mode.trueMotion : VP8Mode.horizontal
      } else {
        mode = try header.bit(163) ? VP8Mode.vertical : VP8Mode.dc
      }
      for i in 0..<4 {
        above[column + i] = mode
        left[i] = mode
      }
      return (mode, [])
    }
    var modes: [Int] = []
    for y in 0..<4 {
      for x in 0..<4 {
        let mode = try blockMode((above[column + x] * 10 + left[y]) * 9)
        above[column + x] = mode
        left[y] = mode
        modes.append(mode)
      }
    }
    return (nil, modes)
  }

  /// The tree of a block's mode: pairs of branches, leaves as `-1 - mode`.
  private static let modeTree = [-1, 2, -2, 4, -3, 6, 8, 12, -4, 10, -6, -7, -5, 14, -8, 16, -9, -10]

  private mutating func blockMode(_ base: Int) throws -> Int {
    var node = 0
    repeat {
      node = VP8Frame.modeTree[node + (try header.bit(Int(VP8Tables.modes[base + node / 2])) ? 1 : 0)]
    } while node > 0
    return -1 - node
  }

  private mutating func chromaMode() throws -> Int {
    if try !header.bit(142) { return VP8Mode.dc }
    if try !header.bit(114) { return VP8Mode.vertical }
    return try header.bit(183) ? VP8Mode.trueMotion : VP8Mode.horizontal
  }

  /// Reads the coefficients of a macroblock; returns true when all are zero.
  private mutating func residuals(
    _ part: Int, _ q: VP8Quantizer, hasDC: Bool, _ above: inout Context, _ left: inout Context,
    _ out: inout [Int]
  ) throws -> Bool {
    for i in out.indices { out[i] = 0 }
    var first = 0
    if hasDC {
      let count = try block(part, type: 1, above.flags[8] + left.flags[8], 0, q.y2, &out, 24 * 16)
      above.flags[8] = count > 0 ? 1 : 0
      left.flags[8] = above.flags[8]
      VP8Transform.hadamard(&out)
      first = 1
    }
    for b in 0..<24 {
      // Luma blocks go four in a row, chroma blocks two.
      let isLuma = b < 16
      let plane = isLuma ? 0 : b < 20 ? 4 : 6
      let x = isLuma ? b % 4 : plane + b % 2
      let y = isLuma ? b / 4 : plane + b % 4 / 2
      let start = isLuma ? first : 0
      let type = isLuma ? (hasDC ? 0 : 3) : 2
      let count = try block(part, type: type, above.flags[x] + left.flags[y], start, isLuma ? q.y1 : q.uv, &out, b * 16)
      above.flags[x] = count > start ? 1 : 0
      left.flags[y] = above.flags[x]
    }
    return !out[..<384].contains { $0 != 0 }
  }

  /// Reads one block; returns the place after its last token.
  private mutating func block(
    _ part: Int, type: Int, _ context: Int, _ first: Int, _ q: (dc: Int, ac: Int), _ out: inout [Int], _ base: Int
  ) throws -> Int {
    func node(_ n: Int, _ context: Int) -> Int { ((type * 8 + VP8Tables.bands[n]) * 3 + context) * 11 }
    var n = first
    var p = node(n, context)
    while n < 16 {
      if try !token(part, p) { return n }
      while try !token(part, p + 1) {
        n += 1
        if n == 16 { return 16 }
        p = node(n, 0)
      }
      let value: Int
      if try token(part, p + 2) {
        value = try large(part, p)
        p = node(n + 1, 2)
      } else {
        value = 1
        p = node(n + 1, 1)
      }
      let isNegative = try tokens[part].flag()
      out[base + VP8Tables.zigzag[n]] = (isNegative ? -value : value) * (n > 0 ? q.ac : q.dc)
      n += 1
    }
    return 16
  }

  @inline(__always)
  private mutating func token(_ part: Int, _ index: Int) throws -> Bool {
    try tokens[part].bit(Int(probabilities[index]))
  }

  private mutating func large(_ part: Int, _ p: Int) throws -> Int {
    func extra(_ probability: Int) throws -> Int { try tokens[part].bit(probability) ? 1 : 0 }
    if try !token(part, p + 3) {
      if try !token(part, p + 4) { return 2 }
      return 3 + (try token(part, p + 5) ? 1 : 0)
    }
    if try !token(part, p + 6) {
      if try !token(part, p + 7) { return 5 + (try extra(159)) }
      let high = try extra(165)
      return 7 + 2 * high + (try extra(145))
    }
    let high = try token(part, p + 8) ? 1 : 0
    let category = 2 * high + (try token(part, p + 9 + high) ? 1 : 0)
    var value = 0
    for probability in VP8Tables.categories[category] { value = 2 * value + (try extra(probability)) }
    return value + 3 + 8 << category
  }

  mutating func image() throws -> DecodedImage {
    filter.run(blocks, &planes)
    return try planes.image(width, height)
  }
}
