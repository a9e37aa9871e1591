import Kernels
public import TensorCore

/// How scales and zero points spread over a tensor.
///
/// One element serves the whole tensor; one element an index of `axis`; or, with a block size, one element for every
/// `blockSize` consecutive indices along `axis`, the other extents being the tensor's own.
struct QuantizationGrid {
  let outer: Int, count: Int, inner: Int
  private let isEmpty: Bool
  private let blockSize: Int
  private let outerStride: Int, axisStride: Int, innerStride: Int

  /// - Throws: `GraphError` when the parameters' shape does not fit.
  init(_ x: Shape, _ parameters: Shape, axis: Int, blockSize: Int) throws {
    isEmpty = x.dims.contains(0)
    if blockSize == 0, parameters.elementCount == 1, parameters.rank <= 1 {
      (outer, count, inner) = (1, 1, x.elementCount)
      (self.blockSize, outerStride, axisStride, innerStride) = (1, 0, 0, 0)
      return
    }
    let at = try x.checkedAxis(axis)
    outer = x.product(0..<at)
    count = x[at]
    inner = x.product((at + 1)..<x.rank)
    if blockSize == 0 {
      guard parameters.rank == 1, parameters[0] == count else {
        throw GraphError(
          .invalidInput, "scales of shape \(parameters) do not fit axis \(axis) of a tensor of shape \(x)")
      }
      (self.blockSize, outerStride, axisStride, innerStride) = (1, 0, 1, 0)
      return
    }
    var expected = x
    if blockSize > 0 { expected[at] = x[at] / blockSize + (x[at] % blockSize == 0 ? 0 : 1) }
    guard blockSize > 0, parameters == expected else {
      throw GraphError(
        .invalidInput,
        "scales of shape \(parameters) do not fit blocks of \(blockSize) along axis \(axis) of a tensor of shape \(x)")
    }
    self.blockSize = blockSize
    outerStride = parameters[at] &* inner
    axisStride = inner
    innerStride = 1
  }

  /// Calls `body` with runs that cover the tensor: where the run begins, its length, where its parameters begin, and by
  /// how much these advance with each element (0 or 1).
  @inline(__always)
  func runs(_ body: (_ start: Int, _ count: Int, _ parameter: Int, _ step: Int) -> Void) {
    if isEmpty { return }
    for o in 0..<outer {
      for i in 0..<count {
        let start = (o &* count &+ i) &* inner
        body(start, inner, o &* outerStride &+ i / blockSize &* axisStride, innerStride)
      }
    }
  }

  /// Checks what is known of the shapes when a graph is built.
  static func check(_ x: Fact, _ scale: Fact, axis: Int, blockSize: Int) throws {
    guard let shape = x.shape?.known, let parameters = scale.shape?.known else { return }
    _ = try QuantizationGrid(shape, parameters, axis: axis, blockSize: blockSize)
  }
}

/// `round(x / scale) + zeroPoint`, limited to the range of a narrow kind; ties go to even.
///
/// Inputs: x, scale, and optionally the zero point, of which the kind is the output's.
public struct QuantizeLinear: Operator {
  public let dtype: DType
  public let axis: Int
  /// 0: no blocks.
  public let blockSize: Int
  /// For the one-byte floating-point kinds.
  public let saturates: Bool
  /// The kind to which the quotient is rounded before it is rounded to an integer; nil: the scale's.
  public let precision: DType?

  public var name: String { "QuantizeLinear" }
  public var attributes: [(name: String, value: String)] {
    [("to", dtype.name), ("axis", "\(axis)"), ("block_size", "\(blockSize)")]
  }

