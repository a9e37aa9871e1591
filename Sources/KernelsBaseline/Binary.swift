// Elementwise functions of two operands, the second a vector or a scalar.

func kernelAdd(
  _ x: UnsafePointer<Float>, _ z: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int
) {
  @inline(__always) func f(_ a: V, _ b: V) -> V { a + b }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i), load(z + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i), load(z + i, n &- i)), y + i, n &- i) }
}

func kernelSubtract(
  _ x: UnsafePointer<Float>, _ z: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int
) {
  @inline(__always) func f(_ a: V, _ b: V) -> V { a - b }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i), load(z + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i), load(z + i, n &- i)), y + i, n &- i) }
}

func kernelMultiply(
  _ x: UnsafePointer<Float>, _ z: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int
) {
  @inline(__always) func f(_ a: V, _ b: V) -> V { a * b }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i), load(z + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i), load(z + i, n &- i)), y + i, n &- i) }
}

func kernelDivide(
  _ x: UnsafePointer<Float>, _ z: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int
) {
  @inline(__always) func f(_ a: V, _ b: V) -> V { a / b }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i), load(z + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i), load(z + i, n &- i)), y + i, n &- i) }
}

func kernelMaximum(
  _ x: UnsafePointer<Float>, _ z: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int
) {
  @inline(__always) func f(_ a: V, _ b: V) -> V { maximum(a, b) }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i), load(z + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i), load(z + i, n &- i)), y + i, n &- i) }
}

func kernelMinimum(
  _ x: UnsafePointer<Float>, _ z: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int
) {
  @inline(__always) func f(_ a: V, _ b: V) -> V { minimum(a, b) }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i), load(z + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i), load(z + i, n &- i)), y + i, n &- i) }
}
