// The innermost loop of the matrix product: a tile of at most 14 rows and two vectors of columns held in registers.

/// Rows of the largest tile whose accumulators fit the register file.
#if KERNELS_AVX512
@inline(__always) var tileRows: Int { 14 }
#elseif KERNELS_AVX2
@inline(__always) var tileRows: Int { 6 }
#elseif arch(arm64)
@inline(__always) var tileRows: Int { 8 }
#else
@inline(__always) var tileRows: Int { 4 }
#endif

/// Columns of a tile.
@inline(__always) var tileColumns: Int { 2 &* width }

/// `c (+)= a b` for a tile of `rows` rows. `a` is packed `[k][rows]`; row `k` of `b` begins at `b + k*bStride`.
///
/// `rows` must be a literal in each use: the tests on it vanish and only the accumulators in use remain.
@inline(__always) private func tile(
  _ rows: Int, _ k: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ bStride: Int,
  _ c: UnsafeMutablePointer<Float>, _ ldc: Int, _ accumulate: Bool
) {
  var p0 = V.zero
  var q0 = V.zero
  var p1 = V.zero
  var q1 = V.zero
  var p2 = V.zero
  var q2 = V.zero
  var p3 = V.zero
  var q3 = V.zero
  var p4 = V.zero
  var q4 = V.zero
  var p5 = V.zero
  var q5 = V.zero
  var p6 = V.zero
  var q6 = V.zero
  var p7 = V.zero
  var q7 = V.zero
  var p8 = V.zero
  var q8 = V.zero
  var p9 = V.zero
  var q9 = V.zero
  var p10 = V.zero
  var q10 = V.zero
  var p11 = V.zero
  var q11 = V.zero
  var p12 = V.zero
  var q12 = V.zero
  var p13 = V.zero
  var q13 = V.zero
  var a = a
  var b = b
  var i = 0
  while i < k {
    let b0 = load(b)
    let b1 = load(b + width)
    if rows > 0 {
      let x = V(repeating: a[0])
      p0 = fma(x, b0, p0)
      q0 = fma(x, b1, q0)
    }
    if rows > 1 {
      let x = V(repeating: a[1])
      p1 = fma(x, b0, p1)
      q1 = fma(x, b1, q1)
    }
    if rows > 2 {
      let x = V(repeating: a[2])
      p2 = fma(x, b0, p2)
      q2 = fma(x, b1, q2)
    }
    if rows > 3 {
      let x = V(repeating: a[3])
      p3 = fma(x, b0, p3)
      q3 = fma(x, b1, q3)
    }
    if rows > 4 {
      let x = V(repeating: a[4])
      p4 = fma(x, b0, p4)
      q4 = fma(x, b1, q4)
    }
    if rows > 5 {
      let x = V(repeating: a[5])
      p5 = fma(x, b0, p5)
      q5 = fma(x, b1, q5)
    }
    if rows > 6 {
      let x = V(repeating: a[6])
      p6 = fma(x, b0, p6)
      q6 = fma(x, b1, q6)
    }
    if rows > 7 {
      let x = V(repeating: a[7])
      p7 = fma(x, b0, p7)
      q7 = fma(x, b1, q7)
    }
    if rows > 8 {
      let x = V(repeating: a[8])
      p8 = fma(x, b0, p8)
      q8 = fma(x, b1, q8)
    }
    if rows > 9 {
      let x = V(repeating: a[9])
      p9 = fma(x, b0, p9)
      q9 = fma(x, b1, q9)
    }
    if rows > 10 {
      let x = V(repeating: a[10])
      p10 = fma(x, b0, p10)
      q10 = fma(x, b1, q10)
    }
    if rows > 11 {
      let x = V(repeating: a[11])
      p11 = fma(x, b0, p11)
      q11 = fma(x, b1, q11)
    }
    if rows > 12 {
      let x = V(repeating: a[12])
      p12 = fma(x, b0, p12)
      q12 = fma(x, b1, q12)
    }
    if rows > 13 {
      let x = V(repeating: a[13])
      p13 = fma(x, b0, p13)
      q13 = fma(x, b1, q13)
    }
    a += rows
    b += bStride
    i &+= 1
  }
  if accumulate {
    if rows > 0 {
      p0 += load(c + ldc &* 0)
      q0 += load(c + ldc &* 0 + width)
    }
    if rows > 1 {
      p1 += load(c + ldc &* 1)
      q1 += load(c + ldc &* 1 + width)
    }
    if rows > 2 {
      p2 += load(c + ldc &* 2)
      q2 += load(c + ldc &* 2 + width)
    }
    if rows > 3 {
      p3 += load(c + ldc &* 3)
      q3 += load(c + ldc &* 3 + width)
    }
    if rows > 4 {
      p4 += load(c + ldc &* 4)
      q4 += load(c + ldc &* 4 + width)
    }
    if rows > 5 {
      p5 += load(c + ldc &* 5)
      q5 += load(c + ldc &* 5 + width)
    }
    if rows > 6 {
      p6 += load(c + ldc &* 6)
      q6 += load(c + ldc &* 6 + width)
    }
    if rows > 7 {
      p7 += load(c + ldc &* 7)
      q7 += load(c + ldc &* 7 + width)
    }
    if rows > 8 {
      p8 += load(c + ldc &* 8)
      q8 += load(c + ldc &* 8 + width)
    }
    if rows > 9 {
      p9 += load(c + ldc &* 9)
      q9 += load(c + ldc &* 9 + width)
    }
    if rows > 10 {
      p10 += load(c + ldc &* 10)
      q10 += load(c + ldc &* 10 + width)
    }
    if rows > 11 {
      p11 += load(c + ldc &* 11)
      q11 += load(c + ldc &* 11 + width)
    }
    if rows > 12 {
      p12 += load(c + ldc &* 12)
      q12 += load(c + ldc &* 12 + width)
    }
    if rows > 13 {
      p13 += load(c + ldc &* 13)
      q13 += load(c + ldc &* 13 + width)
    }
  }
  if rows > 0 {
    store(p0, c + ldc &* 0)
    store(q0, c + ldc &* 0 + width)
  }
  if rows > 1 {
    store(p1, c + ldc &* 1)
    store(q1, c + ldc &* 1 + width)
  }
  if rows > 2 {
    store(p2, c + ldc &* 2)
    store(q2, c + ldc &* 2 + width)
  }
  if rows > 3 {
    store(p3, c + ldc &* 3)
    store(q3, c + ldc &* 3 + width)
  }
  if rows > 4 {
    store(p4, c + ldc &* 4)
    store(q4, c + ldc &* 4 + width)
  }
  if rows > 5 {
    store(p5, c + ldc &* 5)
    store(q5, c + ldc &* 5 + width)
  }
  if rows > 6 {
    store(p6, c + ldc &* 6)
    store(q6, c + ldc &* 6 + width)
  }
  if rows > 7 {
    store(p7, c + ldc &* 7)
    store(q7, c + ldc &* 7 + width)
  }
  if rows > 8 {
    store(p8, c + ldc &* 8)
    store(q8, c + ldc &* 8 + width)
  }
  if rows > 9 {
    store(p9, c + ldc &* 9)
    store(q9, c + ldc &* 9 + width)
  }
  if rows > 10 {
    store(p10, c + ldc &* 10)
    store(q10, c + ldc &* 10 + width)
  }
  if rows > 11 {
    store(p11, c + ldc &* 11)
    store(q11, c + ldc &* 11 + width)
  }
  if rows > 12 {
    store(p12, c + ldc &* 12)
    store(q12, c + ldc &* 12 + width)
  }
  if rows > 13 {
    store(p13, c + ldc &* 13)
    store(q13, c + ldc &* 13 + width)
  }
}

