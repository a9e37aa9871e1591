public import TensorCore

/// A source of random numbers: SplitMix64 (Steele, Lea and Flood 2014), from a seed or from the system.
struct RandomSource {
  private var state: UInt64

  /// - Parameter seed: nil: from the system's generator.
  init(seed: Float?) {
    if let seed {
      state = UInt64(seed.bitPattern)
    } else {
      state = UInt64.random(in: .min ... .max)
    }
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Uniform in `0..<1`.
  mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// Normal with mean 0 and deviation 1 (Box and Muller 1958).
  mutating func normal() -> Double {
    let radius = (-2 * Double.log(1 - uniform())).squareRoot()
    return radius * Double.cos(2 * Double.pi * uniform())
  }
}

/// Random numbers of a distribution, in a shape that is given or that of the input.
public struct RandomTensor: Operator {
  /// The distributions.
  public enum Distribution: Sendable, Hashable {
    case normal(mean: Float, scale: Float)
    case uniform(low: Float, high: Float)
    /// 1 with the probability that the input's element says, else 0.
    case bernoulli
  }

  public let distribution: Distribution
  /// The output's kind; nil: the input's.
  public let dtype: DType?
  /// The output's shape; nil: the input's.
  public let shape: Shape?
  public let seed: Float?

  public var name: String {
    switch distribution {
    case .normal: "RandomNormal"
    case .uniform: "RandomUniform"
    case .bernoulli: "Bernoulli"
    }
  }
  public var attributes: [(name: String, value: String)] { seed.map { [("seed", "\($0)")] } ?? [] }
  public var isPure: Bool { false }

  public init(_ distribution: Distribution, dtype: DType?, shape: Shape?, seed: Float?) {
    self.distribution = distribution
    self.dtype = dtype
    self.shape = shape
    self.seed = seed
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = shape == nil ? try Operand.fact(inputs, 0) : nil
    if let dtype, dtype == .string || dtype == .complex64 || dtype == .complex128 {
      throw Operand.unsupported(dtype, "an output of numbers")
    }
    if let shape, shape.checkedElementCount == nil {
      throw GraphError(.invalidModel, "shape \(shape) is negative or overflows")
    }
    return [Fact(type: dtype.map { .tensor($0) } ?? x?.type, shape: shape.map { $0.dims.map { Dim($0) } } ?? x?.shape)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = shape == nil ? try Operand.tensor(inputs, 0) : nil
    guard let target = dtype ?? x?.dtype, let shape = shape ?? x?.shape else {
      throw GraphError(.invalidModel, "neither a type nor an input that has one")
    }
    var source = RandomSource(seed: seed)
    let out = try context.allocate(.float64, shape)
    let to = out.writable(Double.self)
    switch distribution {
    case .normal(let mean, let scale):
      for i in 0..<out.count { to[i] = Double(mean) + Double(scale) * source.normal() }
    case .uniform(let low, let high):
      for i in 0..<out.count { to[i] = Double(low) + (Double(high) - Double(low)) * source.uniform() }
    case .bernoulli:
      guard let x else { throw GraphError(.invalidModel, "input 0 is required and missing") }
      let chances = try Cast(to: .float64).convert(x, context)
      let from = chances.readable(Double.self)
      for i in 0..<out.count { to[i] = source.uniform() < from[i] ? 1 : 0 }
    }
    return [.tensor(try Cast(to: target).convert(out, context))]
  }
}

/// Indices drawn, with replacement, by the unnormalised log-probabilities in the rows of the input.
public struct Multinomial: Operator {
  public let dtype: DType
  public let sampleCount: Int
  public let seed: Float?

  public var name: String { "Multinomial" }
  public var attributes: [(name: String, value: String)] { [("sample_size", "\(sampleCount)")] }
  public var isPure: Bool { false }

  public init(dtype: DType, sampleCount: Int, seed: Float?) {
    self.dtype = dtype
    self.sampleCount = sampleCount
    self.seed = seed
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0)
    if let from = x.dtype, !from.isReal { throw Operand.unsupported(from, "floating-point numbers") }
    guard dtype == .int32 || dtype == .int64 else { throw Operand.unsupported(dtype, "an output of int32 or int64") }
    guard sampleCount >= 0, x.rank ?? 2 == 2 else {
      throw GraphError(.invalidModel, "\(sampleCount) samples of rows of a matrix of shape \(x.shape?.text ?? "?")")
    }
    return [Fact(dtype, [x.extent(0) ?? .unknown, Dim(sampleCount)])]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0)
    guard x.dtype.isReal else { throw Operand.unsupported(x.dtype, "floating-point numbers") }
    guard x.shape.rank == 2, x.shape[1] > 0 else {
      throw GraphError(.invalidInput, "a matrix with columns is expected; the shape is \(x.shape)")
    }
    let logits = try Cast(to: .float64).convert(x, context)
    let from = logits.readable(Double.self)
    let (rows, columns) = (x.shape[0], x.shape[1])
    let out = try context.allocate(.int64, [rows, sampleCount])
    let to = out.writable(Int64.self)
    var source = RandomSource(seed: seed)
    var sums = [Double](repeating: 0, count: columns)
    for row in 0..<rows {
      var top = -Double.infinity
      for j in 0..<columns { top = Swift.max(top, from[row &* columns &+ j]) }
      var total = 0.0
      for j in 0..<columns {
        total += Double.exp(from[row &* columns &+ j] - top)
        sums[j] = total
      }
      for k in 0..<sampleCount {
        let mark = source.uniform() * total
        to[row &* sampleCount &+ k] = Int64(sums.firstIndex { mark < $0 } ?? columns - 1)
      }
    }
    return [.tensor(try Cast(to: dtype).convert(out, context))]
  }
}
