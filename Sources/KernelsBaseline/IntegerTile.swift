// The innermost loop of the product of 8-bit integers: a tile of rows and two vectors of columns held in registers, four of
// the inner extent at a time.

import CIntegerDot

/// Rows of the largest tile whose accumulators fit the register file beside the operands.
#if KERNELS_VNNI
@inline(__always) var integerTileRows: Int { 14 }
#elseif KERNELS_AVX512
@inline(__always) var integerTileRows: Int { 12 }
#else
@inline(__always) var integerTileRows: Int { 4 }
#endif

/// A packed row's four bytes are one element where they can be multiplied as they are; else they are two, of two 16-bit
/// integers each: the bytes in even places, and those in odd ones.
#if KERNELS_VNNI
@inline(__always) var rowUnit: Int { 1 }
#else
@inline(__always) var rowUnit: Int { 2 }
#endif

/// A vector of columns as the multiplication wants it.
#if KERNELS_VNNI
typealias ColumnQuads = VI
@inline(__always) func columnQuads(_ p: UnsafePointer<Int32>) -> ColumnQuads { load(p) }
#else
struct ColumnQuads {
  let even: VI
  let odd: VI
}
@inline(__always) func columnQuads(_ p: UnsafePointer<Int32>) -> ColumnQuads {
  let all = load(p)
  #if KERNELS_AVX512
  return ColumnQuads(even: even_bytes_x16(all), odd: odd_bytes_x16(all))
  #elseif KERNELS_AVX2
  return ColumnQuads(even: even_bytes_x8(all), odd: odd_bytes_x8(all))
  #else
  return ColumnQuads(even: even_bytes_x4(all), odd: odd_bytes_x4(all))
  #endif
}
#endif

@inline(__always) func load(_ p: UnsafePointer<Int32>) -> VI { UnsafeRawPointer(p).loadUnaligned(as: VI.self) }
@inline(__always) func store(_ v: VI, _ p: UnsafeMutablePointer<Int32>) {
  UnsafeMutableRawPointer(p).storeBytes(of: v, as: VI.self)
}

/// `sum` plus the products of a row's four bytes with those of each column.
@inline(__always) func addDot(_ sum: VI, _ a: UnsafePointer<Int32>, _ b: ColumnQuads) -> VI {
  #if KERNELS_VNNI
  dot_quads_x16(sum, VI(repeating: a[0]), b)
  #else
  sum &+ dotPairs(VI(repeating: a[0]), b.even) &+ dotPairs(VI(repeating: a[1]), b.odd)
  #endif
}

/// `sum` plus the four bytes of each column.
@inline(__always) func addBytes(_ sum: VI, _ b: ColumnQuads) -> VI {
  #if KERNELS_VNNI
  dot_quads_x16(sum, VI(repeating: 0x0101_0101), b)
  #else
  sum &+ dotPairs(VI(repeating: 0x0001_0001), b.even) &+ dotPairs(VI(repeating: 0x0001_0001), b.odd)
  #endif
}

@inline(__always) private func dotPairs(_ a: VI, _ b: VI) -> VI {
  #if KERNELS_AVX512
  dot_pairs_x16(a, b)
  #elseif KERNELS_AVX2
  dot_pairs_x8(a, b)
  #else
  dot_pairs_x4(a, b)
  #endif
}

