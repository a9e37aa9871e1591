#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A discrete Fourier transform of one length, in double precision.
///
/// Lengths that are powers of two go through the radix-2 algorithm of Cooley and Tukey (1965), others through
/// Bluestein's (1970), which makes them a convolution of such a length.
struct FourierTransform {
  let count: Int
  private let radix2: Radix2
  /// `exp(-iπk²/n)` and the transform of its conjugate, for lengths that are no powers of two.
  private let chirp: (re: [Double], im: [Double])
  private let filter: (re: [Double], im: [Double])

  /// The longest transform.
  static let maxCount = 1 << 24

  /// - Throws: `GraphError` when `count` is not positive or too large.
  init(_ count: Int) throws {
    guard count > 0, count <= FourierTransform.maxCount else {
      throw GraphError(.limit, "a transform of length \(count); 1 to \(FourierTransform.maxCount) can be done")
    }
    self.count = count
    if count & (count - 1) == 0 {
      radix2 = Radix2(count)
      chirp = ([], [])
      filter = ([], [])
      return
    }
    var size = 1
    while size < 2 * count - 1 { size *= 2 }
    radix2 = Radix2(size)
    var wave = (re: [Double](repeating: 0, count: count), im: [Double](repeating: 0, count: count))
    var response = (re: [Double](repeating: 0, count: size), im: [Double](repeating: 0, count: size))
    for k in 0..<count {
      let angle = Double.pi * Double(k * k % (2 * count)) / Double(count)
      wave.re[k] = cos(angle)
      wave.im[k] = -sin(angle)
      response.re[k] = wave.re[k]
      response.im[k] = -wave.im[k]
      if k > 0 {
        response.re[size - k] = wave.re[k]
        response.im[size - k] = -wave.im[k]
      }
    }
    radix2.transform(&response.re, &response.im)
    chirp = wave
    filter = response
  }

  /// Transforms in place; the inverse is scaled by `1 / count`.
  func transform(_ re: inout [Double], _ im: inout [Double], inverse: Bool) {
    if inverse { swap(&re, &im) }
    if radix2.count == count { radix2.transform(&re, &im) } else { bluestein(&re, &im) }
    if inverse {
      swap(&re, &im)
      let scale = 1 / Double(count)
      for k in 0..<count {
        re[k] *= scale
        im[k] *= scale
      }
    }
  }

  private func bluestein(_ re: inout [Double], _ im: inout [Double]) {
    let size = radix2.count
    var a = [Double](repeating: 0, count: size)
    var b = [Double](repeating: 0, count: size)
    for k in 0..<count {
      a[k] = re[k] * chirp.re[k] - im[k] * chirp.im[k]
      b[k] = re[k] * chirp.im[k] + im[k] * chirp.re[k]
    }
    radix2.transform(&a, &b)
    for k in 0..<size {
      let (x, y) = (a[k], b[k])
      a[k] = x * filter.re[k] - y * filter.im[k]
      b[k] = x * filter.im[k] + y * filter.re[k]
    }
    radix2.transform(&b, &a)
    let scale = 1 / Double(size)
    for k in 0..<count {
      let (x, y) = (a[k] * scale, b[k] * scale)
      re[k] = x * chirp.re[k] - y * chirp.im[k]
      im[k] = x * chirp.im[k] + y * chirp.re[k]
    }
  }

  /// The iterative radix-2 transform.
  private struct Radix2 {
    let count: Int
    private let cosines: [Double]
    private let sines: [Double]

    init(_ count: Int) {
      self.count = count
      cosines = (0..<(count / 2)).map { cos(2 * Double.pi * Double($0) / Double(count)) }
      sines = (0..<(count / 2)).map { -sin(2 * Double.pi * Double($0) / Double(count)) }
    }

    func transform(_ re: inout [Double], _ im: inout [Double]) {
      var j = 0
      for i in 1..<Swift.max(count, 1) {
        var bit = count >> 1
        while j & bit != 0 {
          j ^= bit
          bit >>= 1
        }
        j |= bit
        if i < j {
          re.swapAt(i, j)
          im.swapAt(i, j)
        }
      }
      var length = 2
      while length <= count {
        let step = count / length
        let half = length / 2
        for start in stride(from: 0, to: count, by: length) {
          for k in 0..<half {
            let (c, s) = (cosines[k * step], sines[k * step])
            let (p, q) = (start + k, start + k + half)
            let x = re[q] * c - im[q] * s
            let y = re[q] * s + im[q] * c
            re[q] = re[p] - x
            im[q] = im[p] - y
            re[p] += x
            im[p] += y
          }
        }
        length *= 2
      }
    }
  }
}
