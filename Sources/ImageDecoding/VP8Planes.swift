/// How a block's samples are predicted, by the numbers of RFC 6386 (section 11.2; the first four serve macroblocks, too).
enum VP8Mode {
  static let dc = 0, trueMotion = 1, vertical = 2, horizontal = 3, leftDown = 4, rightDown = 5, verticalRight = 6
  static let verticalLeft = 7, horizontalDown = 8, horizontalUp = 9
}

/// Luma and chroma of a frame, in whole macroblocks.
///
/// Each plane has a row above and a column to the left that hold what lies outside: 127 above, 129 to the left.
struct VP8Planes {
  /// Luma and both chromas.
  var samples: [[UInt8]]
  let strides: [Int]
  private let across: Int
  private let down: Int

  init(across: Int, down: Int) {
    self.across = across
    self.down = down
    // Luma rows have 4 more samples for what lies above and to the right of the last macroblock.
    strides = [across * 16 + 5, across * 8 + 1, across * 8 + 1]
    samples = zip(strides, [16, 8, 8]).map { stride, size in
      var plane = [UInt8](repeating: 0, count: stride * (down * size + 1))
      for x in 0..<stride { plane[x] = 127 }
      for y in 0..<(down * size) { plane[(y + 1) * stride] = 129 }
      return plane
    }
  }

  /// Where the sample at a row and a column of a plane lies.
  @inline(__always)
  func offset(_ plane: Int, _ row: Int, _ column: Int) -> Int { (row + 1) * strides[plane] + column + 1 }

  /// Predicts a macroblock and adds its residuals.
  mutating func predict(_ row: Int, _ column: Int, _ luma: Int?, _ modes: [Int], _ chroma: Int, _ residuals: [Int]) {
    if let luma {
      square(0, row, column, 16, luma)
      for b in 0..<16 {
        let at = offset(0, row * 16 + b / 4 * 4, column * 16 + b % 4 * 4)
        VP8Transform.add(residuals, b * 16, to: &samples[0], at, strides[0])
      }
    } else {
      divided(row, column, modes, residuals)
    }
    for plane in 1...2 {
      square(plane, row, column, 8, chroma)
      for b in 0..<4 {
        let at = offset(plane, row * 8 + b / 2 * 4, column * 8 + b % 2 * 4)
        VP8Transform.add(residuals, (12 + plane * 4 + b) * 16, to: &samples[plane], at, strides[plane])
      }
    }
  }

  /// Section 12.2 and 12.3.
  private mutating func square(_ plane: Int, _ row: Int, _ column: Int, _ size: Int, _ mode: Int) {
    let at = offset(plane, row * size, column * size)
    let stride = strides[plane]
    let above = at - stride
    var average = 128
    if mode == VP8Mode.dc {
      var (sum, count) = (0, 0)
      if row > 0 {
        for x in 0..<size { sum += Int(samples[plane][above + x]) }
        count += size
      }
      if column > 0 {
        for y in 0..<size { sum += Int(samples[plane][at + y * stride - 1]) }
        count += size
      }
      if count > 0 { average = (sum + count / 2) / count }
    }
    let corner = Int(samples[plane][above - 1])
    for y in 0..<size {
      let left = Int(samples[plane][at + y * stride - 1])
      for x in 0..<size {
        let top = Int(samples[plane][above + x])
        let value: Int
        switch mode {
        case VP8Mode.dc: value = average
        case VP8Mode.vertical: value = top
        case VP8Mode.horizontal: value = left
        default: value = Swift.min(Swift.max(left + top - corner, 0), 255)
        }
        samples[plane][at + y * stride + x] = UInt8(truncatingIfNeeded: value)
      }
    }
  }

  /// Sixteen blocks of luma, each predicted from those before (section 12.3).
  private mutating func divided(_ row: Int, _ column: Int, _ modes: [Int], _ residuals: [Int]) {
    let stride = strides[0]
    let origin = offset(0, row * 16, column * 16)
    // What lies to the right above serves all blocks at the right border of the macroblock.
    let right = (0..<4).map { i -> Int in
      if row == 0 { return 127 }
      return Int(samples[0][column + 1 < across ? origin - stride + 16 + i : origin - stride + 15])
    }
    for b in 0..<16 {
      let (x, y) = (b % 4, b / 4)
      let at = origin + y * 4 * stride + x * 4
      // From the lowest to the left over the corner to the last above.
      var edge = (0..<4).map { Int(samples[0][at + (3 - $0) * stride - 1]) }
      edge.append(Int(samples[0][at - stride - 1]))
      for i in 0..<4 { edge.append(Int(samples[0][at - stride + i])) }
      if x == 3 {
        edge += right
      } else {
        for i in 4..<8 { edge.append(Int(samples[0][at - stride + i])) }
      }
      VP8Block.predict(modes[b], edge, &samples[0], at, stride)
      VP8Transform.add(residuals, b * 16, to: &samples[0], at, stride)
    }
  }

