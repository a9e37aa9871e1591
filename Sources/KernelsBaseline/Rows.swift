// Kernels that normalise one contiguous row.

/// The greatest element of a row, for scaling: NaN need not be found.
@inline(__always) private func rowMax(_ x: UnsafePointer<Float>, _ n: Int) -> Float {
  var s = V(repeating: -.infinity)
  var i = 0
  while i &+ width <= n {
    s = fastMax(load(x + i), s)
    i &+= width
  }
  if i < n { s = fastMax(load(x + i, n &- i, fill: -.infinity), s) }
  var best = s[0]
  var lane = 1
  while lane < width {
    if s[lane] > best { best = s[lane] }
    lane &+= 1
  }
  return best
}

func kernelSoftmax(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  let top = V(repeating: rowMax(x, n))
  var total = V.zero
  var i = 0
  while i &+ width <= n {
    let e = vexpNonPositive(load(x + i) - top)
    store(e, y + i)
    total += e
    i &+= width
  }
  if i < n {
    let rest = n &- i
    let e = vexpNonPositive(load(x + i, rest, fill: -.infinity) - top)
    store(e, y + i, rest)
    var lane = 0
    while lane < rest {
      total[lane] += e[lane]
      lane &+= 1
    }
  }
  kernelMultiplyScalar(y, 1 / horizontalSum(total), y, n)
}

func kernelLogSoftmax(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  let greatest = rowMax(x, n)
  let top = V(repeating: greatest)
  var total = V.zero
  var i = 0
  while i &+ width <= n {
    total += vexpNonPositive(load(x + i) - top)
    i &+= width
  }
  if i < n {
    let rest = n &- i
    let e = vexpNonPositive(load(x + i, rest, fill: -.infinity) - top)
    var lane = 0
    while lane < rest {
      total[lane] += e[lane]
      lane &+= 1
    }
  }
  let log = vlog(V(repeating: horizontalSum(total)))
  i = 0
  while i &+ width <= n {
    store(load(x + i) - top - log, y + i)
    i &+= width
  }
  if i < n { store(load(x + i, n &- i) - top - log, y + i, n &- i) }
}

func kernelLayerNorm(
  _ x: UnsafePointer<Float>, _ gamma: UnsafePointer<Float>?, _ beta: UnsafePointer<Float>?, _ epsilon: Float,
  _ y: UnsafeMutablePointer<Float>, _ n: Int, _ stats: UnsafeMutablePointer<Float>?
) {
  let count = Float(n)
  let mean = kernelSum(x, n) / count
  let m = V(repeating: mean)
  var s0 = V.zero
  var s1 = V.zero
  var i = 0
  while i &+ 2 &* width <= n {
    let a = load(x + i) - m
    let b = load(x + i + width) - m
    s0 = fma(a, a, s0)
    s1 = fma(b, b, s1)
    i &+= 2 &* width
  }
  while i &+ width <= n {
    let a = load(x + i) - m
    s0 = fma(a, a, s0)
    i &+= width
  }
  if i < n {
    let a = load(x + i, n &- i, fill: mean) - m
    s1 = fma(a, a, s1)
  }
  let scale = 1 / (horizontalSum(s0 + s1) / count + epsilon).squareRoot()
  if let stats {
    stats[0] = mean
    stats[1] = scale
  }
  normalizeRow(x, gamma, beta, mean, scale, y, n)
}

func kernelRMSNorm(
  _ x: UnsafePointer<Float>, _ gamma: UnsafePointer<Float>?, _ epsilon: Float, _ y: UnsafeMutablePointer<Float>,
  _ n: Int
) {
  normalizeRow(x, gamma, nil, 0, 1 / (kernelDot(x, x, n) / Float(n) + epsilon).squareRoot(), y, n)
}

/// `y = (x - mean) * scale * gamma + beta`.
@inline(__always) private func normalizeRow(
  _ x: UnsafePointer<Float>, _ gamma: UnsafePointer<Float>?, _ beta: UnsafePointer<Float>?, _ mean: Float,
  _ scale: Float, _ y: UnsafeMutablePointer<Float>, _ n: Int
) {
  let m = V(repeating: mean)
  let s = V(repeating: scale)
  var i = 0
  while i < n {
    let rest = n &- i
    let full = rest >= width
    var v = ((full ? load(x + i) : load(x + i, rest)) - m) * s
    if let gamma { v *= full ? load(gamma + i) : load(gamma + i, rest) }
    if let beta { v += full ? load(beta + i) : load(beta + i, rest) }
    if full { store(v, y + i) } else { store(v, y + i, rest) }
    i &+= width
  }
}

func kernelTranspose(
  _ src: UnsafePointer<Float>, _ lds: Int, _ dst: UnsafeMutablePointer<Float>, _ ldd: Int, _ rows: Int, _ columns: Int
) {
  var r = 0
  while r &+ 4 <= rows {
    var c = 0
    let s = src + r &* lds
    while c &+ 4 <= columns {
      transpose4(s + c, lds, dst + c &* ldd + r, ldd)
      c &+= 4
    }
    while c < columns {
      var i = 0
      while i < 4 {
        dst[c &* ldd &+ r &+ i] = s[i &* lds &+ c]
        i &+= 1
      }
      c &+= 1
    }
    r &+= 4
  }
  while r < rows {
    var c = 0
    while c < columns {
      dst[c &* ldd &+ r] = src[r &* lds &+ c]
      c &+= 1
    }
    r &+= 1
  }
}

/// Transposes a 4x4 block.
@inline(__always) func transpose4(
  _ s: UnsafePointer<Float>, _ lds: Int, _ d: UnsafeMutablePointer<Float>, _ ldd: Int
) {
  let a = UnsafeRawPointer(s).loadUnaligned(as: SIMD4<Float>.self)
  let b = UnsafeRawPointer(s + lds).loadUnaligned(as: SIMD4<Float>.self)
  let c = UnsafeRawPointer(s + 2 &* lds).loadUnaligned(as: SIMD4<Float>.self)
  let e = UnsafeRawPointer(s + 3 &* lds).loadUnaligned(as: SIMD4<Float>.self)
  let r0 = SIMD4<Float>(a[0], b[0], c[0], e[0])
  let r1 = SIMD4<Float>(a[1], b[1], c[1], e[1])
  let r2 = SIMD4<Float>(a[2], b[2], c[2], e[2])
  let r3 = SIMD4<Float>(a[3], b[3], c[3], e[3])
  UnsafeMutableRawPointer(d).storeBytes(of: r0, as: SIMD4<Float>.self)
  UnsafeMutableRawPointer(d + ldd).storeBytes(of: r1, as: SIMD4<Float>.self)
  UnsafeMutableRawPointer(d + 2 &* ldd).storeBytes(of: r2, as: SIMD4<Float>.self)
  UnsafeMutableRawPointer(d + 3 &* ldd).storeBytes(of: r3, as: SIMD4<Float>.self)
}
