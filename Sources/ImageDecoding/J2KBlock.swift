/// The arithmetic decoder of JPEG 2000 (T.800, annex C).
struct J2KArithmetic {
  /// For each state: probability, next state after the likely symbol, after the other, and whether they change places.
  private static let states: [(qe: Int, likely: Int, other: Int, swaps: Bool)] = [
    (0x5601, 1, 1, true), (0x3401, 2, 6, false), (0x1801, 3, 9, false), (0x0AC1, 4, 12, false),
    (0x0521, 5, 29, false), (0x0221, 38, 33, false), (0x5601, 7, 6, true), (0x5401, 8, 14, false),
    (0x4801, 9, 14, false), (0x3801, 10, 14, false), (0x3001, 11, 17, false), (0x2401, 12, 18, false),
    (0x1C01, 13, 20, false), (0x1601, 29, 21, false), (0x5601, 15, 14, true), (0x5401, 16, 14, false),
    (0x5101, 17, 15, false), (0x4801, 18, 16, false), (0x3801, 19, 17, false), (0x3401, 20, 18, false),
    (0x3001, 21, 19, false), (0x2801, 22, 19, false), (0x2401, 23, 20, false), (0x2201, 24, 21, false),
    (0x1C01, 25, 22, false), (0x1801, 26, 23, false), (0x1601, 27, 24, false), (0x1401, 28, 25, false),
    (0x1201, 29, 26, false), (0x1101, 30, 27, false), (0x0AC1, 31, 28, false), (0x09C1, 32, 29, false),
    (0x08A1, 33, 30, false), (0x0521, 34, 31, false), (0x0441, 35, 32, false), (0x02A1, 36, 33, false),
    (0x0221, 37, 34, false), (0x0141, 38, 35, false), (0x0111, 39, 36, false), (0x0085, 40, 37, false),
    (0x0049, 41, 38, false), (0x0025, 42, 39, false), (0x0015, 43, 40, false), (0x0009, 44, 41, false),
    (0x0005, 45, 42, false), (0x0001, 45, 43, false), (0x5601, 46, 46, false),
  ]

  private let bytes: [UInt8]
  private var at = 0
  private var c = 0
  private var a = 0x8000
  private var ct = 0
  private var state = [Int](repeating: 0, count: 19)
  private var symbol = [Int](repeating: 0, count: 19)

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    reset()
    c = byte(0) << 16
    readByte()
    c <<= 7
    ct -= 7
  }

  /// Puts all contexts back.
  mutating func reset() {
    for i in 0..<19 { (state[i], symbol[i]) = (0, 0) }
    (state[0], state[17], state[18]) = (4, 3, 46)
  }

  /// Ones follow the end.
  @inline(__always) private func byte(_ i: Int) -> Int { i < bytes.count ? Int(bytes[i]) : 0xFF }

  private mutating func readByte() {
    if byte(at) == 0xFF {
      if byte(at + 1) > 0x8F {
        c += 0xFF00
        ct = 8
      } else {
        at += 1
        c += byte(at) << 9
        ct = 7
      }
    } else {
      at += 1
      c += byte(at) << 8
      ct = 8
    }
  }

  @inline(__always)
  mutating func bit(_ context: Int) -> Int {
    let entry = J2KArithmetic.states[state[context]]
    a -= entry.qe
    let isUpper = c >> 16 >= entry.qe
    if isUpper {
      c -= entry.qe << 16
      if a & 0x8000 != 0 { return symbol[context] }
    }
    // The smaller part stands for the unlikely symbol.
    let isLikely = isUpper == (a >= entry.qe)
    if !isUpper { a = entry.qe }
    var value = symbol[context]
    if isLikely {
      state[context] = entry.likely
    } else {
      value = 1 - value
      if entry.swaps { symbol[context] = value }
      state[context] = entry.other
    }
    repeat {
      if ct == 0 { readByte() }
      a <<= 1
      c = c << 1 & 0xFFFF_FFFF
      ct -= 1
    } while a & 0x8000 == 0
    return value
  }
}

/// Decodes the coefficients of a code-block, bit plane by bit plane (T.800, annex D).
struct J2KBlock {
  /// Which neighbours count for the contexts of a band.
  enum Band { case low, horizontal, vertical, diagonal }

  private let width: Int
  private let height: Int
  private let band: Band
  private let isCausal: Bool
  private var arithmetic: J2KArithmetic
  /// Twice the magnitudes, with half a step added where bits are missing.
  private var magnitudes: [Int]
  /// With a border of one: significant (1), negative (2), visited in this plane (4), refined (8).
  private var flags: [UInt8]
  private let stride: Int

  init(_ bytes: [UInt8], _ width: Int, _ height: Int, _ band: Band, isCausal: Bool) {
    self.width = width
    self.height = height
    self.band = band
    self.isCausal = isCausal
    arithmetic = J2KArithmetic(bytes)
    magnitudes = [Int](repeating: 0, count: width * height)
    stride = width + 2
    flags = [UInt8](repeating: 0, count: stride * (height + 2))
  }

