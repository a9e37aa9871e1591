/// Inner products and distances of short vectors.
enum DotProducts {
  /// The inner product of two vectors.
  @inline(__always)
  static func dot(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ n: Int) -> Float {
    var i = 0
    var sum: Float = 0
    if n >= 8 {
      var acc = SIMD8<Float>.zero
      while i &+ 8 <= n {
        let x = UnsafeRawPointer(a + i).loadUnaligned(as: SIMD8<Float>.self)
        let y = UnsafeRawPointer(b + i).loadUnaligned(as: SIMD8<Float>.self)
        acc += x * y
        i &+= 8
      }
      let half = acc.lowHalf + acc.highHalf
      sum = (half[0] + half[1]) + (half[2] + half[3])
    }
    while i < n {
      sum += a[i] * b[i]
      i &+= 1
    }
    return sum
  }

  /// The squared distance of two vectors.
  @inline(__always)
  static func squaredDistance(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ n: Int) -> Float {
    var i = 0
    var sum: Float = 0
    if n >= 8 {
      var acc = SIMD8<Float>.zero
      while i &+ 8 <= n {
        let x = UnsafeRawPointer(a + i).loadUnaligned(as: SIMD8<Float>.self)
        let y = UnsafeRawPointer(b + i).loadUnaligned(as: SIMD8<Float>.self)
        let d = x - y
        acc += d * d
        i &+= 8
      }
      let half = acc.lowHalf + acc.highHalf
      sum = (half[0] + half[1]) + (half[2] + half[3])
    }
    while i < n {
      let d = a[i] - b[i]
      sum += d * d
      i &+= 1
    }
    return sum
  }
}
