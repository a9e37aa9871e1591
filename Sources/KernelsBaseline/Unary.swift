// One vector of `y = f(x)` after the other; the rest goes through a partial vector.

func kernelExp(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  @inline(__always) func f(_ x: V) -> V { vexp(x) }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i)), y + i, n &- i) }
}

func kernelLog(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  @inline(__always) func f(_ x: V) -> V { vlog(x) }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i)), y + i, n &- i) }
}

func kernelTanh(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  @inline(__always) func f(_ x: V) -> V { vtanh(x) }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i)), y + i, n &- i) }
}

func kernelErf(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  @inline(__always) func f(_ x: V) -> V { verf(x) }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i)), y + i, n &- i) }
}

func kernelSigmoid(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  @inline(__always) func f(_ x: V) -> V { vsigmoid(x) }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i)), y + i, n &- i) }
}

func kernelRelu(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  @inline(__always) func f(_ x: V) -> V { vrelu(x) }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i)), y + i, n &- i) }
}

func kernelGelu(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  @inline(__always) func f(_ x: V) -> V { vgelu(x) }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i)), y + i, n &- i) }
}

func kernelGeluTanh(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  @inline(__always) func f(_ x: V) -> V { vgeluTanh(x) }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i)), y + i, n &- i) }
}

func kernelSilu(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  @inline(__always) func f(_ x: V) -> V { vsilu(x) }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i)), y + i, n &- i) }
}

func kernelSoftplus(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  @inline(__always) func f(_ x: V) -> V { vsoftplus(x) }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i)), y + i, n &- i) }
}

/// Element by element: `squareRoot()` of a SIMD type is not one instruction, but the loop vectorises.
func kernelSqrt(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  var i = 0
  while i < n {
    y[i] = x[i].squareRoot()
    i &+= 1
  }
}

func kernelReciprocal(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  @inline(__always) func f(_ x: V) -> V { V(repeating: 1) / x }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i)), y + i, n &- i) }
}

func kernelNegate(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  @inline(__always) func f(_ x: V) -> V { floats(bits(x) ^ VI(repeating: Int32(bitPattern: 0x8000_0000))) }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i)), y + i, n &- i) }
}

func kernelAbsolute(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  @inline(__always) func f(_ x: V) -> V { abs(x) }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i)), y + i, n &- i) }
}

func kernelSquare(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ n: Int) {
  @inline(__always) func f(_ x: V) -> V { x * x }
  var i = 0
  while i &+ width <= n {
    store(f(load(x + i)), y + i)
    i &+= width
  }
  if i < n { store(f(load(x + i, n &- i)), y + i, n &- i) }
}
