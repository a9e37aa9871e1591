/// The inverse wavelets of JPEG 2000 (T.800, annex F), in the order of operations that OpenJPEG has.
enum J2KWavelet {
  /// Joins four bands, given by their areas and samples, to the resolution whose area is `area`; then undoes the wavelet
  /// along rows and columns.
  static func joined<T: Numeric>(
    _ area: J2KArea, _ bands: [(area: J2KArea, samples: [T])], _ line: (inout [T], Int, Int) -> Void
  ) -> [T] {
    let (width, height) = (area.width, area.height)
    var out = [T](repeating: 0, count: width * height)
    for (b, band) in bands.enumerated() {
      let (dx, dy) = (b & 1, b >> 1)
      for y in 0..<band.area.height {
        for x in 0..<band.area.width {
          let column = 2 * (band.area.x0 + x) + dx - area.x0
          let row = 2 * (band.area.y0 + y) + dy - area.y0
          guard column >= 0, column < width, row >= 0, row < height else { continue }
          out[row * width + column] = band.samples[y * band.area.width + x]
        }
      }
    }
    var buffer = [T](repeating: 0, count: Swift.max(width, height))
    for y in 0..<height {
      for x in 0..<width { buffer[x] = out[y * width + x] }
      line(&buffer, width, area.x0 & 1)
      for x in 0..<width { out[y * width + x] = buffer[x] }
    }
    for x in 0..<width {
      for y in 0..<height { buffer[y] = out[y * width + x] }
      line(&buffer, height, area.y0 & 1)
      for y in 0..<height { out[y * width + x] = buffer[y] }
    }
    return out
  }

  /// The neighbour of a sample, mirrored at the ends.
  @inline(__always)
  private static func mirrored(_ i: Int, _ n: Int) -> Int { i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i }

  /// The 5/3 wavelet over `n` samples, the first of which is even or odd.
  static func reversible(_ a: inout [Int32], _ n: Int, _ parity: Int) {
    if n == 1 {
      if parity == 1 { a[0] /= 2 }
      return
    }
    for i in stride(from: parity, to: n, by: 2) {
      a[i] &-= (a[mirrored(i - 1, n)] &+ a[mirrored(i + 1, n)] &+ 2) >> 2
    }
    for i in stride(from: 1 - parity, to: n, by: 2) {
      a[i] &+= (a[mirrored(i - 1, n)] &+ a[mirrored(i + 1, n)]) >> 1
    }
  }

  /// The 9/7 wavelet.
  static func irreversible(_ a: inout [Float], _ n: Int, _ parity: Int) {
    if n == 1 { return }
    for i in 0..<n { a[i] *= i & 1 == parity ? 1.230174105 : 1.625732422 }
    for (first, factor) in [
      (parity, -0.443506852), (1 - parity, -0.882911075), (parity, 0.052980118), (1 - parity, 1.586134342),
    ] as [(Int, Float)] {
      for i in stride(from: first, to: n, by: 2) {
        a[i] += (a[mirrored(i - 1, n)] + a[mirrored(i + 1, n)]) * factor
      }
    }
  }
}
