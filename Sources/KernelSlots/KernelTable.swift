/// The kernels of one instruction set, of `float32` where nothing else is said.
///
/// Every slot is a C function pointer, so that the table is plain data: copying it needs no code, and no code that was
/// compiled for a wide instruction set can end up in a symbol that other modules share. Counts are elements. Output may
/// be the input of elementwise kernels; otherwise buffers must not overlap. No slot allocates.
public struct KernelTable: Sendable {
  /// `y[i] = f(x[i])`: `(x, y, n)`.
  public typealias Unary = @convention(c) @Sendable (UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int) -> Void
  /// `y[i] = f(x[i]; p, q)`: `(x, p, q, y, n)`.
  public typealias Parametric =
    @convention(c) @Sendable (UnsafePointer<Float>, Float, Float, UnsafeMutablePointer<Float>, Int) -> Void
  /// `y[i] = f(a[i], b[i])`: `(a, b, y, n)`.
  public typealias Binary =
    @convention(c) @Sendable (UnsafePointer<Float>, UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int) -> Void
  /// `y[i] = f(a[i], s)`: `(a, s, y, n)`; in the slots named `reversed…`, `f(s, a[i])`.
  public typealias BinaryScalar =
    @convention(c) @Sendable (UnsafePointer<Float>, Float, UnsafeMutablePointer<Float>, Int) -> Void
  /// A value of all elements: `(x, n)`.
  public typealias Reduction = @convention(c) @Sendable (UnsafePointer<Float>, Int) -> Float

  /// `baseline`, `haswell`, `skylake-avx512` or `cascadelake`.
  public var name: StaticString

  // MARK: Elementwise

  public var exp: Unary
  public var log: Unary
  public var tanh: Unary
  public var erf: Unary
  public var sigmoid: Unary
  public var relu: Unary
  /// `x/2 * (1 + erf(x/√2))`.
  public var gelu: Unary
  /// `x/2 * (1 + tanh(√(2/π) * (x + 0.044715 x³)))`.
  public var geluTanh: Unary
  /// `x * sigmoid(x)`.
  public var silu: Unary
  /// `log(1 + exp(x))`, without overflow.
  public var softplus: Unary
  public var sqrt: Unary
  public var reciprocal: Unary
  public var negate: Unary
  public var absolute: Unary
  public var square: Unary
  /// `p*x + q`.
  public var affine: Parametric
  /// `min(max(x, p), q)`; NaN stays.
  public var clip: Parametric
  /// `x < 0 ? p*x : x`.
  public var leakyRelu: Parametric
  /// `x < 0 ? p*(exp(x) - 1) : q*x`.
  public var elu: Parametric
  /// `min(max(p*x + q, 0), 1)`.
  public var hardSigmoid: Parametric

  public var add: Binary
  public var subtract: Binary
  public var multiply: Binary
  public var divide: Binary
  /// NaN where either is NaN.
  public var maximum: Binary
  /// NaN where either is NaN.
  public var minimum: Binary
  public var addScalar: BinaryScalar
  public var subtractScalar: BinaryScalar
  public var reversedSubtractScalar: BinaryScalar
  public var multiplyScalar: BinaryScalar
  public var divideScalar: BinaryScalar
  public var reversedDivideScalar: BinaryScalar
  public var maximumScalar: BinaryScalar
  public var minimumScalar: BinaryScalar
  /// `y[i] += s * a[i]`.
  public var axpy: BinaryScalar

  // MARK: Reductions and rows