@inline(never) private func tile1(
  _ k: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ s: Int, _ c: UnsafeMutablePointer<Float>,
  _ ldc: Int, _ more: Bool
) { tile(1, k, a, b, s, c, ldc, more) }
@inline(never) private func tile2(
  _ k: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ s: Int, _ c: UnsafeMutablePointer<Float>,
  _ ldc: Int, _ more: Bool
) { tile(2, k, a, b, s, c, ldc, more) }
@inline(never) private func tile3(
  _ k: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ s: Int, _ c: UnsafeMutablePointer<Float>,
  _ ldc: Int, _ more: Bool
) { tile(3, k, a, b, s, c, ldc, more) }
@inline(never) private func tile4(
  _ k: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ s: Int, _ c: UnsafeMutablePointer<Float>,
  _ ldc: Int, _ more: Bool
) { tile(4, k, a, b, s, c, ldc, more) }
#if KERNELS_AVX512 || KERNELS_AVX2 || arch(arm64)
@inline(never) private func tile5(
  _ k: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ s: Int, _ c: UnsafeMutablePointer<Float>,
  _ ldc: Int, _ more: Bool
) { tile(5, k, a, b, s, c, ldc, more) }
@inline(never) private func tile6(
  _ k: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ s: Int, _ c: UnsafeMutablePointer<Float>,
  _ ldc: Int, _ more: Bool
) { tile(6, k, a, b, s, c, ldc, more) }
#endif
#if KERNELS_AVX512 || arch(arm64)
@inline(never) private func tile7(
  _ k: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ s: Int, _ c: UnsafeMutablePointer<Float>,
  _ ldc: Int, _ more: Bool
) { tile(7, k, a, b, s, c, ldc, more) }
@inline(never) private func tile8(
  _ k: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ s: Int, _ c: UnsafeMutablePointer<Float>,
  _ ldc: Int, _ more: Bool
) { tile(8, k, a, b, s, c, ldc, more) }
#endif
#if KERNELS_AVX512
@inline(never) private func tile9(
  _ k: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ s: Int, _ c: UnsafeMutablePointer<Float>,
  _ ldc: Int, _ more: Bool
) { tile(9, k, a, b, s, c, ldc, more) }
@inline(never) private func tile10(
  _ k: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ s: Int, _ c: UnsafeMutablePointer<Float>,
  _ ldc: Int, _ more: Bool
) { tile(10, k, a, b, s, c, ldc, more) }
@inline(never) private func tile11(
  _ k: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ s: Int, _ c: UnsafeMutablePointer<Float>,
  _ ldc: Int, _ more: Bool
) { tile(11, k, a, b, s, c, ldc, more) }
@inline(never) private func tile12(
  _ k: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ s: Int, _ c: UnsafeMutablePointer<Float>,
  _ ldc: Int, _ more: Bool
) { tile(12, k, a, b, s, c, ldc, more) }
@inline(never) private func tile13(
  _ k: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ s: Int, _ c: UnsafeMutablePointer<Float>,
  _ ldc: Int, _ more: Bool
) { tile(13, k, a, b, s, c, ldc, more) }
@inline(never) private func tile14(
  _ k: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ s: Int, _ c: UnsafeMutablePointer<Float>,
  _ ldc: Int, _ more: Bool
) { tile(14, k, a, b, s, c, ldc, more) }
#endif

