/// A transform of lossless WebP (RFC 9649, section 3.5) over ARGB pixels.
struct VP8LTransform {
  /// 0: prediction, 1: colours from colours, 2: green subtracted, 3: a palette.
  var kind: Int
  /// The extents of the image that comes out.
  var width: Int
  var height: Int
  /// Blocks have `1 << bits` pixels a side; palette indices are packed by that number.
  var bits = 0
  /// What each block says, or the palette.
  var data: [UInt32] = []

  init(kind: Int, width: Int, height: Int) {
    self.kind = kind
    self.width = width
    self.height = height
  }

  /// How many blocks cover `size` pixels.
  static func blocks(_ size: Int, _ bits: Int) -> Int { (size + 1 << bits - 1) >> bits }

  /// Channel by channel, modulo 256.
  @inline(__always)
  static func sum(_ a: UInt32, _ b: UInt32) -> UInt32 {
    ((a & 0xFF00_FF00) &+ (b & 0xFF00_FF00)) & 0xFF00_FF00 | ((a & 0x00FF_00FF) &+ (b & 0x00FF_00FF)) & 0x00FF_00FF
  }

  func inverse(_ pixels: [UInt32]) -> [UInt32] {
    switch kind {
    case 0: predicted(pixels)
    case 1: coloured(pixels)
    case 2:
      pixels.map { p in
        let green = p >> 8 & 0xFF
        return VP8LTransform.sum(p, green << 16 | green)
      }
    default: indexed(pixels)
    }
  }

  private func coloured(_ pixels: [UInt32]) -> [UInt32] {
    var out = pixels
    let across = VP8LTransform.blocks(width, bits)
    func signed(_ v: UInt32) -> Int { Int(Int8(truncatingIfNeeded: v)) }
    for y in 0..<height {
      for x in 0..<width {
        let m = data[y >> bits * across + x >> bits]
        let p = out[y * width + x]
        let green = signed(p >> 8)
        let red = Int(p >> 16 & 0xFF) + (signed(m) * green) >> 5
        var blue = Int(p & 0xFF) + (signed(m >> 8) * green) >> 5
        blue += (signed(m >> 16) * Int(Int8(truncatingIfNeeded: red))) >> 5
        out[y * width + x] =
          p & 0xFF00_FF00 | UInt32(truncatingIfNeeded: red & 0xFF) << 16 | UInt32(truncatingIfNeeded: blue & 0xFF)
      }
    }
    return out
  }

  private func indexed(_ pixels: [UInt32]) -> [UInt32] {
    var out = [UInt32](repeating: 0, count: width * height)
    let packed = VP8LTransform.blocks(width, bits)
    let each = 8 >> bits
    for y in 0..<height {
      for x in 0..<width {
        let from = pixels[y * packed + x >> bits] >> 8 & 0xFF
        let shift = (x & (1 << bits - 1)) * each
        let index = Int(from >> UInt32(shift)) & (1 << each - 1)
        out[y * width + x] = index < data.count ? data[index] : 0
      }
    }
    return out
  }

  private func predicted(_ pixels: [UInt32]) -> [UInt32] {
    var out = pixels
    let across = VP8LTransform.blocks(width, bits)
    for y in 0..<height {
      for x in 0..<width {
        let at = y * width + x
        let guess: UInt32
        if x == 0 || y == 0 {
          guess = x == 0 && y == 0 ? 0xFF00_0000 : y == 0 ? out[at - 1] : out[at - width]
        } else {
          // To the right above the last pixel of a row lies the first of the row itself.
          guess = VP8LTransform.prediction(
            Int(data[y >> bits * across + x >> bits] >> 8 & 15), out[at - 1], out[at - width], out[at - width + 1],
            out[at - width - 1])
        }
        out[at] = VP8LTransform.sum(out[at], guess)
      }
    }
    return out
  }

  /// Of the pixels to the left, above, above to the right and above to the left.
  private static func prediction(_ mode: Int, _ l: UInt32, _ t: UInt32, _ tr: UInt32, _ tl: UInt32) -> UInt32 {
    switch mode {
    case 1: l
    case 2: t
    case 3: tr
    case 4: tl
    case 5: mean(mean(l, tr), t)
    case 6: mean(l, tl)
    case 7: mean(l, t)
    case 8: mean(tl, t)
    case 9: mean(t, tr)
    case 10: mean(mean(l, tl), mean(t, tr))
    case 11: select(l, t, tl)
    case 12: each(l, t, tl) { $0 + $1 - $2 }
    case 13: each(mean(l, t), tl, 0) { a, b, _ in a + (a - b) / 2 }
    default: 0xFF00_0000
    }
  }

  @inline(__always)
  private static func mean(_ a: UInt32, _ b: UInt32) -> UInt32 { ((a ^ b) & 0xFEFE_FEFE) >> 1 &+ (a & b) }

  @inline(__always)
  private static func each(_ a: UInt32, _ b: UInt32, _ c: UInt32, _ body: (Int, Int, Int) -> Int) -> UInt32 {
    var out: UInt32 = 0
    for shift: UInt32 in [0, 8, 16, 24] {
      let value = body(Int(a >> shift & 0xFF), Int(b >> shift & 0xFF), Int(c >> shift & 0xFF))
      out |= UInt32(truncatingIfNeeded: Swift.min(Swift.max(value, 0), 255)) << shift
    }
    return out
  }

  private static func select(_ l: UInt32, _ t: UInt32, _ tl: UInt32) -> UInt32 {
    var (left, top) = (0, 0)
    for shift: UInt32 in [0, 8, 16, 24] {
      let corner = Int(tl >> shift & 0xFF)
      left += Swift.abs(Int(t >> shift & 0xFF) - corner)
      top += Swift.abs(Int(l >> shift & 0xFF) - corner)
    }
    return left < top ? l : t
  }
}