  /// The sum; 0 for no elements.
  public var sum: Reduction
  public var sumOfSquares: Reduction
  /// The greatest element, NaN if one is NaN; -inf for no elements.
  public var max: Reduction
  /// The least element, NaN if one is NaN; +inf for no elements.
  public var min: Reduction
  /// `Σ a[i]*b[i]`: `(a, b, n)`.
  public var dot: @convention(c) @Sendable (UnsafePointer<Float>, UnsafePointer<Float>, Int) -> Float
  /// One row of softmax: `(x, y, n)`.
  public var softmax: Unary
  /// One row of log-softmax: `(x, y, n)`.
  public var logSoftmax: Unary
  /// One row of layer normalisation: `(x, gamma?, beta?, epsilon, y, n, stats?)`; `stats` receives the mean and the
  /// reciprocal of the standard deviation.
  public var layerNorm:
    @convention(c) @Sendable (
      UnsafePointer<Float>, UnsafePointer<Float>?, UnsafePointer<Float>?, Float, UnsafeMutablePointer<Float>, Int,
      UnsafeMutablePointer<Float>?
    ) -> Void
  /// One row of root-mean-square normalisation: `(x, gamma?, epsilon, y, n)`.
  public var rmsNorm:
    @convention(c) @Sendable (UnsafePointer<Float>, UnsafePointer<Float>?, Float, UnsafeMutablePointer<Float>, Int) ->
      Void
  /// `dst[c*ldd + r] = src[r*lds + c]`: `(src, lds, dst, ldd, rows, columns)`.
  public var transpose:
    @convention(c) @Sendable (UnsafePointer<Float>, Int, UnsafeMutablePointer<Float>, Int, Int, Int) -> Void

  // MARK: Convolution

  /// Writes one panel of a convolution's matrix of windows: `(source, sourceEnd, rowOffsets, rows, segments,
  /// segmentCount, step, panel)`. Row `i` is put together from `segments`, triples of (column, offset, length) read at
  /// `source + rowOffsets[i] + offset`, `step` elements apart. The panel needs room for `gemmColumns` elements beyond
  /// its end.
  public var gatherWindows: GatherWindows
  /// `out[i] = bias + Σ weights[t] * source[offsets[t] + i*step]`: `(source, sourceEnd, offsets, weights, taps, step,
  /// bias, out, n)`.
  public var depthwise: Depthwise
  /// One run of outputs of a pool: `out[i]` is the greatest of `source[offsets[t] + i*step]` over all taps (NaN if one is
  /// NaN), or their sum: `(source, end, offsets, taps, step, takesGreatest, out, n)`. What is read lies before `end`.
  public var poolWindows: PoolWindows

  public typealias GatherWindows =
    @convention(c) @Sendable (
      UnsafePointer<Float>, UnsafePointer<Float>, UnsafePointer<Int>, Int, UnsafePointer<Int>, Int, Int,
      UnsafeMutablePointer<Float>
    ) -> Void
  public typealias PoolWindows =
    @convention(c) @Sendable (
      UnsafePointer<Float>, UnsafePointer<Float>, UnsafePointer<Int>, Int, Int, Bool, UnsafeMutablePointer<Float>, Int
    ) -> Void
  public typealias Depthwise =
    @convention(c) @Sendable (
      UnsafePointer<Float>, UnsafePointer<Float>, UnsafePointer<Int>, UnsafePointer<Float>, Int, Int, Float,
      UnsafeMutablePointer<Float>, Int
    ) -> Void

  // MARK: Matrix product

  /// Rows of the micro-kernel's largest tile.
  public var gemmRows: Int
  /// Columns of a tile: the width of a panel of packed B.
  public var gemmColumns: Int
  /// Packs B into panels of `gemmColumns` columns, `panel[k][column]`, zeros beyond the last column:
  /// `(b, rowStride, columnStride, k, n, packed)`; see `MatrixMultiply.packedCount`.
  public var packB:
    @convention(c) @Sendable (UnsafePointer<Float>, Int, Int, Int, Int, UnsafeMutablePointer<Float>) -> Void
  /// Packs A into balanced panels of at most `gemmRows` rows, `panel[k][row]`: `(a, rowStride, columnStride, m, k,
  /// packed)`; `packed` holds `m*k` elements.
  public var packA:
    @convention(c) @Sendable (UnsafePointer<Float>, Int, Int, Int, Int, UnsafeMutablePointer<Float>) -> Void
  /// Computes a part of a product; the argument points to a `GemmTask`.
  public var gemm: @convention(c) @Sendable (UnsafeRawPointer) -> Void

  /// Conversions of 16-bit floats.
  public var half: HalfKernels
  /// Products of 8-bit integers.
  public var integer: IntegerKernels

  // MARK: Trees

  /// Finds the leaves of 16 or 64 rows; the argument points to a `TreeTask`.
  public var treeLeaves: @convention(c) @Sendable (UnsafeRawPointer) -> Void

