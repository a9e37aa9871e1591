// Elementwise functions with two parameters.

/// `x` between `p` and `q`; where they cross, `q`; NaN stays.
@inline(__always) private func minimumOf(_ x: V, _ p: V, _ q: V) -> V {
  let low = x.replacing(with: p, where: x .< p)
  return low.replacing(with: q, where: low .> q)
}

func kernelAffine(
  _ x: UnsafePointer<Float>, _ ps: Float, _ qs: Float, _ y: UnsafeMutablePointer<Float>, _ n: Int
) {
  let p = V(repeating: ps)
  let q = V(repeating: qs)
  @inline(__always) func f(_ x: V) -> V { fma(x, p, q) }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i)), y + i, n &- i) }
}

func kernelClip(
  _ x: UnsafePointer<Float>, _ ps: Float, _ qs: Float, _ y: UnsafeMutablePointer<Float>, _ n: Int
) {
  let p = V(repeating: ps)
  let q = V(repeating: qs)
  @inline(__always) func f(_ x: V) -> V { minimumOf(x, p, q) }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i)), y + i, n &- i) }
}

func kernelLeakyRelu(
  _ x: UnsafePointer<Float>, _ ps: Float, _: Float, _ y: UnsafeMutablePointer<Float>, _ n: Int
) {
  let p = V(repeating: ps)
  @inline(__always) func f(_ x: V) -> V { x.replacing(with: x * p, where: x .< V.zero) }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i)), y + i, n &- i) }
}

func kernelElu(
  _ x: UnsafePointer<Float>, _ ps: Float, _ qs: Float, _ y: UnsafeMutablePointer<Float>, _ n: Int
) {
  let p = V(repeating: ps)
  let q = V(repeating: qs)
  @inline(__always) func f(_ x: V) -> V {
    (x * q).replacing(with: vexpm1NonPositive(atMost(x, 0)) * p, where: x .< V.zero)
  }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i)), y + i, n &- i) }
}

func kernelHardSigmoid(
  _ x: UnsafePointer<Float>, _ ps: Float, _ qs: Float, _ y: UnsafeMutablePointer<Float>, _ n: Int
) {
  let p = V(repeating: ps)
  let q = V(repeating: qs)
  @inline(__always) func f(_ x: V) -> V { atMost(atLeast(fma(x, p, q), 0), 1) }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i)), y + i, n &- i) }
}
