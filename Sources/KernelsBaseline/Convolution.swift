// Kernels that read the windows of a convolution.

#if KERNELS_AVX512
private typealias Pair = SIMD32<Float>
#elseif KERNELS_AVX2
private typealias Pair = SIMD16<Float>
#else
private typealias Pair = SIMD8<Float>
#endif

/// Every second element of `2 * width` from `p`.
@inline(__always) private func loadEven(_ p: UnsafePointer<Float>) -> V {
  UnsafeRawPointer(p).loadUnaligned(as: Pair.self).evenHalf
}

/// Writes one panel of a convolution's matrix of windows: row `i` is `source[rowOffsets[i] + ...]`, put together from
/// `segments`, triples of (column, offset, length); successive columns of a segment are `step` elements apart.
func kernelGatherWindows(
  _ source: UnsafePointer<Float>, _ end: UnsafePointer<Float>, _ rowOffsets: UnsafePointer<Int>, _ rows: Int,
  _ segments: UnsafePointer<Int>, _ segmentCount: Int, _ step: Int, _ panel: UnsafeMutablePointer<Float>
) {
  var row = 0
  while row < rows {
    let base = source + rowOffsets[row]
    let target = panel + row &* tileColumns
    var s = 0
    while s < segmentCount {
      let to = target + segments[3 &* s]
      let from = base + segments[3 &* s &+ 1]
      let length = segments[3 &* s &+ 2]
      var i = 0
      if step == 1 {
        // A vector may pass the segment's end: what follows in the panel is written later.
        while i < length, from + i + width <= end {
          store(load(from + i), to + i)
          i &+= width
        }
      } else if step == 2 {
        while i < length, from + 2 &* (i &+ width) <= end {
          store(loadEven(from + 2 &* i), to + i)
          i &+= width
        }
      }
      while i < length {
        to[i] = from[i &* step]
        i &+= 1
      }
      s &+= 1
    }
    row &+= 1
  }
}

/// Up to `width` elements from `p` on, `step` apart: at least `count` of them.
@inline(__always) private func load(
  _ p: UnsafePointer<Float>, step: Int, _ end: UnsafePointer<Float>, _ count: Int
) -> V {
  if step == 1, p + width <= end { return load(p) }
  if step == 2, p + 2 &* width <= end { return loadEven(p) }
  var x = V.zero
  var lane = 0
  while lane < count {
    x[lane] = p[lane &* step]
    lane &+= 1
  }
  return x
}

/// Where the next vector of a run of `n` begins: the last one of several reaches back instead of being cut.
@inline(__always) private func vectorStart(_ i: Int, _ n: Int) -> Int {
  i &+ width <= n || n < width ? i : n &- width
}

/// One run of outputs of a pool: the greatest of `source[offsets[t] + i*step]` over all taps, or their sum.
func kernelPoolWindows(
  _ source: UnsafePointer<Float>, _ end: UnsafePointer<Float>, _ offsets: UnsafePointer<Int>, _ taps: Int,
  _ step: Int, _ takesGreatest: Bool, _ out: UnsafeMutablePointer<Float>, _ n: Int
) {
  var i = 0
  while i < n {
    let start = vectorStart(i, n)
    let count = n < width ? n : width
    let from = source + start &* step
    var best = load(from + offsets[0], step: step, end, count)
    var t = 1
    if takesGreatest {
      while t < taps {
        best = maximum(load(from + offsets[t], step: step, end, count), best)
        t &+= 1
      }
    } else {
      while t < taps {
        best += load(from + offsets[t], step: step, end, count)
        t &+= 1
      }
    }
    if count == width { store(best, out + start) } else { store(best, out, count) }
    i = start &+ width
  }
}

/// One run of outputs of a depthwise convolution: `out[i] = bias + Σ weights[t] * source[offsets[t] + i*step]`.
func kernelDepthwise(
  _ source: UnsafePointer<Float>, _ end: UnsafePointer<Float>, _ offsets: UnsafePointer<Int>,
  _ weights: UnsafePointer<Float>, _ taps: Int, _ step: Int, _ bias: Float, _ out: UnsafeMutablePointer<Float>, _ n: Int
) {
  var i = 0
  while i &+ 2 &* width <= n {
    let from = source + i &* step
    var p = V(repeating: bias)
    var q = p
    var t = 0
    while t < taps {
      let weight = V(repeating: weights[t])
      p = fma(load(from + offsets[t], step: step, end, width), weight, p)
      q = fma(load(from + offsets[t] + width &* step, step: step, end, width), weight, q)
      t &+= 1
    }
    store(p, out + i)
    store(q, out + i + width)
    i &+= 2 &* width
  }
  while i < n {
    let start = vectorStart(i, n)
    let count = n < width ? n : width
    let from = source + start &* step
    var sum = V(repeating: bias)
    var t = 0
    while t < taps {
      sum = fma(load(from + offsets[t], step: step, end, count), V(repeating: weights[t]), sum)
      t &+= 1
    }
    if count == width { store(sum, out + start) } else { store(sum, out, count) }
    i = start &+ width
  }
}
