import Kernels
public import TensorCore

/// Batch normalisation of `[n, c, ...]`: `(x - mean) / sqrt(variance + epsilon) * scale + bias` by channel.
///
/// Inputs: X, scale, bias, mean, variance. In training mode the statistics are those of X, and two more outputs follow:
/// the running mean and variance, the given ones times `momentum` plus X's times `1 - momentum`.
public struct BatchNormalization: Operator {
  public var epsilon: Float
  public var momentum: Float
  public var trains: Bool
  /// False: statistics for each activation of a sample (ONNX before version 9).
  public var isSpatial: Bool

  public var name: String { "BatchNormalization" }
  public var attributes: [(name: String, value: String)] { [("epsilon", "\(epsilon)"), ("training", "\(trains)")] }

  public init(epsilon: Float, momentum: Float = 0.9, trains: Bool = false, isSpatial: Bool = true) {
    self.epsilon = epsilon
    self.momentum = momentum
    self.trains = trains
    self.isSpatial = isSpatial
  }

  private static let parameters = ["scale", "B", "mean", "var"]

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0, "X")
    if let dtype = x.dtype, !dtype.isReal { throw Operand.unsupported(dtype, "floating-point numbers") }
    for (i, what) in BatchNormalization.parameters.enumerated() {
      let p = try Operand.fact(inputs, i + 1, what)
      if let shape = x.shape, let own = p.shape, isSpatial, shape.count >= 2 {
        guard own.count == 1, !own[0].isProvablyDifferent(from: shape[1]) else {
          throw GraphError(
            .invalidModel, "\(what) must have one element for each of \(shape[1]) channels, its shape is \(own.text)")
        }
      }
    }
    let y = Fact(type: x.type, shape: x.shape)
    return trains ? [y] + (3...4).map { Fact(type: inputs[$0]?.type, shape: inputs[$0]?.shape) } : [y]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0, "X")
    guard x.dtype.isReal else { throw Operand.unsupported(x.dtype, "floating-point numbers") }
    guard x.shape.rank >= 1 else { throw GraphError(.invalidInput, "X may not be a scalar") }
    let channels = x.shape.rank == 1 ? 1 : x.shape[1]
    let spatial = x.shape.rank <= 2 ? 1 : x.shape.product(2..<x.shape.rank)
    let groups = isSpatial ? channels : channels &* spatial
    var parameters: [[Double]] = []
    for (i, what) in BatchNormalization.parameters.enumerated() {
      let p = try Operand.tensor(inputs, i + 1, what)
      guard p.count == groups, let values = try p.dtype.withReal(ReadDoubles(tensor: p)) else {
        throw GraphError(.invalidInput, "\(what) must hold \(groups) floating-point numbers, its shape is \(p.shape)")
      }
      parameters.append(values)
    }
    var (mean, variance) = (parameters[2], parameters[3])
    var extra: [Value] = []
    let inner = isSpatial ? spatial : 1
    if trains {
      guard let stats = try x.dtype.withReal(ChannelStatistics(x: x, channels: groups, inner: inner)) else { return [] }
      let (given, m) = (parameters, Double(momentum))
      for (position, statistic, old) in [(3, stats.mean, given[2]), (4, stats.variance, given[3])] {
        let like = try Operand.tensor(inputs, position)
        let running = zip(statistic, old).map { $1 * m + $0 * (1 - m) }
        let out = try context.allocate(like.dtype, like.shape)
        _ = try like.dtype.withReal(WriteDoubles(tensor: out, values: running))
        extra.append(.tensor(out))
      }
      (mean, variance) = (stats.mean, stats.variance)
    }
    let factor = (0..<groups).map { parameters[0][$0] / (variance[$0] + Double(epsilon)).squareRoot() }
    let offset = (0..<groups).map { parameters[1][$0] - mean[$0] * factor[$0] }
    let y = try context.reuse(&inputs, at: 0, dtype: x.dtype, shape: x.shape)
    let body = ChannelAffine(x: x, y: y, factor: factor, offset: offset, inner: inner, pool: context.pool)
    _ = try x.dtype.withReal(body)
    return [.tensor(y)] + extra
  }
}

/// The elements as doubles.
struct ReadDoubles: RealBody {
  let tensor: Tensor
  func run<E: RealElement>(_ type: E.Type) throws -> [Double] {
    tensor.unsafeElements(of: E.self).map { $0.wide.double }
  }
}

/// Writes doubles, rounded once.
struct WriteDoubles: RealBody {
  let tensor: Tensor
  let values: [Double]
  func run<E: RealElement>(_ type: E.Type) throws {
    let to = tensor.unsafeMutableElements(of: E.self)
    for i in 0..<Swift.min(to.count, values.count) { to[i] = E(wide: E.Wide(double: values[i])) }
  }
}

/// Mean and variance (of the population) by channel.
private struct ChannelStatistics: RealBody {
  let x: Tensor
  let channels: Int
  let inner: Int

  func run<E: RealElement>(_ type: E.Type) throws -> (mean: [Double], variance: [Double]) {
    let from = x.unsafeElements(of: E.self)
    var mean = [Double](repeating: 0, count: channels)
    var variance = mean
    let rows = channels &* inner == 0 ? 0 : from.count / (channels &* inner)
    let count = Double(rows &* inner)
    for c in 0..<channels {
      var sum = 0.0
      for r in 0..<rows { for i in 0..<inner { sum += from[(r &* channels &+ c) &* inner &+ i].wide.double } }
      mean[c] = sum / count
      var squares = 0.0
      for r in 0..<rows {
        for i in 0..<inner {
          let d = from[(r &* channels &+ c) &* inner &+ i].wide.double - mean[c]
          squares += d * d
        }
      }
      variance[c] = squares / count
    }
    return (mean, variance)
  }
}

/// `y = x * factor[channel] + offset[channel]`, where each channel's elements lie in runs of `inner`.
struct ChannelAffine: RealBody {
  let x: Tensor, y: Tensor
  let factor: [Double]
  let offset: [Double]
  let inner: Int
  let pool: ComputePool

  func run<E: RealElement>(_ type: E.Type) throws {
    let from = x.unsafeElements(of: E.self)
    let to = y.unsafeMutableElements(of: E.self)
    guard to.count > 0, inner > 0, let source = from.baseAddress, let target = to.baseAddress else { return }
    pool.parallelFor(to.count / inner, grain: Swift.max(1, 32768 / inner)) { lower, upper in
      for run in lower..<upper {
        let c = run % factor.count
        let (a, b) = (factor[c], offset[c])
        if let source = source as? UnsafePointer<Float>, let target = target as? UnsafeMutablePointer<Float> {
          KernelTable.current.affine(source + run &* inner, Float(a), Float(b), target + run &* inner, inner)
        } else {
          for i in run &* inner..<(run &+ 1) &* inner {
            target[i] = E(wide: E.Wide(double: source[i].wide.double * a + b))
          }
        }
      }
    }
  }
}