  /// The pixels in RGB: chroma interpolated linearly, then ITU-R BT.601 in fixed point, as libwebp has them.
  func image(_ width: Int, _ height: Int) throws -> DecodedImage {
    var out = [UInt8](repeating: 0, count: width * height * 3)
    let (columns, rows) = ((width + 1) / 2, (height + 1) / 2)
    func part(_ v: Int) -> UInt8 { UInt8(truncatingIfNeeded: Swift.min(Swift.max(v >> 6, 0), 255)) }
    for y in 0..<height {
      let near = y / 2
      let far = Swift.min(Swift.max(y % 2 == 0 ? near - 1 : near + 1, 0), rows - 1)
      for x in 0..<width {
        let i = x / 2
        let j = x % 2 == 0 ? i - 1 : i + 1
        var chroma = [0, 0]
        for c in 0..<2 {
          let n = offset(c + 1, near, 0)
          let f = offset(c + 1, far, 0)
          let (a, d) = (Int(samples[c + 1][n + i]), Int(samples[c + 1][f + i]))
          if j < 0 || j >= columns {
            chroma[c] = (3 * a + d + 2) >> 2
          } else {
            let (b, e) = (Int(samples[c + 1][n + j]), Int(samples[c + 1][f + j]))
            chroma[c] = ((a + b + d + e + 8 + 2 * (b + d)) >> 3 + a) >> 1
          }
        }
        let luma = (Int(samples[0][offset(0, y, x)]) * 19077) >> 8
        let to = (y * width + x) * 3
        out[to] = part(luma + (chroma[1] * 26149) >> 8 - 14234)
        out[to + 1] = part(luma - (chroma[0] * 6419) >> 8 - (chroma[1] * 13320) >> 8 + 8708)
        out[to + 2] = part(luma + (chroma[0] * 33050) >> 8 - 17685)
      }
    }
    return try DecodedImage(width: width, height: height, channels: 3, samples: out)
  }
}

/// Prediction of 4x4 samples.
enum VP8Block {
  /// - Parameter e: the samples around: 4 to the left from the lowest up, the corner, 8 above.
  static func predict(_ mode: Int, _ e: [Int], _ out: inout [UInt8], _ at: Int, _ stride: Int) {
    func three(_ i: Int) -> Int { (e[i - 1] + 2 * e[i] + e[i + 1] + 2) >> 2 }
    func two(_ i: Int) -> Int { (e[i] + e[i + 1] + 1) >> 1 }
    let dc = (e[0] + e[1] + e[2] + e[3] + e[5] + e[6] + e[7] + e[8] + 4) >> 3
    for y in 0..<4 {
      for x in 0..<4 {
        let value: Int
        switch mode {
        case VP8Mode.dc: value = dc
        case VP8Mode.trueMotion: value = Swift.min(Swift.max(e[3 - y] + e[5 + x] - e[4], 0), 255)
        case VP8Mode.vertical: value = three(5 + x)
        case VP8Mode.horizontal: value = y == 3 ? (e[1] + 3 * e[0] + 2) >> 2 : three(3 - y)
        case VP8Mode.leftDown: value = x + y == 6 ? (e[11] + 3 * e[12] + 2) >> 2 : three(6 + x + y)
        case VP8Mode.rightDown: value = three(4 + x - y)
        case VP8Mode.verticalRight:
          let d = x - y / 2
          value = d < 0 ? three(5 - y) : y % 2 == 0 ? two(4 + d) : three(4 + d)
        case VP8Mode.verticalLeft: value = verticalLeft(x, y, two, three)
        case VP8Mode.horizontalDown:
          let d = 2 * y - x
          value = d < 0 ? three(3 - d) : d % 2 == 0 ? two(3 - d / 2) : three(4 - (d + 1) / 2)
        default:
          let d = x + 2 * y
          value = d > 5 ? e[0] : d == 5 ? (e[1] + 3 * e[0] + 2) >> 2 : d % 2 == 0 ? two(2 - d / 2) : three(2 - d / 2)
        }
        out[at + y * stride + x] = UInt8(truncatingIfNeeded: value)
      }
    }
  }

  private static func verticalLeft(_ x: Int, _ y: Int, _ two: (Int) -> Int, _ three: (Int) -> Int) -> Int {
    switch (x, y) {
    case (3, 2): three(10)
    case (3, 3): three(11)
    default: y % 2 == 0 ? two(5 + x + y / 2) : three(6 + x + y / 2)
    }
  }
}
