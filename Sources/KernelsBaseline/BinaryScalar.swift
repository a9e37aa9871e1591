// Elementwise functions of a vector and a scalar.

func kernelAddScalar(_ x: UnsafePointer<Float>, _ scalar: Float, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  let s = V(repeating: scalar)
  @inline(__always) func f(_ a: V) -> V { a + s }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i)), y + i, n &- i) }
}

func kernelSubtractScalar(_ x: UnsafePointer<Float>, _ scalar: Float, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  let s = V(repeating: scalar)
  @inline(__always) func f(_ a: V) -> V { a - s }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i)), y + i, n &- i) }
}

func kernelReversedSubtractScalar(
  _ x: UnsafePointer<Float>, _ scalar: Float, _ y: UnsafeMutablePointer<Float>, _ n: Int
) {
  let s = V(repeating: scalar)
  @inline(__always) func f(_ a: V) -> V { s - a }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i)), y + i, n &- i) }
}

func kernelMultiplyScalar(_ x: UnsafePointer<Float>, _ scalar: Float, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  let s = V(repeating: scalar)
  @inline(__always) func f(_ a: V) -> V { a * s }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i)), y + i, n &- i) }
}

func kernelDivideScalar(_ x: UnsafePointer<Float>, _ scalar: Float, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  let s = V(repeating: scalar)
  @inline(__always) func f(_ a: V) -> V { a / s }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i)), y + i, n &- i) }
}

func kernelReversedDivideScalar(_ x: UnsafePointer<Float>, _ scalar: Float, _ y: UnsafeMutablePointer<Float>, _ n: Int)
{
  let s = V(repeating: scalar)
  @inline(__always) func f(_ a: V) -> V { s / a }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i)), y + i, n &- i) }
}

func kernelMaximumScalar(_ x: UnsafePointer<Float>, _ scalar: Float, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  let s = V(repeating: scalar)
  @inline(__always) func f(_ a: V) -> V { maximum(a, s) }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i)), y + i, n &- i) }
}

func kernelMinimumScalar(_ x: UnsafePointer<Float>, _ scalar: Float, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  let s = V(repeating: scalar)
  @inline(__always) func f(_ a: V) -> V { minimum(a, s) }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i)), y + i, n &- i) }
}

func kernelAxpy(_ x: UnsafePointer<Float>, _ scalar: Float, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  let s = V(repeating: scalar)
  var i = 0
  while i &+ width <= n {
    store(fma(load(x + i), s, load(y + i)), y + i)
    i &+= width
  }
  if i < n { store(fma(load(x + i, n &- i), s, load(y + i, n &- i)), y + i, n &- i) }
}
