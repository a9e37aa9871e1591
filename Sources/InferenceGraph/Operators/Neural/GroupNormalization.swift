import Kernels
public import TensorCore

/// Normalisation of groups of channels of each sample of `[n, c, ...]`: one channel a group is instance normalisation.
///
/// Inputs: X, scale, bias; these hold one element a channel, or one a group.
public struct GroupNormalization: Operator {
  /// nil: one channel a group.
  public var groups: Int?
  public var epsilon: Float
  /// True: scale and bias have one element a group.
  public var scalesGroups: Bool

  public var name: String { groups == nil ? "InstanceNormalization" : "GroupNormalization" }
  public var attributes: [(name: String, value: String)] {
    [("groups", groups.map(String.init) ?? "channels"), ("epsilon", "\(epsilon)")]
  }

  public init(groups: Int?, epsilon: Float, scalesGroups: Bool = false) {
    self.groups = groups
    self.epsilon = epsilon
    self.scalesGroups = scalesGroups
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0, "X")
    _ = try Operand.fact(inputs, 1, "scale")
    _ = try Operand.fact(inputs, 2, "bias")
    if let dtype = x.dtype, !dtype.isReal { throw Operand.unsupported(dtype, "floating-point numbers") }
    if let shape = x.shape {
      guard shape.count >= 2 else {
        throw GraphError(.invalidModel, "X must have batch and channel axes and has shape \(shape.text)")
      }
      if let groups, let c = shape[1].value { try check(groups, c) }
    }
    return [Fact(type: x.type, shape: x.shape)]
  }

  private func check(_ groups: Int, _ channels: Int) throws {
    guard groups >= 1, channels % groups == 0 else {
      throw GraphError(.invalidModel, "\(channels) channels do not divide into \(groups) groups")
    }
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0, "X")
    guard x.shape.rank >= 2 else {
      throw GraphError(.invalidInput, "X must have batch and channel axes and has shape \(x.shape)")
    }
    if Widened.applies(to: x.dtype) { return try Widened(base: self, dtype: x.dtype).evaluate(&inputs, context) }
    let channels = x.shape[1]
    let groups = self.groups ?? Swift.max(channels, 1)
    try check(groups, channels)
    var parameters: [[Double]] = []
    for (i, what) in ["scale", "bias"].enumerated() {
      let p = try Operand.tensor(inputs, i + 1, what)
      guard p.count == (scalesGroups ? groups : channels), let values = try p.dtype.withReal(ReadDoubles(tensor: p))
      else {
        throw GraphError(
          .invalidInput, "\(what) of shape \(p.shape) does not fit \(channels) channels, \(groups) groups")
      }
      let width = channels / groups
      parameters.append(scalesGroups ? (0..<channels).map { values[$0 / width] } : values)
    }
    let y = try context.reuse(&inputs, at: 0, dtype: x.dtype, shape: x.shape)
    let body = Body(
      x: x, y: y, scale: parameters[0], bias: parameters[1], groups: groups, channels: channels,
      epsilon: Double(epsilon), pool: context.pool)
    guard try x.dtype.withReal(body) != nil else { throw Operand.unsupported(x.dtype, "floating-point numbers") }
    return [.tensor(y)]
  }

  private struct Body: RealBody {
    let x: Tensor, y: Tensor
    let scale: [Double], bias: [Double]
    let groups: Int, channels: Int
    let epsilon: Double
    let pool: ComputePool

    func run<E: RealElement>(_ type: E.Type) throws {
      let from = x.unsafeElements(of: E.self)
      let to = y.unsafeMutableElements(of: E.self)
      guard from.count > 0 else { return }
      let rows = x.shape[0] &* groups
      let n = from.count / rows
      let perGroup = channels / groups
      let spatial = n / perGroup
      pool.parallelFor(rows, grain: Swift.max(1, 16384 / n)) { lower, upper in
        for row in lower..<upper {
          var sum = 0.0
          for i in row &* n..<(row &+ 1) &* n { sum += from[i].wide.double }
          let mean = sum / Double(n)
          var squares = 0.0
          for i in row &* n..<(row &+ 1) &* n {
            let d = from[i].wide.double - mean
            squares += d * d
          }
          let inverse = 1 / (squares / Double(n) + epsilon).squareRoot()
          for c in 0..<perGroup {
            let channel = row % groups &* perGroup &+ c
            let start = row &* n &+ c &* spatial
            let a = inverse * scale[channel]
            let b = bias[channel] - mean * a
            for i in start..<(start &+ spatial) { to[i] = E(wide: E.Wide(double: from[i].wide.double * a + b)) }
          }
        }
      }
    }
  }
}
