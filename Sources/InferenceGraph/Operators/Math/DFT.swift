public import TensorCore

/// The discrete Fourier transform along an axis. The last axis holds real parts alone, or real and imaginary parts.
///
/// Inputs: the signal, optionally the length of the transform (the signal is cut or padded with zeros), and the axis,
/// where it is no attribute. One-sided: a forward transform gives the first half of the spectrum; an inverse one takes
/// it and gives a real signal.
public struct DFT: Operator {
  /// The axis; nil: the third input says it, and without that it is the last before the parts.
  public let axis: Int?
  public let isInverse: Bool
  public let isOneSided: Bool

  public var name: String { "DFT" }
  public var attributes: [(name: String, value: String)] {
    [("axis", axis.map { "\($0)" } ?? "input"), ("inverse", "\(isInverse)"), ("onesided", "\(isOneSided)")]
  }

  public init(axis: Int?, isInverse: Bool, isOneSided: Bool) {
    self.axis = axis
    self.isInverse = isInverse
    self.isOneSided = isOneSided
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0, "input")
    if let dtype = x.dtype, !dtype.isReal { throw Operand.unsupported(dtype, "floating-point numbers") }
    let length = try Operand.optionalFact(inputs, 1, "dft_length")
    let given = try Operand.optionalFact(inputs, 2, "axis")
    guard var shape = x.shape else { return [Fact(type: x.type, shape: nil)] }
    let rank = shape.count
    guard let axis = axis ?? (given == nil ? -2 : given?.constantIntegers?.first) else {
      return [Fact(type: x.type, shape: shape.map { _ in .unknown })]
    }
    let at = try DFT.check(axis, rank)
    let count = length == nil ? nil : length?.constantIntegers?.first.map { Dim($0) } ?? .unknown
    if isInverse && isOneSided {
      shape[at] = count ?? (shape[at] - 1) * 2
    } else {
      let full = count ?? shape[at]
      shape[at] = isOneSided ? full.floorDivided(by: 2) + 1 : full
    }
    shape[rank - 1] = isInverse && isOneSided ? 1 : 2
    return [Fact(type: x.type, shape: shape)]
  }

  private static func check(_ axis: Int, _ rank: Int) throws -> Int {
    let at = try Shape([Int](repeating: 1, count: rank)).checkedAxis(axis)
    guard at < rank - 1 else {
      throw GraphError(.invalidModel, "axis \(axis) of a tensor of rank \(rank) holds real and imaginary parts")
    }
    return at
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0, "input")
    let given = try Operand.optional(inputs, 2, "axis").map { try Operand.integer($0, "axis") }
    let rank = x.shape.rank
    let at = try DFT.check(axis ?? given ?? -2, rank)
    let parts = x.shape[rank - 1]
    guard parts == 1 || parts == 2 else {
      throw GraphError(.invalidInput, "the last axis must have 1 or 2 entries; the shape is \(x.shape)")
    }
    let own = x.shape[at]
    let count =
      try Operand.optional(inputs, 1, "dft_length").map { try Operand.integer($0, "dft_length") }
      ?? (isInverse && isOneSided ? 2 * (own - 1) : own)
    try FourierLength.check(count)
    var dims = x.shape.dims
    dims[at] = isOneSided && !isInverse ? count / 2 + 1 : count
    dims[rank - 1] = isInverse && isOneSided ? 1 : 2
    let out = try context.allocate(x.dtype, Shape(dims))
    let body = Body(
      op: self, x: x, out: out, count: count, own: own, parts: parts, result: dims[at],
      inner: x.shape.product((at + 1)..<(rank - 1)), outer: x.shape.product(0..<at))
    guard try x.dtype.withReal(body) != nil else { throw Operand.unsupported(x.dtype, "floating-point numbers") }
    return [.tensor(out)]
  }

  private struct Body: RealBody {
    let op: DFT
    let x: Tensor
    let out: Tensor
    let count: Int, own: Int, parts: Int, result: Int, inner: Int, outer: Int

    func run<E: RealElement>(_ type: E.Type) throws {
      // As NumPy does: forward in double precision, back in that of the elements.
      if op.isInverse { try run(type, E.Wide.self) } else { try run(type, Double.self) }
    }

    private func run<E: RealElement, T: RealScalar>(_ type: E.Type, _ precision: T.Type) throws {
      let from = x.readable(E.self)
      let to = out.writable(E.self)
      let transform = try FourierTransform<T>(count)
      let isReal = op.isInverse && op.isOneSided
      var values = [Complex<T>](repeating: Complex(re: 0, im: 0), count: count)
      for line in 0..<(outer &* inner) {
        let (o, i) = (line / inner, line % inner)
        for k in 0..<count {
          // The other half of a real signal's spectrum is the conjugate of the first.
          let mirrored = isReal && k > count / 2
          let source = mirrored ? count - k : k
          let at = ((o &* own &+ source) &* inner &+ i) &* parts
          values[k].re = source < own ? T(double: from[at].wide.double) : 0
          values[k].im = source < own && parts == 2 ? T(double: from[at + 1].wide.double) : 0
          if mirrored { values[k].im = -values[k].im }
        }
        if isReal {
          values[0].im = 0
          if count % 2 == 0 { values[count / 2].im = 0 }
        }
        transform.transform(&values, inverse: op.isInverse)
        for k in 0..<result {
          let at = (o &* result &+ k) &* inner &+ i
          if isReal {
            to[at] = E(wide: E.Wide(double: values[k].re.double))
          } else {
            to[2 &* at] = E(wide: E.Wide(double: values[k].re.double))
            to[2 &* at + 1] = E(wide: E.Wide(double: values[k].im.double))
          }
        }
      }
    }
  }
}