/// `c = a b` for a tile of `rows` rows and `tileColumns` columns. `a` is packed `[quad][rows]`, `b` `[quad][tileColumns]`,
/// and `c` `[rows][tileColumns]`.
///
/// `rows` must be a literal in each use: the tests on it vanish and only the accumulators in use remain.
@inline(__always) private func tile(
  _ rows: Int, _ quads: Int, _ a: UnsafePointer<Int32>, _ b: UnsafePointer<Int32>, _ c: UnsafeMutablePointer<Int32>
) {
  var p0 = VI.zero
  var q0 = VI.zero
  var p1 = VI.zero
  var q1 = VI.zero
  var p2 = VI.zero
  var q2 = VI.zero
  var p3 = VI.zero
  var q3 = VI.zero
  var p4 = VI.zero
  var q4 = VI.zero
  var p5 = VI.zero
  var q5 = VI.zero
  var p6 = VI.zero
  var q6 = VI.zero
  var p7 = VI.zero
  var q7 = VI.zero
  var p8 = VI.zero
  var q8 = VI.zero
  var p9 = VI.zero
  var q9 = VI.zero
  var p10 = VI.zero
  var q10 = VI.zero
  var p11 = VI.zero
  var q11 = VI.zero
  var p12 = VI.zero
  var q12 = VI.zero
  var p13 = VI.zero
  var q13 = VI.zero
  var a = a
  var b = b
  var i = 0
  while i < quads {
    let b0 = columnQuads(b)
    let b1 = columnQuads(b + width)
    if rows > 0 {
      p0 = addDot(p0, a + 0 &* rowUnit, b0)
      q0 = addDot(q0, a + 0 &* rowUnit, b1)
    }
    if rows > 1 {
      p1 = addDot(p1, a + 1 &* rowUnit, b0)
      q1 = addDot(q1, a + 1 &* rowUnit, b1)
    }
    if rows > 2 {
      p2 = addDot(p2, a + 2 &* rowUnit, b0)
      q2 = addDot(q2, a + 2 &* rowUnit, b1)
    }
    if rows > 3 {
      p3 = addDot(p3, a + 3 &* rowUnit, b0)
      q3 = addDot(q3, a + 3 &* rowUnit, b1)
    }
    if rows > 4 {
      p4 = addDot(p4, a + 4 &* rowUnit, b0)
      q4 = addDot(q4, a + 4 &* rowUnit, b1)
    }
    if rows > 5 {
      p5 = addDot(p5, a + 5 &* rowUnit, b0)
      q5 = addDot(q5, a + 5 &* rowUnit, b1)
    }
    if rows > 6 {
      p6 = addDot(p6, a + 6 &* rowUnit, b0)
      q6 = addDot(q6, a + 6 &* rowUnit, b1)
    }
    if rows > 7 {
      p7 = addDot(p7, a + 7 &* rowUnit, b0)
      q7 = addDot(q7, a + 7 &* rowUnit, b1)
    }
    if rows > 8 {
      p8 = addDot(p8, a + 8 &* rowUnit, b0)
      q8 = addDot(q8, a + 8 &* rowUnit, b1)
    }
    if rows > 9 {
      p9 = addDot(p9, a + 9 &* rowUnit, b0)
      q9 = addDot(q9, a + 9 &* rowUnit, b1)
    }
    if rows > 10 {
      p10 = addDot(p10, a + 10 &* rowUnit, b0)
      q10 = addDot(q10, a + 10 &* rowUnit, b1)
    }
    if rows > 11 {
      p11 = addDot(p11, a + 11 &* rowUnit, b0)
      q11 = addDot(q11, a + 11 &* rowUnit, b1)
    }
    if rows > 12 {
      p12 = addDot(p12, a + 12 &* rowUnit, b0)
      q12 = addDot(q12, a + 12 &* rowUnit, b1)
    }
    if rows > 13 {
      p13 = addDot(p13, a + 13 &* rowUnit, b0)
      q13 = addDot(q13, a + 13 &* rowUnit, b1)
    }
    a += rows &* rowUnit
    b += tileColumns
    i &+= 1
  }
  if rows > 0 {
    store(p0, c + 0 &* tileColumns)
    store(q0, c + 0 &* tileColumns + width)
  }
  if rows > 1 {
    store(p1, c + 1 &* tileColumns)
    store(q1, c + 1 &* tileColumns + width)
  }
  if rows > 2 {
    store(p2, c + 2 &* tileColumns)
    store(q2, c + 2 &* tileColumns + width)
  }
  if rows > 3 {
    store(p3, c + 3 &* tileColumns)
    store(q3, c + 3 &* tileColumns + width)
  }
  if rows > 4 {
    store(p4, c + 4 &* tileColumns)
    store(q4, c + 4 &* tileColumns + width)
  }
  if rows > 5 {
    store(p5, c + 5 &* tileColumns)
    store(q5, c + 5 &* tileColumns + width)
  }
  if rows > 6 {
    store(p6, c + 6 &* tileColumns)
    store(q6, c + 6 &* tileColumns + width)
  }
  if rows > 7 {
    store(p7, c + 7 &* tileColumns)
    store(q7, c + 7 &* tileColumns + width)
  }
  if rows > 8 {
    store(p8, c + 8 &* tileColumns)
    store(q8, c + 8 &* tileColumns + width)
  }
  if rows > 9 {
    store(p9, c + 9 &* tileColumns)
    store(q9, c + 9 &* tileColumns + width)
  }
  if rows > 10 {
    store(p10, c + 10 &* tileColumns)
    store(q10, c + 10 &* tileColumns + width)
  }
  if rows > 11 {
    store(p11, c + 11 &* tileColumns)
    store(q11, c + 11 &* tileColumns + width)
  }
  if rows > 12 {
    store(p12, c + 12 &* tileColumns)
    store(q12, c + 12 &* tileColumns + width)
  }
  if rows > 13 {
    store(p13, c + 13 &* tileColumns)
    store(q13, c + 13 &* tileColumns + width)
  }
}