/// `c (+)= a b` for a tile of `rows` (1 to `tileRows`) rows.
func computeTile(
  _ rows: Int, _ k: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ s: Int,
  _ c: UnsafeMutablePointer<Float>,
  _ ldc: Int, _ more: Bool
) {
  switch rows {
  case 1: tile1(k, a, b, s, c, ldc, more)
  case 2: tile2(k, a, b, s, c, ldc, more)
  case 3: tile3(k, a, b, s, c, ldc, more)
  case 4: tile4(k, a, b, s, c, ldc, more)
  #if KERNELS_AVX512 || KERNELS_AVX2 || arch(arm64)
  case 5: tile5(k, a, b, s, c, ldc, more)
  case 6: tile6(k, a, b, s, c, ldc, more)
  #endif
  #if KERNELS_AVX512 || arch(arm64)
  case 7: tile7(k, a, b, s, c, ldc, more)
  case 8: tile8(k, a, b, s, c, ldc, more)
  #endif
  #if KERNELS_AVX512
  case 9: tile9(k, a, b, s, c, ldc, more)
  case 10: tile10(k, a, b, s, c, ldc, more)
  case 11: tile11(k, a, b, s, c, ldc, more)
  case 12: tile12(k, a, b, s, c, ldc, more)
  case 13: tile13(k, a, b, s, c, ldc, more)
  case 14: tile14(k, a, b, s, c, ldc, more)
  #endif
  default: break
  }
}
