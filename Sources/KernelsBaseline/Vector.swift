// Everything in this folder is compiled once for each instruction set. Only concrete SIMD types and pointers may occur:
// a generic, an array or a closure would emit code under a symbol that narrower code shares (docs/decisions/0004).

#if KERNELS_AVX512
typealias V = SIMD16<Float>
typealias VI = SIMD16<Int32>
#elseif KERNELS_AVX2
typealias V = SIMD8<Float>
typealias VI = SIMD8<Int32>
#else
typealias V = SIMD4<Float>
typealias VI = SIMD4<Int32>
#endif

#if KERNELS_AVX512
@inline(__always) var width: Int { 16 }
#elseif KERNELS_AVX2
@inline(__always) var width: Int { 8 }
#else
@inline(__always) var width: Int { 4 }
#endif

/// `a*b + c`, in one rounding where the instruction set has it.
@inline(__always) func fma(_ a: V, _ b: V, _ c: V) -> V {
  #if KERNELS_AVX512 || KERNELS_AVX2 || arch(arm64)
  c.addingProduct(a, b)
  #else
  a * b + c
  #endif
}

@inline(__always) func fma(_ a: V, _ b: V, _ c: Float) -> V { fma(a, b, V(repeating: c)) }
@inline(__always) func fma(_ a: V, _ b: Float, _ c: V) -> V { fma(a, V(repeating: b), c) }
@inline(__always) func fma(_ a: V, _ b: Float, _ c: Float) -> V { fma(a, V(repeating: b), V(repeating: c)) }

@inline(__always) func load(_ p: UnsafePointer<Float>) -> V { UnsafeRawPointer(p).loadUnaligned(as: V.self) }
@inline(__always) func store(_ v: V, _ p: UnsafeMutablePointer<Float>) {
  UnsafeMutableRawPointer(p).storeBytes(of: v, as: V.self)
}

/// The first `count` elements, `fill` in the other lanes.
@inline(__always) func load(_ p: UnsafePointer<Float>, _ count: Int, fill: Float = 0) -> V {
  var v = V(repeating: fill)
  var i = 0
  while i < count {
    v[i] = p[i]
    i &+= 1
  }
  return v
}

/// Stores the first `count` lanes.
@inline(__always) func store(_ v: V, _ p: UnsafeMutablePointer<Float>, _ count: Int) {
  var i = 0
  while i < count {
    p[i] = v[i]
    i &+= 1
  }
}

@inline(__always) func bits(_ v: V) -> VI { unsafeBitCast(v, to: VI.self) }
@inline(__always) func floats(_ v: VI) -> V { unsafeBitCast(v, to: V.self) }
@inline(__always) func abs(_ v: V) -> V { floats(bits(v) & VI(repeating: 0x7FFF_FFFF)) }
/// The magnitude of `a` with the sign of `b`.
@inline(__always) func copysign(_ a: V, _ b: V) -> V {
  floats((bits(a) & VI(repeating: 0x7FFF_FFFF)) | (bits(b) & VI(repeating: Int32(bitPattern: 0x8000_0000))))
}
/// `low` where `v` is below it; NaN stays.
@inline(__always) func atLeast(_ v: V, _ low: Float) -> V {
  let l = V(repeating: low)
  return v.replacing(with: l, where: v .< l)
}
/// `high` where `v` is above it; NaN stays.
@inline(__always) func atMost(_ v: V, _ high: Float) -> V {
  let h = V(repeating: high)
  return v.replacing(with: h, where: v .> h)
}
/// The greater, NaN where either is NaN.
@inline(__always) func maximum(_ a: V, _ b: V) -> V {
  b.replacing(with: a, where: a .> b).replacing(with: a, where: a .!= a)
}
/// The lesser, NaN where either is NaN.
@inline(__always) func minimum(_ a: V, _ b: V) -> V {
  b.replacing(with: a, where: a .< b).replacing(with: a, where: a .!= a)
}
/// The greater; when one is NaN, the second.
@inline(__always) func fastMax(_ a: V, _ b: V) -> V { b.replacing(with: a, where: a .> b) }

@inline(__always) func horizontalSum(_ v: V) -> Float {
  #if KERNELS_AVX512
  let h = v.lowHalf + v.highHalf
  let q = h.lowHalf + h.highHalf
  #elseif KERNELS_AVX2
  let q = v.lowHalf + v.highHalf
  #else
  let q = v
  #endif
  return (q[0] + q[2]) + (q[1] + q[3])
}

/// The greatest lane; NaN if one is NaN.
@inline(__always) func horizontalMax(_ v: V) -> Float {
  var best = v[0]
  var i = 1
  while i < width {
    let x = v[i]
    if x > best || x.isNaN { best = x }
    i &+= 1
  }
  return best
}