  public init(to dtype: DType, axis: Int = 1, blockSize: Int = 0, saturates: Bool = true, precision: DType? = nil) {
    self.dtype = dtype
    self.axis = axis
    self.blockSize = blockSize
    self.saturates = saturates
    self.precision = precision
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0, "x")
    let scale = try Operand.fact(inputs, 1, "y_scale")
    if let from = x.dtype, !from.isReal, from != .int32 { throw Operand.unsupported(from, "floats or int32") }
    try Operand.sameType(dtype, try Operand.optionalFact(inputs, 2, "y_zero_point")?.dtype)
    guard dtype.quantizedRange != nil || MiniFloat.format(dtype) != nil else {
      throw Operand.unsupported(dtype, "integers of up to 16 bits or small floats")
    }
    try QuantizationGrid.check(x, scale, axis: axis, blockSize: blockSize)
    return [Fact(dtype, x.shape)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0, "x")
    let scale = try Operand.tensor(inputs, 1, "y_scale")
    let zero = try Operand.optional(inputs, 2, "y_zero_point")
    try Operand.sameType(dtype, zero?.dtype)
    let grid = try QuantizationGrid(x.shape, scale.shape, axis: axis, blockSize: blockSize)
    if let zero, zero.count != scale.count {
      throw GraphError(.invalidInput, "\(scale.count) scales came with \(zero.count) zero points")
    }
    let wide = Cast(to: .float32)
    let values = try wide.convert(x, context)
    let scales = try wide.convert(scale, context)
    let zeros = try zero.map { try wide.convert($0, context) } ?? Tensor(zeros: .float32, scale.shape)
    let out = try context.allocate(dtype, x.shape)
    if IntegerMatMul.takes(dtype), blockSize == 0, precision ?? scale.dtype == .float32, grid.inner >= 8 {
      quantize(values, scales, zeros, grid, into: out, context.pool)
      return [.tensor(out)]
    }
    let quotients = Quotients(
      values: values, scales: scales, zeros: zeros, grid: grid, precision: precision ?? scale.dtype)
    if let format = MiniFloat.format(dtype) {
      let to = out.writable(UInt8.self)
      quotients.each { index, quotient, zero in
        to[index] = MiniFloat.encode(quotient + zero, format, saturates: saturates)
      }
    } else if let range = dtype.quantizedRange {
      switch dtype {
      case .int16: quotients.store(out.writable(Int16.self), range)
      case .uint16: quotients.store(out.writable(UInt16.self), range)
      case .int8, .int4, .int2: quotients.store(out.writable(Int8.self), range)
      default: quotients.store(out.writable(UInt8.self), range)
      }
    } else {
      throw Operand.unsupported(dtype, "integers of up to 16 bits or small floats")
    }
    return [.tensor(out)]
  }

  /// To 8-bit integers, a run of one scale at a time.
  private func quantize(
    _ values: Tensor, _ scales: Tensor, _ zeros: Tensor, _ grid: QuantizationGrid, into out: Tensor, _ pool: ComputePool
  ) {
    let (low, high): (Int32, Int32) = dtype == .int8 ? (-128, 127) : (0, 255)
    let (x, s, z) = (values.readable(Float.self), scales.readable(Float.self), zeros.readable(Float.self))
    let to = UnsafeMutableRawPointer(mutating: out.readableBytes).assumingMemoryBound(to: UInt8.self)
    let quantize = KernelTable.current.integer.quantize
    grid.runs { start, count, parameter, _ in
      pool.parallelFor(count, grain: 65536) {
        quantize(x + start + $0, s[parameter], Int32(z[parameter]), low, high, to + start + $0, $1 - $0)
      }
    }
  }

  private struct Quotients {
    let values: Tensor, scales: Tensor, zeros: Tensor
    let grid: QuantizationGrid
    let precision: DType

    @inline(__always)
    func each(_ body: (_ index: Int, _ quotient: Float, _ zero: Float) -> Void) {
      let x = values.readable(Float.self)
      let (s, z) = (scales.readable(Float.self), zeros.readable(Float.self))
      let (half, brain) = (precision == .float16, precision == .bfloat16)
      grid.runs { start, count, parameter, step in
        for i in 0..<count {
          var quotient = x[start &+ i] / s[parameter &+ i &* step]
          if half { quotient = QuantizeLinear.roundedToHalf(quotient) }
          if brain { quotient = BFloat16(quotient).float }
          body(start &+ i, quotient, z[parameter &+ i &* step])
        }
      }
    }

    func store<E: IntegerElement>(_ to: UnsafeMutablePointer<E>, _ range: ClosedRange<Float>) {
      let (low, high) = (Int32(range.lowerBound), Int32(range.upperBound))
      guard precision != .float16, precision != .bfloat16 else {
        each { index, quotient, zero in
          to[index] = QuantizeLinear.nearest(quotient, Int32(truncatingIfNeeded: Int64(double: zero.double)), low, high)
        }
        return
      }
      let x = values.readable(Float.self)
      let (s, z) = (scales.readable(Float.self), zeros.readable(Float.self))
      grid.runs { start, count, parameter, step in
        let (from, line) = (x + start, to + start)
        if step == 0 {
          let scale = s[parameter]
          let zero = Int32(truncatingIfNeeded: Int64(double: z[parameter].double))
          for i in 0..<count { line[i] = QuantizeLinear.nearest(from[i] / scale, zero, low, high) }
        } else {
          for i in 0..<count {
            let zero = Int32(truncatingIfNeeded: Int64(double: z[parameter &+ i].double))
            line[i] = QuantizeLinear.nearest(from[i] / s[parameter &+ i], zero, low, high)
          }
        }
      }
    }
  }

  /// `quotient` rounded to an integer, ties to even, plus `zero`, within `low...high`; NaN gives `low`.
  @inline(__always)
  private static func nearest<E: IntegerElement>(_ quotient: Float, _ zero: Int32, _ low: Int32, _ high: Int32) -> E {
    // Below 2^22 in magnitude, adding 1.5 * 2^23 leaves the rounded number in the low bits.
    let magic: Float = 12_582_912
    let limited = quotient > -1_000_000 ? (quotient < 1_000_000 ? quotient : 1_000_000) : -1_000_000
    let rounded = Int32(bitPattern: (limited + magic).bitPattern &- magic.bitPattern) &+ zero
    return E(truncatingIfNeeded: rounded < low ? low : rounded > high ? high : rounded)
  }

  private static func roundedToHalf(_ x: Float) -> Float {
    #if !(os(macOS) && arch(x86_64))
    Float(Float16(x))
    #else
    x
    #endif
  }
}

