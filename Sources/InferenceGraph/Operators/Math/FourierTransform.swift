#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A complex number.
struct Complex<T: BinaryFloatingPoint & BitwiseCopyable & Sendable>: BitwiseCopyable, Sendable {
  var re: T
  var im: T

  @inline(__always) static func + (a: Complex, b: Complex) -> Complex { Complex(re: a.re + b.re, im: a.im + b.im) }
  @inline(__always) static func - (a: Complex, b: Complex) -> Complex { Complex(re: a.re - b.re, im: a.im - b.im) }
  @inline(__always) static func * (a: Complex, b: Complex) -> Complex {
    Complex(re: a.re * b.re - a.im * b.im, im: a.re * b.im + a.im * b.re)
  }
  /// The number turned by a quarter.
  @inline(__always) var quarterTurned: Complex { Complex(re: -im, im: re) }
  @inline(__always) var conjugate: Complex { Complex(re: re, im: -im) }

  /// `exp(2πi k/n)`.
  static func root(_ k: Int, of n: Int) -> Complex {
    let angle = 2 * Double.pi * Double(k % n) / Double(n)
    return Complex(re: T(cos(angle)), im: T(sin(angle)))
  }
}

/// The lengths of transforms.
enum FourierLength {
  /// The longest one.
  static let max = 1 << 24

  /// - Throws: `GraphError.Code.limit` when `count` is not positive or too large.
  static func check(_ count: Int) throws {
    guard count > 0, count <= max else {
      throw GraphError(.limit, "a transform of length \(count); 1 to \(max) can be done")
    }
  }
}

/// A discrete Fourier transform of one length, in the precision of `T`.
///
/// Lengths whose prime factors are small are divided into them (Cooley and Tukey, 1965), in the order that NumPy's
/// transform (pocketfft) has, so that single precision rounds as it does there. Others go through Bluestein's algorithm
/// (1970), in double precision, which makes them a convolution whose length is a power of two.
struct FourierTransform<T: BinaryFloatingPoint & BitwiseCopyable & Sendable>: Sendable {
  let count: Int
  private let direct: MixedRadix<T>?
  private let bluestein: Bluestein?

  /// - Throws: `GraphError` when `count` is not positive or too large.
  init(_ count: Int) throws {
    try FourierLength.check(count)
    self.count = count
    let factors = primeFactors(count)
    let isSmooth = factors.allSatisfy { $0 <= 31 }
    direct = isSmooth ? MixedRadix(count, factors) : nil
    bluestein = isSmooth ? nil : Bluestein(count)
  }

  /// Transforms `values`, which are `count`, in place; the inverse is scaled by `1 / count`.
  func transform(_ values: inout [Complex<T>], inverse: Bool) {
    // The direction is turned by conjugating before and after, which is exact.
    if inverse { for k in values.indices { values[k].im = -values[k].im } }
    if let direct {
      direct.transform(&values)
    } else if let bluestein {
      var wide = values.map { Complex<Double>(re: Double($0.re), im: Double($0.im)) }
      bluestein.transform(&wide)
      for k in values.indices { values[k] = Complex(re: T(wide[k].re), im: T(wide[k].im)) }
    }
    if inverse {
      let scale = 1 / T(count)
      for k in values.indices { values[k] = Complex(re: values[k].re * scale, im: -values[k].im * scale) }
    }
  }
}

/// The factors of a transform's length: fours, at most one two, then odd primes.
private func primeFactors(_ count: Int) -> [Int] {
  var factors: [Int] = []
  var rest = count
  while rest & 3 == 0 {
    factors.append(4)
    rest >>= 2
  }
  if rest & 1 == 0 {
    rest >>= 1
    factors.insert(2, at: 0)
  }
  var divisor = 3
  while divisor * divisor <= rest {
    while rest % divisor == 0 {
      factors.append(divisor)
      rest /= divisor
    }
    divisor += 2
  }
  if rest > 1 { factors.append(rest) }
  return factors
}

/// A forward transform through the factors of its length; the scheme of Stockham, which needs no reordering.
private struct MixedRadix<T: BinaryFloatingPoint & BitwiseCopyable & Sendable>: Sendable {
  private struct Stage: Sendable {
    var radix: Int
    /// The product of the factors before.
    var before: Int
    /// The product of the factors after.
    var after: Int
    /// `[radix - 1, after]`
    var twiddles: [Complex<T>]
    /// The roots of unity of a radix that has no formula of its own.
    var roots: [Complex<T>]
  }

  private let stages: [Stage]

  init(_ count: Int, _ factors: [Int]) {
    var stages: [Stage] = []
    var before = 1
    for radix in factors {
      let after = count / (before * radix)
      var twiddles: [Complex<T>] = []
      for j in 1..<radix { for i in 0..<after { twiddles.append(.root(j * before * i, of: count).conjugate) } }
      let roots = radix > 5 ? (0..<radix).map { Complex<T>.root($0, of: radix).conjugate } : []
      stages.append(Stage(radix: radix, before: before, after: after, twiddles: twiddles, roots: roots))
      before *= radix
    }
    self.stages = stages
  }

