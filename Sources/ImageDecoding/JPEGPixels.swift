/// Makes pixels of a frame's coefficients.
struct JPEGPixels {
  private let frame: JPEGFrame

  init(_ frame: JPEGFrame) { self.frame = frame }

  /// Samples of a component: as many rows and columns as its blocks have.
  private struct Plane {
    var stride: Int
    var samples: [UInt8]
  }

  func image() throws -> DecodedImage {
    let (width, height) = (frame.width, frame.height)
    var planes: [[UInt8]] = []
    for c in frame.components { planes.append(upsampled(c, try plane(c))) }
    if planes.count == 1 {
      return try DecodedImage(width: width, height: height, channels: 1, samples: planes[0])
    }
    var out = [UInt8](repeating: 0, count: width * height * 3)
    let isYCC = hasLuma
    for i in 0..<(width * height) {
      var colour = (Int(planes[0][i]), Int(planes[1][i]), Int(planes[2][i]))
      if isYCC { colour = JPEGPixels.rgb(colour.0, colour.1 - 128, colour.2 - 128) }
      if planes.count == 4 {
        // What is stored is ink; Adobe's files hold its complement, and YCCK that of RGB.
        if isYCC { colour = (255 - colour.0, 255 - colour.1, 255 - colour.2) }
        var black = Int(planes[3][i])
        if frame.adobe != nil {
          colour = (255 - colour.0, 255 - colour.1, 255 - colour.2)
          black = 255 - black
        }
        let light = 255 - black
        colour = (
          light - JPEGPixels.product(colour.0, light), light - JPEGPixels.product(colour.1, light),
          light - JPEGPixels.product(colour.2, light)
        )
      }
      out[3 * i] = JPEGPixels.clamped(colour.0)
      out[3 * i + 1] = JPEGPixels.clamped(colour.1)
      out[3 * i + 2] = JPEGPixels.clamped(colour.2)
    }
    return try DecodedImage(width: width, height: height, channels: 3, samples: out)
  }

  /// True when the first three components are luma and chroma, by the rules of libjpeg.
  private var hasLuma: Bool {
    if frame.components.count == 4 { return frame.adobe == 2 }
    if frame.hasJFIF { return true }
    if let adobe = frame.adobe { return adobe != 0 }
    return frame.components.map(\.id) != [0x52, 0x47, 0x42]
  }

  @inline(__always)
  private static func clamped(_ v: Int) -> UInt8 { UInt8(truncatingIfNeeded: Swift.min(Swift.max(v, 0), 255)) }

  /// `a * b / 255`, rounded.
  private static func product(_ a: Int, _ b: Int) -> Int {
    let t = a * b + 128
    return (t >> 8 + t) >> 8
  }

  /// RGB of luma and centred chroma, in 16-bit fixed point.
  @inline(__always)
  private static func rgb(_ y: Int, _ cb: Int, _ cr: Int) -> (Int, Int, Int) {
    let half = 1 << 15
    let r = y + (91881 * cr + half) >> 16
    let g = y + (-22554 * cb + half - 46802 * cr) >> 16
    let b = y + (116130 * cb + half) >> 16
    return (Int(clamped(r)), Int(clamped(g)), Int(clamped(b)))
  }

  private func plane(_ c: JPEGComponent) throws -> Plane {
    guard c.quantization.count == 64 else { throw ImageError(.damaged, "a JPEG quantisation table is missing") }
    let stride = c.stride * 8
    let blocks = c.coefficients.count / 64
    var samples = [UInt8](repeating: 0, count: blocks * 64)
    var work = [Int](repeating: 0, count: 64)
    for block in 0..<blocks {
      JPEGPixels.inverse(c.coefficients, block * 64, c.quantization, &work)
      let to = block / c.stride * 8 * stride + block % c.stride * 8
      for i in 0..<64 { samples[to + i / 8 * stride + i % 8] = JPEGPixels.clamped(work[i] + 128) }
    }
    return Plane(stride: stride, samples: samples)
  }

  /// The inverse transform of Loeffler, Ligtenberg and Moschytz (1989) in 13-bit fixed point, as libjpeg's `jidctint` has
  /// it: dequantised columns first, then rows.
  private static func inverse(_ from: [Int16], _ base: Int, _ quantization: [Int], _ work: inout [Int]) {
    for i in 0..<64 { work[i] = Int(from[base + i]) &* quantization[i] }
    for x in 0..<8 { line(&work, x, 8, 11, isFirst: true) }
    for y in 0..<8 { line(&work, y * 8, 1, 18, isFirst: false) }
  }