/// `(x - zeroPoint) * scale`: the numbers that quantised elements stand for.
public struct DequantizeLinear: Operator {
  /// The output's kind; nil: the scale's.
  public let dtype: DType?
  public let axis: Int
  /// 0: no blocks.
  public let blockSize: Int

  public var name: String { "DequantizeLinear" }
  public var attributes: [(name: String, value: String)] { [("axis", "\(axis)"), ("block_size", "\(blockSize)")] }

  public init(to dtype: DType? = nil, axis: Int = 1, blockSize: Int = 0) {
    self.dtype = dtype
    self.axis = axis
    self.blockSize = blockSize
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0, "x")
    let scale = try Operand.fact(inputs, 1, "x_scale")
    try Operand.sameType(x.dtype, try Operand.optionalFact(inputs, 2, "x_zero_point")?.dtype)
    if let from = x.dtype, !from.isInteger, !from.isMiniFloat { throw Operand.unsupported(from, "quantised numbers") }
    if let to = dtype ?? scale.dtype, !to.isReal { throw Operand.unsupported(to, "an output of floats") }
    try QuantizationGrid.check(x, scale, axis: axis, blockSize: blockSize)
    return [Fact(type: (dtype ?? scale.dtype).map { .tensor($0) }, shape: x.shape)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0, "x")
    let scale = try Operand.tensor(inputs, 1, "x_scale")
    let zero = try Operand.optional(inputs, 2, "x_zero_point")
    try Operand.sameType(x.dtype, zero?.dtype)
    let target = dtype ?? scale.dtype
    guard target.isReal, x.dtype.isInteger || x.dtype.isMiniFloat else {
      throw Operand.unsupported(x.dtype, "quantised numbers")
    }
    let grid = try QuantizationGrid(x.shape, scale.shape, axis: axis, blockSize: blockSize)
    if let zero, zero.count != scale.count {
      throw GraphError(.invalidInput, "\(scale.count) scales came with \(zero.count) zero points")
    }
    let wide = Cast(to: .float32)
    let scales = try wide.convert(scale, context)
    let zeros = try zero.map { try wide.convert($0, context) } ?? Tensor(zeros: .float32, scale.shape)
    let out = try context.allocate(.float32, x.shape)
    if IntegerMatMul.takes(x.dtype), blockSize == 0, grid.inner >= 8 {
      let (from, s, z) = (x.readableBytes, scales.readable(Float.self), zeros.readable(Float.self))
      let to = out.writable(Float.self)
      let dequantize = KernelTable.current.integer.dequantize
      grid.runs { start, count, parameter, _ in
        context.pool.parallelFor(count, grain: 65536) {
          dequantize(from + start + $0, x.dtype == .int8, z[parameter], s[parameter], to + start + $0, $1 - $0)
        }
      }
      return [.tensor(try Cast(to: target).convert(out, context))]
    }
    let values = try wide.convert(x, context)
    let (v, s, z) = (values.readable(Float.self), scales.readable(Float.self), zeros.readable(Float.self))
    let to = out.writable(Float.self)
    grid.runs { start, count, parameter, step in
      if step == 0 {
        let (scale, zero) = (s[parameter], z[parameter])
        for i in 0..<count { to[start &+ i] = (v[start &+ i] - zero) * scale }
      } else {
        for i in 0..<count { to[start &+ i] = (v[start &+ i] - z[parameter &+ i]) * s[parameter &+ i] }
      }
    }
    return [.tensor(try Cast(to: target).convert(out, context))]
  }
}

