/// The inverse transforms (section 14.3 and 14.4).
enum VP8Transform {
  /// Turns the block of second order, the 25th, into the DC coefficients of the first 16.
  static func hadamard(_ c: inout [Int]) {
    let base = 24 * 16
    var t = [Int](repeating: 0, count: 16)
    for i in 0..<4 {
      let a0 = c[base + i] + c[base + 12 + i]
      let a1 = c[base + 4 + i] + c[base + 8 + i]
      let a2 = c[base + 4 + i] - c[base + 8 + i]
      let a3 = c[base + i] - c[base + 12 + i]
      (t[i], t[8 + i], t[4 + i], t[12 + i]) = (a0 + a1, a0 - a1, a3 + a2, a3 - a2)
    }
    for i in 0..<4 {
      let dc = t[4 * i] + 3
      let (a0, a3) = (dc + t[4 * i + 3], dc - t[4 * i + 3])
      let (a1, a2) = (t[4 * i + 1] + t[4 * i + 2], t[4 * i + 1] - t[4 * i + 2])
      let at = i * 64
      (c[at], c[at + 16], c[at + 32], c[at + 48]) = (
        (a0 + a1) >> 3, (a3 + a2) >> 3, (a0 - a1) >> 3, (a3 - a2) >> 3
      )
    }
  }

  /// Adds the transform of 16 coefficients to 4x4 samples.
  static func add(_ c: [Int], _ base: Int, to samples: inout [UInt8], _ at: Int, _ stride: Int) {
    if !c[base..<(base + 16)].contains(where: { $0 != 0 }) { return }
    func one(_ v: Int) -> Int { (v * 20091) >> 16 + v }
    func two(_ v: Int) -> Int { (v * 35468) >> 16 }
    var t = [Int](repeating: 0, count: 16)
    for i in 0..<4 {
      let (x0, x1, x2, x3) = (c[base + i], c[base + 4 + i], c[base + 8 + i], c[base + 12 + i])
      let (a, b) = (x0 + x2, x0 - x2)
      let (p, q) = (two(x1) - one(x3), one(x1) + two(x3))
      (t[4 * i], t[4 * i + 1], t[4 * i + 2], t[4 * i + 3]) = (a + q, b + p, b - p, a - q)
    }
    for y in 0..<4 {
      let dc = t[y] + 4
      let (a, b) = (dc + t[8 + y], dc - t[8 + y])
      let (p, q) = (two(t[4 + y]) - one(t[12 + y]), one(t[4 + y]) + two(t[12 + y]))
      let row = [a + q, b + p, b - p, a - q]
      for x in 0..<4 {
        let i = at + y * stride + x
        samples[i] = UInt8(truncatingIfNeeded: Swift.min(Swift.max(Int(samples[i]) + row[x] >> 3, 0), 255))
      }
    }
  }
}
