public import TensorCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The negative log-likelihood of labels: of log-probabilities `[n, classes, ...]`, or of scores that softmax makes such.
///
/// Inputs: scores, labels `[n, ...]`, and optionally a weight for each class. Outputs: the loss and, for scores, the
/// log-probabilities.
public struct CrossEntropy: Operator {
  public enum Reduction: String, Sendable, Hashable { case none, sum, mean }

  public var reduction: Reduction
  /// Labels that do not count.
  public var ignored: Int?
  /// True: the input is scores.
  public var appliesSoftmax: Bool

  public var name: String { appliesSoftmax ? "SoftmaxCrossEntropyLoss" : "NegativeLogLikelihoodLoss" }

  public init(reduction: Reduction, ignored: Int?, appliesSoftmax: Bool) {
    self.reduction = reduction
    self.ignored = ignored
    self.appliesSoftmax = appliesSoftmax
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0, "scores")
    let labels = try Operand.fact(inputs, 1, "labels")
    if let dtype = x.dtype, !dtype.isReal { throw Operand.unsupported(dtype, "floating-point numbers") }
    let loss = Fact(type: x.type, shape: reduction == .none ? labels.shape : [])
    return appliesSoftmax ? [loss, Fact(type: x.type, shape: x.shape)] : [loss]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0, "scores")
    let labels = try Operand.tensor(inputs, 1, "labels")
    guard x.shape.rank >= 2, labels.shape.dims == [x.shape[0]] + x.shape.dims[2...], let targets = labels.integers
    else {
      throw GraphError(.invalidInput, "labels of \(labels.dtype) \(labels.shape) do not fit scores of shape \(x.shape)")
    }
    let classes = x.shape[1]
    let inner = x.shape.product(2..<x.shape.rank)
    var weights: [Double]?
    if let given = try Operand.optional(inputs, 2, "weights") {
      guard given.count == classes else {
        throw GraphError(.invalidInput, "weights must hold \(classes) numbers, their shape is \(given.shape)")
      }
      weights = try Numbers.read(given)
    }
    var values = try Numbers.read(x)
    if appliesSoftmax {
      for n in 0..<x.shape[0] {
        for d in 0..<inner {
          let start = n * classes * inner + d
          var top = -Double.infinity
          for c in 0..<classes { top = Swift.max(top, values[start + c * inner]) }
          var total = 0.0
          for c in 0..<classes { total += exp(values[start + c * inner] - top) }
          let shift = top + log(total)
          for c in 0..<classes { values[start + c * inner] -= shift }
        }
      }
    }
    var losses = [Double](repeating: 0, count: targets.count)
    var total = 0.0
    for (i, label) in targets.enumerated() where label != ignored {
      guard label >= 0, label < classes else {
        throw GraphError(.invalidInput, "label \(label) lies outside 0..<\(classes)")
      }
      let weight = weights?[label] ?? 1
      losses[i] = -values[(i / inner * classes + label) * inner + i % inner] * weight
      total += weight
    }
    var out: [Value]
    switch reduction {
    case .none: out = [try Numbers.write(losses, x.dtype, labels.shape, context)]
    case .sum: out = [try Numbers.write([losses.reduce(0, +)], x.dtype, .scalar, context)]
    case .mean: out = [try Numbers.write([losses.reduce(0, +) / total], x.dtype, .scalar, context)]
    }
    if appliesSoftmax { out.append(try Numbers.write(values, x.dtype, x.shape, context)) }
    return out
  }
}