  func transform(_ values: inout [Complex<T>]) {
    var other = values
    var taps = [Complex<T>](repeating: Complex(re: 0, im: 0), count: 32)
    for stage in stages {
      let (radix, after) = (stage.radix, stage.after)
      for k in 0..<stage.before {
        for i in 0..<after {
          for j in 0..<radix { taps[j] = values[i &+ after &* (j &+ radix &* k)] }
          MixedRadix.butterfly(&taps, stage)
          for j in 0..<radix {
            let at = i &+ after &* (k &+ stage.before &* j)
            other[at] = j == 0 || i == 0 ? taps[j] : taps[j] * stage.twiddles[(j &- 1) &* after &+ i]
          }
        }
      }
      swap(&values, &other)
    }
  }

  @inline(__always)
  private static func butterfly(_ x: inout [Complex<T>], _ stage: Stage) {
    switch stage.radix {
    case 2: (x[0], x[1]) = (x[0] + x[1], x[0] - x[1])
    case 3:
      let (sum, difference) = (x[1] + x[2], x[1] - x[2])
      let a = Complex(re: x[0].re + sum.re * -0.5, im: x[0].im + sum.im * -0.5)
      let s: T = -0.86602540378443864676
      let b = Complex(re: -difference.im * s, im: difference.re * s)
      (x[0], x[1], x[2]) = (x[0] + sum, a + b, a - b)
    case 4:
      let (a, b) = (x[0] + x[2], x[0] - x[2])
      let c = x[1] + x[3]
      let d = (x[3] - x[1]).quarterTurned
      (x[0], x[1], x[2], x[3]) = (a + c, b + d, a - c, b - d)
    case 5:
      let (c1, c2): (T, T) = (0.3090169943749474241, -0.8090169943749474241)
      let (s1, s2): (T, T) = (-0.95105651629515357212, -0.58778525229247312917)
      let x0 = x[0]
      let (t1, t4) = (x[1] + x[4], x[1] - x[4])
      let (t2, t3) = (x[2] + x[3], x[2] - x[3])
      x[0] = x0 + t1 + t2
      let a1 = Complex(re: x0.re + c1 * t1.re + c2 * t2.re, im: x0.im + c1 * t1.im + c2 * t2.im)
      let b1 = Complex(re: -(s1 * t4.im + s2 * t3.im), im: s1 * t4.re + s2 * t3.re)
      let a2 = Complex(re: x0.re + c2 * t1.re + c1 * t2.re, im: x0.im + c2 * t1.im + c1 * t2.im)
      let b2 = Complex(re: -(s2 * t4.im - s1 * t3.im), im: s2 * t4.re - s1 * t3.re)
      (x[1], x[4], x[2], x[3]) = (a1 + b1, a1 - b1, a2 + b2, a2 - b2)
    default:
      let radix = stage.radix
      let from = x
      for l in 0..<radix {
        var sum = from[0]
        for j in 1..<radix { sum = sum + from[j] * stage.roots[j &* l % radix] }
        x[l] = sum
      }
    }
  }
}

/// A forward transform of any length as a convolution with `exp(-iπk²/n)`.
private struct Bluestein: Sendable {
  private let size: Int
  private let inner: MixedRadix<Double>
  private let chirp: [Complex<Double>]
  /// The transform of the conjugate of `chirp`.
  private let filter: [Complex<Double>]

  init(_ count: Int) {
    var size = 1
    while size < 2 * count - 1 { size *= 2 }
    self.size = size
    inner = MixedRadix(size, primeFactors(size))
    let chirp = (0..<count).map { Complex<Double>.root($0 * $0 % (2 * count), of: 2 * count).conjugate }
    var response = [Complex<Double>](repeating: Complex(re: 0, im: 0), count: size)
    for k in 0..<count {
      response[k] = chirp[k].conjugate
      if k > 0 { response[size - k] = chirp[k].conjugate }
    }
    inner.transform(&response)
    self.chirp = chirp
    filter = response
  }

  func transform(_ values: inout [Complex<Double>]) {
    var work = [Complex<Double>](repeating: Complex(re: 0, im: 0), count: size)
    for k in values.indices { work[k] = values[k] * chirp[k] }
    inner.transform(&work)
    // The inverse of the convolution's transform, by conjugating before and after.
    for k in work.indices { work[k] = (work[k] * filter[k]).conjugate }
    inner.transform(&work)
    let scale = 1 / Double(size)
    for k in values.indices {
      let x = work[k].conjugate
      values[k] = Complex(re: x.re * scale, im: x.im * scale) * chirp[k]
    }
  }
}