  public init(
    name: StaticString, exp: Unary, log: Unary, tanh: Unary, erf: Unary, sigmoid: Unary, relu: Unary, gelu: Unary,
    geluTanh: Unary, silu: Unary, softplus: Unary, sqrt: Unary, reciprocal: Unary, negate: Unary, absolute: Unary,
    square: Unary, affine: Parametric, clip: Parametric, leakyRelu: Parametric, elu: Parametric,
    hardSigmoid: Parametric, add: Binary, subtract: Binary, multiply: Binary, divide: Binary, maximum: Binary,
    minimum: Binary, addScalar: BinaryScalar, subtractScalar: BinaryScalar, reversedSubtractScalar: BinaryScalar,
    multiplyScalar: BinaryScalar, divideScalar: BinaryScalar, reversedDivideScalar: BinaryScalar,
    maximumScalar: BinaryScalar, minimumScalar: BinaryScalar, axpy: BinaryScalar, sum: Reduction,
    sumOfSquares: Reduction, max: Reduction, min: Reduction,
    dot: @convention(c) @Sendable (UnsafePointer<Float>, UnsafePointer<Float>, Int) -> Float,
    softmax: Unary, logSoftmax: Unary,
    layerNorm:
      @convention(c) @Sendable (
        UnsafePointer<Float>, UnsafePointer<Float>?, UnsafePointer<Float>?, Float, UnsafeMutablePointer<Float>, Int,
        UnsafeMutablePointer<Float>?
      ) -> Void,
    rmsNorm:
      @convention(c) @Sendable (UnsafePointer<Float>, UnsafePointer<Float>?, Float, UnsafeMutablePointer<Float>, Int)
      -> Void,
    transpose: @convention(c) @Sendable (UnsafePointer<Float>, Int, UnsafeMutablePointer<Float>, Int, Int, Int) -> Void,
    gatherWindows: GatherWindows, depthwise: Depthwise, poolWindows: PoolWindows, gemmRows: Int, gemmColumns: Int,
    packB: @convention(c) @Sendable (UnsafePointer<Float>, Int, Int, Int, Int, UnsafeMutablePointer<Float>) -> Void,
    packA: @convention(c) @Sendable (UnsafePointer<Float>, Int, Int, Int, Int, UnsafeMutablePointer<Float>) -> Void,
    gemm: @convention(c) @Sendable (UnsafeRawPointer) -> Void, half: HalfKernels, integer: IntegerKernels,
    treeLeaves: @convention(c) @Sendable (UnsafeRawPointer) -> Void
  ) {
    self.name = name
    self.exp = exp
    self.log = log
    self.tanh = tanh
    self.erf = erf
    self.sigmoid = sigmoid
    self.relu = relu
    self.gelu = gelu
    self.geluTanh = geluTanh
    self.silu = silu
    self.softplus = softplus
    self.sqrt = sqrt
    self.reciprocal = reciprocal
    self.negate = negate
    self.absolute = absolute
    self.square = square
    self.affine = affine
    self.clip = clip
    self.leakyRelu = leakyRelu
    self.elu = elu
    self.hardSigmoid = hardSigmoid
    self.add = add
    self.subtract = subtract
    self.multiply = multiply
    self.divide = divide
    self.maximum = maximum
    self.minimum = minimum
    self.addScalar = addScalar
    self.subtractScalar = subtractScalar
    self.reversedSubtractScalar = reversedSubtractScalar
    self.multiplyScalar = multiplyScalar
    self.divideScalar = divideScalar
    self.reversedDivideScalar = reversedDivideScalar
    self.maximumScalar = maximumScalar
    self.minimumScalar = minimumScalar
    self.axpy = axpy
    self.sum = sum
    self.sumOfSquares = sumOfSquares
    self.max = max
    self.min = min
    self.dot = dot
    self.softmax = softmax
    self.logSoftmax = logSoftmax
    self.layerNorm = layerNorm
    self.rmsNorm = rmsNorm
    self.transpose = transpose
    self.gatherWindows = gatherWindows
    self.depthwise = depthwise
    self.poolWindows = poolWindows
    self.gemmRows = gemmRows
    self.gemmColumns = gemmColumns
    self.packB = packB
    self.packA = packA
    self.gemm = gemm
    self.half = half
    self.integer = integer
    self.treeLeaves = treeLeaves
  }
}
