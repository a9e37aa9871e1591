/// The loop filter of VP8 (RFC 6386, section 15).
struct VP8Filter {
  private var isSimple = false
  private var level = 0
  private var sharpness = 0
  /// What is added to the level of macroblocks of a key frame, and of those that are divided.
  private var deltas = (frame: 0, divided: 0)

  /// How a macroblock is filtered.
  struct Block {
    /// 0: not at all.
    var limit = 0
    var interior = 0
    var variance = 0
    /// The edges inside, too.
    var isInner = false
  }

  mutating func read(_ bits: inout VP8Bits) throws {
    isSimple = try bits.flag()
    level = try bits.number(6)
    sharpness = try bits.number(3)
    guard try bits.flag(), try bits.flag() else { return }
    // Of four kinds of references and four modes only the first of each occurs in a key frame.
    let given = try (0..<8).map { _ in try bits.optionalSigned(6) }
    deltas = (given[0], given[4])
  }

  func block(_ segments: VP8Segments, _ segment: Int, isDivided: Bool, hasCoefficients: Bool) -> Block {
    var own = level
    if segments.isEnabled { own = segments.strengths[segment] + (segments.isAbsolute ? 0 : level) }
    own += deltas.frame + (isDivided ? deltas.divided : 0)
    own = Swift.min(Swift.max(own, 0), 63)
    guard level > 0, own > 0 else { return Block() }
    var interior = own
    if sharpness > 0 { interior = Swift.min(interior >> (sharpness > 4 ? 2 : 1), 9 - sharpness) }
    interior = Swift.max(interior, 1)
    return Block(
      limit: 2 * own + interior, interior: interior, variance: own >= 40 ? 2 : own >= 15 ? 1 : 0,
      isInner: isDivided || hasCoefficients)
  }

  /// Filters the whole frame, macroblock by macroblock.
  func run(_ blocks: [Block], _ planes: inout VP8Planes) {
    let across = (planes.strides[1] - 1) / 8
    for (index, block) in blocks.enumerated() where block.limit > 0 {
      let (row, column) = index.quotientAndRemainder(dividingBy: across)
      for isAcross in [true, false] {
        for plane in 0..<(isSimple ? 1 : 3) {
          let size = plane == 0 ? 16 : 8
          let at = planes.offset(plane, row * size, column * size)
          let (step, along) = isAcross ? (1, planes.strides[plane]) : (planes.strides[plane], 1)
          if isAcross ? column > 0 : row > 0 {
            edge(&planes.samples[plane], at, step, along, size, block, isOuter: true)
          }
          guard block.isInner else { continue }
          for inner in stride(from: 4, to: size, by: 4) {
            edge(&planes.samples[plane], at + inner * step, step, along, size, block, isOuter: false)
          }
        }
      }
    }
  }

  /// Filters across an edge of `count` samples, `along` apart; `step` leads over it.
  private func edge(
    _ s: inout [UInt8], _ start: Int, _ step: Int, _ along: Int, _ count: Int, _ block: Block, isOuter: Bool
  ) {
    let limit = 2 * (block.limit + (isOuter ? 4 : 0)) + 1
    for i in 0..<count {
      let at = start + i * along
      let (p1, p0) = (Int(s[at - 2 * step]), Int(s[at - step]))
      let (q0, q1) = (Int(s[at]), Int(s[at + step]))
      guard 4 * Swift.abs(p0 - q0) + Swift.abs(p1 - q1) <= limit else { continue }
      if isSimple {
        VP8Filter.two(&s, at, step, p1, p0, q0, q1)
        continue
      }
      let (p3, p2) = (Int(s[at - 4 * step]), Int(s[at - 3 * step]))
      let (q2, q3) = (Int(s[at + 2 * step]), Int(s[at + 3 * step]))
      let most = block.interior
      guard Swift.abs(p3 - p2) <= most, Swift.abs(p2 - p1) <= most, Swift.abs(p1 - p0) <= most,
        Swift.abs(q3 - q2) <= most, Swift.abs(q2 - q1) <= most, Swift.abs(q1 - q0) <= most
      else { continue }
      if Swift.abs(p1 - p0) > block.variance || Swift.abs(q1 - q0) > block.variance {
        VP8Filter.two(&s, at, step, p1, p0, q0, q1)
      } else if isOuter {
        let a = VP8Filter.signed(3 * (q0 - p0) + VP8Filter.signed(p1 - q1))
        let (a1, a2, a3) = ((27 * a + 63) >> 7, (18 * a + 63) >> 7, (9 * a + 63) >> 7)
        s[at - 3 * step] = VP8Filter.clamped(p2 + a3)
        s[at - 2 * step] = VP8Filter.clamped(p1 + a2)
        s[at - step] = VP8Filter.clamped(p0 + a1)
        s[at] = VP8Filter.clamped(q0 - a1)
        s[at + step] = VP8Filter.clamped(q1 - a2)
        s[at + 2 * step] = VP8Filter.clamped(q2 - a3)
      } else {
        let a = 3 * (q0 - p0)
        let (a1, a2) = (VP8Filter.narrow((a + 4) >> 3), VP8Filter.narrow((a + 3) >> 3))
        let a3 = (a1 + 1) >> 1
        s[at - 2 * step] = VP8Filter.clamped(p1 + a3)
        s[at - step] = VP8Filter.clamped(p0 + a2)
        s[at] = VP8Filter.clamped(q0 - a1)
        s[at + step] = VP8Filter.clamped(q1 - a3)
      }
    }
  }

  /// Changes the two samples beside the edge.
  @inline(__always)
  private static func two(_ s: inout [UInt8], _ at: Int, _ step: Int, _ p1: Int, _ p0: Int, _ q0: Int, _ q1: Int) {
    let a = 3 * (q0 - p0) + signed(p1 - q1)
    s[at - step] = clamped(p0 + narrow((a + 3) >> 3))
    s[at] = clamped(q0 - narrow((a + 4) >> 3))
  }

  @inline(__always) private static func signed(_ v: Int) -> Int { Swift.min(Swift.max(v, -128), 127) }
  @inline(__always) private static func narrow(_ v: Int) -> Int { Swift.min(Swift.max(v, -16), 15) }
  @inline(__always) private static func clamped(_ v: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: Swift.min(Swift.max(v, 0), 255))
  }
}
