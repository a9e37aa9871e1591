// Reductions of a contiguous run. Four accumulators hide the latency and shorten the chains of roundings.

func kernelSum(_ x: UnsafePointer<Float>, _ n: Int) -> Float {
  var s0 = V.zero
  var s1 = V.zero
  var s2 = V.zero
  var s3 = V.zero
  var i = 0
  while i &+ 4 &* width <= n {
    s0 += load(x + i)
    s1 += load(x + i + width)
    s2 += load(x + i + 2 &* width)
    s3 += load(x + i + 3 &* width)
    i &+= 4 &* width
  }
  while i &+ width <= n {
    s0 += load(x + i)
    i &+= width
  }
  if i < n { s1 += load(x + i, n &- i) }
  return horizontalSum((s0 + s1) + (s2 + s3))
}

func kernelSumOfSquares(_ x: UnsafePointer<Float>, _ n: Int) -> Float { kernelDot(x, x, n) }

func kernelDot(_ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ n: Int) -> Float {
  var s0 = V.zero
  var s1 = V.zero
  var s2 = V.zero
  var s3 = V.zero
  var i = 0
  while i &+ 4 &* width <= n {
    s0 = fma(load(x + i), load(y + i), s0)
    s1 = fma(load(x + i + width), load(y + i + width), s1)
    s2 = fma(load(x + i + 2 &* width), load(y + i + 2 &* width), s2)
    s3 = fma(load(x + i + 3 &* width), load(y + i + 3 &* width), s3)
    i &+= 4 &* width
  }
  while i &+ width <= n {
    s0 = fma(load(x + i), load(y + i), s0)
    i &+= width
  }
  if i < n { s1 = fma(load(x + i, n &- i), load(y + i, n &- i), s1) }
  return horizontalSum((s0 + s1) + (s2 + s3))
}

func kernelMax(_ x: UnsafePointer<Float>, _ n: Int) -> Float {
  var s0 = V(repeating: -.infinity)
  var s1 = s0
  var i = 0
  while i &+ 2 &* width <= n {
    s0 = maximum(load(x + i), s0)
    s1 = maximum(load(x + i + width), s1)
    i &+= 2 &* width
  }
  while i &+ width <= n {
    s0 = maximum(load(x + i), s0)
    i &+= width
  }
  if i < n { s1 = maximum(load(x + i, n &- i, fill: -.infinity), s1) }
  return horizontalMax(maximum(s0, s1))
}

func kernelMin(_ x: UnsafePointer<Float>, _ n: Int) -> Float {
  var s0 = V(repeating: .infinity)
  var s1 = s0
  var i = 0
  while i &+ 2 &* width <= n {
    s0 = minimum(load(x + i), s0)
    s1 = minimum(load(x + i + width), s1)
    i &+= 2 &* width
  }
  while i &+ width <= n {
    s0 = minimum(load(x + i), s0)
    i &+= width
  }
  if i < n { s1 = minimum(load(x + i, n &- i, fill: .infinity), s1) }
  return -horizontalMax(V.zero - minimum(s0, s1))
}