/// The spectra of frames cut from a signal `[batch, samples, 1 or 2]`, as `[batch, frame, frequency, 2]`.
///
/// Inputs: the signal, how far apart frames begin, optionally a window by which each frame is multiplied, and the
/// frames' length.
public struct STFT: Operator {
  public let isOneSided: Bool

  public var name: String { "STFT" }
  public var attributes: [(name: String, value: String)] { [("onesided", "\(isOneSided)")] }

  public init(isOneSided: Bool) { self.isOneSided = isOneSided }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0, "signal")
    let step = try Operand.fact(inputs, 1, "frame_step")
    let window = try Operand.optionalFact(inputs, 2, "window")
    let length = try Operand.optionalFact(inputs, 3, "frame_length")
    if let dtype = x.dtype, !dtype.isReal { throw Operand.unsupported(dtype, "floating-point numbers") }
    try Operand.sameType(x.dtype, window?.dtype)
    if let shape = x.shape, shape.count != 3 {
      throw GraphError(.invalidModel, "a signal [batch, samples, 1 or 2] is expected; the shape is \(shape.text)")
    }
    var count: Dim = .unknown
    if let length { count = length.constantIntegers?.first.map { Dim($0) } ?? .unknown }
    if length == nil, let window { count = window.shape?.first ?? .unknown }
    if length == nil, window == nil { count = x.extent(1) ?? .unknown }
    var frames: Dim = .unknown
    if let samples = x.extent(1), let step = step.constantIntegers?.first, step > 0 {
      frames = (samples - count).floorDivided(by: step) + 1
    }
    return [
      Fact(
        type: x.type,
        shape: [x.extent(0) ?? .unknown, frames, isOneSided ? count.floorDivided(by: 2) + 1 : count, 2])
    ]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0, "signal")
    let step = try Operand.integer(try Operand.tensor(inputs, 1, "frame_step"), "frame_step")
    let window = try Operand.optional(inputs, 2, "window")
    let given = try Operand.optional(inputs, 3, "frame_length").map { try Operand.integer($0, "frame_length") }
    try Operand.sameType(x.dtype, window?.dtype)
    guard x.shape.rank == 3, x.shape[2] == 1 || x.shape[2] == 2 else {
      throw GraphError(.invalidInput, "a signal [batch, samples, 1 or 2] is expected; the shape is \(x.shape)")
    }
    let samples = x.shape[1]
    let count = given ?? window?.count ?? samples
    guard step > 0, count > 0, count <= samples, window == nil || window?.count == count else {
      throw GraphError(
        .invalidInput,
        "frames of \(count) every \(step) with a window of \(window?.count ?? count) do not fit \(samples) samples")
    }
    let frames = (samples - count) / step + 1
    let bins = isOneSided ? count / 2 + 1 : count
    let out = try context.allocate(x.dtype, [x.shape[0], frames, bins, 2])
    let body = Body(
      x: x, window: window, out: out, count: count, step: step, frames: frames, bins: bins)
    guard try x.dtype.withReal(body) != nil else { throw Operand.unsupported(x.dtype, "floating-point numbers") }
    return [.tensor(out)]
  }

  private struct Body: RealBody {
    let x: Tensor
    let window: Tensor?
    let out: Tensor
    let count: Int, step: Int, frames: Int, bins: Int

    func run<E: RealElement>(_ type: E.Type) throws {
      let from = x.readable(E.self)
      let to = out.writable(E.self)
      let (batch, samples, parts) = (x.shape[0], x.shape[1], x.shape[2])
      let transform = try FourierTransform<Double>(count)
      let weights = window.map { w in (0..<count).map { w.readable(E.self)[$0].wide.double } }
      var values = [Complex<Double>](repeating: Complex(re: 0, im: 0), count: count)
      for line in 0..<(batch &* frames) {
        let start = (line / frames &* samples &+ line % frames &* step) &* parts
        for k in 0..<count {
          let weight = weights?[k] ?? 1
          values[k].re = from[start &+ k &* parts].wide.double * weight
          values[k].im = parts == 2 ? from[start &+ k &* parts &+ 1].wide.double * weight : 0
        }
        transform.transform(&values, inverse: false)
        for k in 0..<bins {
          to[(line &* bins &+ k) &* 2] = E(wide: E.Wide(double: values[k].re))
          to[(line &* bins &+ k) &* 2 &+ 1] = E(wide: E.Wide(double: values[k].im))
        }
      }
    }
  }
}