@inline(never) private func tile1(
  _ n: Int, _ a: UnsafePointer<Int32>, _ b: UnsafePointer<Int32>, _ c: UnsafeMutablePointer<Int32>
) { tile(1, n, a, b, c) }
@inline(never) private func tile2(
  _ n: Int, _ a: UnsafePointer<Int32>, _ b: UnsafePointer<Int32>, _ c: UnsafeMutablePointer<Int32>
) { tile(2, n, a, b, c) }
@inline(never) private func tile3(
  _ n: Int, _ a: UnsafePointer<Int32>, _ b: UnsafePointer<Int32>, _ c: UnsafeMutablePointer<Int32>
) { tile(3, n, a, b, c) }
@inline(never) private func tile4(
  _ n: Int, _ a: UnsafePointer<Int32>, _ b: UnsafePointer<Int32>, _ c: UnsafeMutablePointer<Int32>
) { tile(4, n, a, b, c) }
#if KERNELS_AVX512
@inline(never) private func tile5(
  _ n: Int, _ a: UnsafePointer<Int32>, _ b: UnsafePointer<Int32>, _ c: UnsafeMutablePointer<Int32>
) { tile(5, n, a, b, c) }
@inline(never) private func tile6(
  _ n: Int, _ a: UnsafePointer<Int32>, _ b: UnsafePointer<Int32>, _ c: UnsafeMutablePointer<Int32>
) { tile(6, n, a, b, c) }
@inline(never) private func tile7(
  _ n: Int, _ a: UnsafePointer<Int32>, _ b: UnsafePointer<Int32>, _ c: UnsafeMutablePointer<Int32>
) { tile(7, n, a, b, c) }
@inline(never) private func tile8(
  _ n: Int, _ a: UnsafePointer<Int32>, _ b: UnsafePointer<Int32>, _ c: UnsafeMutablePointer<Int32>
) { tile(8, n, a, b, c) }
@inline(never) private func tile9(
  _ n: Int, _ a: UnsafePointer<Int32>, _ b: UnsafePointer<Int32>, _ c: UnsafeMutablePointer<Int32>
) { tile(9, n, a, b, c) }
@inline(never) private func tile10(
  _ n: Int, _ a: UnsafePointer<Int32>, _ b: UnsafePointer<Int32>, _ c: UnsafeMutablePointer<Int32>
) { tile(10, n, a, b, c) }
@inline(never) private func tile11(
  _ n: Int, _ a: UnsafePointer<Int32>, _ b: UnsafePointer<Int32>, _ c: UnsafeMutablePointer<Int32>
) { tile(11, n, a, b, c) }
@inline(never) private func tile12(
  _ n: Int, _ a: UnsafePointer<Int32>, _ b: UnsafePointer<Int32>, _ c: UnsafeMutablePointer<Int32>
) { tile(12, n, a, b, c) }
#endif
#if KERNELS_VNNI
@inline(never) private func tile13(
  _ n: Int, _ a: UnsafePointer<Int32>, _ b: UnsafePointer<Int32>, _ c: UnsafeMutablePointer<Int32>
) { tile(13, n, a, b, c) }
@inline(never) private func tile14(
  _ n: Int, _ a: UnsafePointer<Int32>, _ b: UnsafePointer<Int32>, _ c: UnsafeMutablePointer<Int32>
) { tile(14, n, a, b, c) }
#endif

/// `c = a b` for a tile of `rows` (1 to `integerTileRows`) rows.
func computeIntegerTile(
  _ rows: Int, _ quads: Int, _ a: UnsafePointer<Int32>, _ b: UnsafePointer<Int32>, _ c: UnsafeMutablePointer<Int32>
) {
  switch rows {
  case 1: tile1(quads, a, b, c)
  case 2: tile2(quads, a, b, c)
  case 3: tile3(quads, a, b, c)
  case 4: tile4(quads, a, b, c)
  #if KERNELS_AVX512
  case 5: tile5(quads, a, b, c)
  case 6: tile6(quads, a, b, c)
  case 7: tile7(quads, a, b, c)
  case 8: tile8(quads, a, b, c)
  case 9: tile9(quads, a, b, c)
  case 10: tile10(quads, a, b, c)
  case 11: tile11(quads, a, b, c)
  case 12: tile12(quads, a, b, c)
  #endif
  #if KERNELS_VNNI
  case 13: tile13(quads, a, b, c)
  case 14: tile14(quads, a, b, c)
  #endif
  default: break
  }
}