/// Quantises to `uint8` with a scale and a zero point chosen from the data. Outputs: the elements, scale, zero point.
public struct DynamicQuantizeLinear: Operator {
  public var name: String { "DynamicQuantizeLinear" }

  public init() {}

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0, "x")
    if let dtype = x.dtype, dtype != .float32 { throw Operand.unsupported(dtype, "float32") }
    return [Fact(.uint8, x.shape), Fact(.float32, []), Fact(.uint8, [])]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0, "x")
    guard x.dtype == .float32 else { throw Operand.unsupported(x.dtype, "float32") }
    var (low, high): (Float, Float) = (0, 0)
    if x.count > 0 {
      let (table, from) = (KernelTable.current, x.readable(Float.self))
      low = Swift.min(low, table.min(from, x.count))
      high = Swift.max(high, table.max(from, x.count))
    }
    let span = (high - low) / 255
    let scale: Float = span > 0 && span.isFinite ? span : 1
    let zero = Swift.min(Swift.max((-low / scale).rounded(.toNearestOrEven), 0), 255)
    let scales = Value.tensor(Tensor(scalar: scale))
    let zeros = Value.tensor(Tensor(scalar: UInt8(double: Double(zero))))
    var operands: [Value?] = [.tensor(x), scales, zeros]
    return try QuantizeLinear(to: .uint8).evaluate(&operands, context) + [scales, zeros]
  }
}

extension DType {
  /// The range of an integer kind that numbers are quantised to.
  var quantizedRange: ClosedRange<Float>? {
    switch self {
    case .uint8: 0...255
    case .int8: -128...127
    case .uint16: 0...65535
    case .int16: -32768...32767
    case .uint4: 0...15
    case .int4: -8...7
    case .uint2: 0...3
    case .int2: -2...1
    default: nil
    }
  }
}