  @inline(__always)
  private static func line(_ w: inout [Int], _ at: Int, _ step: Int, _ shift: Int, isFirst: Bool) {
    if isFirst, w[at + step] | w[at + 2 * step] | w[at + 3 * step] | w[at + 4 * step] == 0,
      w[at + 5 * step] | w[at + 6 * step] | w[at + 7 * step] == 0
    {
      let value = w[at] << 2
      for i in 0..<8 { w[at + i * step] = value }
      return
    }
    let (a, b) = (w[at + 2 * step], w[at + 6 * step])
    let z = (a &+ b) &* 4433
    let (e2, e3) = (z &- b &* 15137, z &+ a &* 6270)
    let (s, d) = ((w[at] &+ w[at + 4 * step]) << 13, (w[at] &- w[at + 4 * step]) << 13)
    let (t10, t13, t11, t12) = (s &+ e3, s &- e3, d &+ e2, d &- e2)
    let (o0, o1, o2, o3) = (w[at + 7 * step], w[at + 5 * step], w[at + 3 * step], w[at + step])
    let z5 = (o0 &+ o2 &+ o1 &+ o3) &* 9633
    let (z1, z2) = ((o0 &+ o3) &* -7373, (o1 &+ o2) &* -20995)
    let (z3, z4) = ((o0 &+ o2) &* -16069 &+ z5, (o1 &+ o3) &* -3196 &+ z5)
    let p0 = o0 &* 2446 &+ z1 &+ z3
    let p1 = o1 &* 16819 &+ z2 &+ z4
    let p2 = o2 &* 25172 &+ z2 &+ z3
    let p3 = o3 &* 12299 &+ z1 &+ z4
    let half = 1 << (shift - 1)
    w[at] = (t10 &+ p3 &+ half) >> shift
    w[at + 7 * step] = (t10 &- p3 &+ half) >> shift
    w[at + step] = (t11 &+ p2 &+ half) >> shift
    w[at + 6 * step] = (t11 &- p2 &+ half) >> shift
    w[at + 2 * step] = (t12 &+ p1 &+ half) >> shift
    w[at + 5 * step] = (t12 &- p1 &+ half) >> shift
    w[at + 3 * step] = (t13 &+ p0 &+ half) >> shift
    w[at + 4 * step] = (t13 &- p0 &+ half) >> shift
  }

  /// A component with as many samples as the image has pixels.
  private func upsampled(_ c: JPEGComponent, _ plane: Plane) -> [UInt8] {
    let (width, height) = (frame.width, frame.height)
    let (dx, dy) = (frame.maxH / c.h, frame.maxV / c.v)
    // The samples that stand for pixels; those beyond complete a block.
    let columns = (width * c.h + frame.maxH - 1) / frame.maxH
    let rows = (height * c.v + frame.maxV - 1) / frame.maxV
    let isLinearDown = dy == 2 && (dx == 1 || dx == 2 && columns > 2)
    let isLinearAcross = dx == 2 && dy <= 2 && columns > 2
    var out = [UInt8](repeating: 0, count: width * height)
    var line = [Int](repeating: 0, count: columns)
    for y in 0..<height {
      let row = y / dy
      let near = row * plane.stride
      if isLinearDown {
        let other = Swift.min(Swift.max(y % 2 == 0 ? row - 1 : row + 1, 0), rows - 1) * plane.stride
        for x in 0..<columns { line[x] = 3 * Int(plane.samples[near + x]) + Int(plane.samples[other + x]) }
      } else {
        for x in 0..<columns { line[x] = Int(plane.samples[near + x]) }
      }
      let to = y * width
      if isLinearAcross {
        // The sums weigh 4, or 16 where rows were weighed as well.
        let (up, down, shift) = isLinearDown ? (8, 7, 4) : (1, 2, 2)
        for x in 0..<width {
          let i = x / 2
          let left = x % 2 == 0
          let neighbour = Swift.min(Swift.max(left ? i - 1 : i + 1, 0), columns - 1)
          let sum = 3 * line[i] + line[neighbour] + (left ? up : down)
          out[to + x] = UInt8(truncatingIfNeeded: sum >> shift)
        }
      } else if isLinearDown {
        for x in 0..<width { out[to + x] = UInt8(truncatingIfNeeded: (line[x] + (y % 2 == 0 ? 1 : 2)) >> 2) }
      } else {
        for x in 0..<width { out[to + x] = UInt8(truncatingIfNeeded: line[x / dx]) }
      }
    }
    return out
  }
}
