// Between floating-point numbers and the 8-bit integers that stand for them.

import CIntegerDot

@inline(__always) func toFloats(_ v: VI) -> V {
  #if KERNELS_AVX512
  to_float_x16(v)
  #elseif KERNELS_AVX2
  to_float_x8(v)
  #else
  to_float_x4(v)
  #endif
}

@inline(__always) func loadBytes(_ p: UnsafePointer<UInt8>) -> VI {
  #if KERNELS_AVX512
  load_bytes_x16(p)
  #elseif KERNELS_AVX2
  load_bytes_x8(p)
  #else
  load_bytes_x4(p)
  #endif
}

/// Stores the lowest byte of each lane.
@inline(__always) func storeBytes(_ v: VI, _ p: UnsafeMutablePointer<UInt8>) {
  #if KERNELS_AVX512
  store_bytes_x16(v, p)
  #elseif KERNELS_AVX2
  store_bytes_x8(v, p)
  #else
  store_bytes_x4(v, p)
  #endif
}

/// The integers nearest to `v` (the even one of two) within `low...high`, which are below 2^22 in magnitude; NaN gives `low`.
@inline(__always) func nearest(_ v: V, _ low: Float, _ high: Float) -> VI {
  let least = V(repeating: low)
  let limited = atMost(least.replacing(with: v, where: v .> least), high)
  // 1.5 * 2^23: added, it leaves the nearest integer in the lowest bits.
  let magic: Float = 12_582_912
  return bits(limited + V(repeating: magic)) &- VI(repeating: Int32(bitPattern: magic.bitPattern))
}

func kernelQuantize(
  _ x: UnsafePointer<Float>, _ scale: Float, _ zero: Int32, _ low: Int32, _ high: Int32,
  _ y: UnsafeMutablePointer<UInt8>, _ n: Int
) {
  let (least, most) = (Float(low &- zero), Float(high &- zero))
  var i = 0
  while i &+ width <= n {
    storeBytes(nearest(load(x + i) / V(repeating: scale), least, most) &+ VI(repeating: zero), y + i)
    i &+= width
  }
  if i < n {
    let rest = nearest(load(x + i, n &- i) / V(repeating: scale), least, most) &+ VI(repeating: zero)
    var lane = 0
    while i < n {
      y[i] = UInt8(truncatingIfNeeded: rest[lane])
      lane &+= 1
      i &+= 1
    }
  }
}

func kernelDequantize(
  _ x: UnsafePointer<UInt8>, _ isSigned: Bool, _ zero: Float, _ scale: Float, _ y: UnsafeMutablePointer<Float>,
  _ n: Int
) {
  let shift = VI(repeating: isSigned ? 24 : 0)
  var i = 0
  while i &+ width <= n {
    let v = (loadBytes(x + i) &<< shift) &>> shift
    store((toFloats(v) - V(repeating: zero)) * V(repeating: scale), y + i)
    i &+= width
  }
  while i < n {
    let v = isSigned ? Float(Int8(bitPattern: x[i])) : Float(x[i])
    y[i] = (v - zero) * scale
    i &+= 1
  }
}