  /// Twice the coefficients after `passes` passes, the first over bit plane `planes - 1`.
  mutating func decode(passes: Int, planes: Int, _ coding: J2KCoding) throws -> [Int] {
    var (plane, kind) = (planes, 2)
    for _ in 0..<passes {
      guard plane > 0 else { throw ImageError(.damaged, "a JPEG 2000 code-block has too many passes") }
      switch kind {
      case 0: significance(plane)
      case 1: refinement(plane)
      default:
        cleanup(plane)
        if coding.hasMarks { for _ in 0..<4 { _ = arithmetic.bit(18) } }
      }
      if coding.resets { arithmetic.reset() }
      kind = (kind + 1) % 3
      if kind == 0 { plane -= 1 }
    }
    return (0..<magnitudes.count).map { i in
      flags[(i / width + 1) * stride + i % width + 1] & 2 != 0 ? -magnitudes[i] : magnitudes[i]
    }
  }

  @inline(__always) private func at(_ x: Int, _ y: Int) -> Int { (y + 1) * stride + x + 1 }

  /// How many neighbours are significant: horizontal, vertical, diagonal.
  @inline(__always)
  private func neighbours(_ f: Int, _ y: Int) -> (h: Int, v: Int, d: Int) {
    let below = isCausal && y % 4 == 3 ? 0 : 1
    func s(_ i: Int) -> Int { Int(flags[i] & 1) }
    return (
      s(f - 1) + s(f + 1), s(f - stride) + below * s(f + stride),
      s(f - stride - 1) + s(f - stride + 1) + below * (s(f + stride - 1) + s(f + stride + 1))
    )
  }

  private func zeroContext(_ f: Int, _ y: Int) -> Int {
    var (h, v, d) = neighbours(f, y)
    if band == .diagonal {
      let sides = h + v
      if d >= 3 { return 8 }
      if d == 2 { return sides >= 1 ? 7 : 6 }
      if d == 1 { return sides >= 2 ? 5 : sides == 1 ? 4 : 3 }
      return Swift.min(sides, 2)
    }
    if band == .horizontal { swap(&h, &v) }
    if h == 2 { return 8 }
    if h == 1 { return v >= 1 ? 7 : d >= 1 ? 6 : 5 }
    if v > 0 { return v == 2 ? 4 : 3 }
    d = Swift.min(d, 2)
    return d
  }

  /// Makes a coefficient significant and reads its sign.
  private mutating func become(_ x: Int, _ y: Int, _ f: Int, _ plane: Int) {
    func sign(_ i: Int) -> Int { flags[i] & 1 == 0 ? 0 : flags[i] & 2 == 0 ? 1 : -1 }
    let below = isCausal && y % 4 == 3 ? 0 : sign(f + stride)
    var h = Swift.min(Swift.max(sign(f - 1) + sign(f + 1), -1), 1)
    var v = Swift.min(Swift.max(sign(f - stride) + below, -1), 1)
    let isTurned = h < 0 || h == 0 && v < 0
    if isTurned { (h, v) = (-h, -v) }
    let context = h == 1 ? 12 + v : 9 + v
    let isNegative = arithmetic.bit(context) == 1
    flags[f] |= isNegative != isTurned ? 3 : 1
    magnitudes[y * width + x] = 3 << (plane - 1)
  }

  private mutating func significance(_ plane: Int) {
    for top in Swift.stride(from: 0, to: height, by: 4) {
      for x in 0..<width {
        for y in top..<Swift.min(top + 4, height) {
          let f = at(x, y)
          guard flags[f] & 1 == 0 else { continue }
          let context = zeroContext(f, y)
          guard context > 0 else { continue }
          if arithmetic.bit(context) == 1 { become(x, y, f, plane) }
          flags[f] |= 4
        }
      }
    }
  }

  private mutating func refinement(_ plane: Int) {
    for top in Swift.stride(from: 0, to: height, by: 4) {
      for x in 0..<width {
        for y in top..<Swift.min(top + 4, height) {
          let f = at(x, y)
          guard flags[f] & 5 == 1 else { continue }
          var context = 16
          if flags[f] & 8 == 0 {
            let (h, v, d) = neighbours(f, y)
            context = h + v + d > 0 ? 15 : 14
          }
          let half = 1 << (plane - 1)
          magnitudes[y * width + x] += arithmetic.bit(context) == 1 ? half : -half
          flags[f] |= 8
        }
      }
    }
  }

  private mutating func cleanup(_ plane: Int) {
    for top in Swift.stride(from: 0, to: height, by: 4) {
      for x in 0..<width {
        var y = top
        let end = Swift.min(top + 4, height)
        if top + 4 <= height, (top..<end).allSatisfy({ flags[at(x, $0)] & 5 == 0 && zeroContext(at(x, $0), $0) == 0 }) {
          if arithmetic.bit(17) == 0 { continue }
          y += arithmetic.bit(18) << 1
          y += arithmetic.bit(18)
          become(x, y, at(x, y), plane)
          y += 1
        }
        while y < end {
          let f = at(x, y)
          if flags[f] & 5 == 0, arithmetic.bit(zeroContext(f, y)) == 1 { become(x, y, f, plane) }
          y += 1
        }
      }
    }
    for i in flags.indices { flags[i] &= ~4 }
  }
}
