import Kernels
public import TensorCore

/// Normalisation of the elements from `axis` on (layer normalisation, or by the root mean square).
///
/// Inputs: X, scale and optionally bias, which broadcast to X. With `wantsStatistics` mean and reciprocal standard
/// deviation are further outputs: float32, of X's shape with 1 from `axis` on.
public struct RowNormalization: Operator {
  public var axis: Int
  public var epsilon: Float
  /// False: only scaled by the root mean square.
  public var isCentered: Bool
  public var wantsStatistics: Bool

  public var name: String { isCentered ? "LayerNormalization" : "RMSNormalization" }
  public var attributes: [(name: String, value: String)] { [("axis", "\(axis)"), ("epsilon", "\(epsilon)")] }

  public init(axis: Int, epsilon: Float, isCentered: Bool, wantsStatistics: Bool = false) {
    self.axis = axis
    self.epsilon = epsilon
    self.isCentered = isCentered
    self.wantsStatistics = wantsStatistics
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0, "X")
    if let dtype = x.dtype, !dtype.isReal { throw Operand.unsupported(dtype, "floating-point numbers") }
    let y = Fact(type: x.type, shape: x.shape)
    guard let shape = x.shape else {
      return wantsStatistics ? [y, Fact(type: nil, shape: nil), Fact(type: nil, shape: nil)] : [y]
    }
    guard let at = Shape([Int](repeating: 1, count: shape.count)).axis(axis) else {
      throw GraphError(.invalidModel, "axis \(axis) lies outside shape \(shape.text)")
    }
    for (i, what) in [(1, "scale"), (2, "B")] {
      guard let own = try Operand.optionalFact(inputs, i, what)?.shape else { continue }
      let broadcast = try own.broadcast(with: shape)
      if broadcast.count != shape.count || zip(broadcast, shape).contains(where: { $0.isProvablyDifferent(from: $1) }) {
        throw GraphError(.invalidModel, "\(what) of shape \(own.text) does not broadcast to \(shape.text)")
      }
    }
    if !wantsStatistics { return [y] }
    let reduced = shape.enumerated().map { $0.offset < at ? $0.element : Dim(1) }
    let statistic = Fact(.float32, reduced)
    return [y, statistic, statistic]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0, "X")
    guard x.dtype.isReal else { throw Operand.unsupported(x.dtype, "floating-point numbers") }
    if Widened.applies(to: x.dtype), !wantsStatistics {
      return try Widened(base: self, dtype: x.dtype).evaluate(&inputs, context)
    }
    let at = try x.shape.checkedAxis(axis)
    let inner = x.shape.product(at..<x.shape.rank)
    let scale = try parameter(inputs, 1, "scale", x)
    let bias = try parameter(inputs, 2, "B", x)
    let reduced = Shape(x.shape.dims.enumerated().map { $0.offset < at ? $0.element : 1 })
    let mean = wantsStatistics ? try context.allocate(.float32, reduced) : nil
    let inverse = wantsStatistics ? try context.allocate(.float32, reduced) : nil
    let y = try context.reuse(&inputs, at: 0, dtype: x.dtype, shape: x.shape)
    let plain = [scale, bias].allSatisfy { p in p.map { $0.dtype == .float32 && $0.count == inner } ?? true }
    if x.dtype == .float32, plain, isCentered || (bias == nil && !wantsStatistics) {
      fast(x, scale, bias, y, inner, mean, inverse, context.pool)
    } else {
      let body = Body(
        x: x, y: y, scale: try scale.map { try doubles($0) }, bias: try bias.map { try doubles($0) },
        scaleStrides: scale?.shape.broadcastStrides(to: x.shape) ?? [],
        biasStrides: bias?.shape.broadcastStrides(to: x.shape) ?? [], inner: inner, epsilon: Double(epsilon),
        isCentered: isCentered, mean: mean, inverse: inverse)
      _ = try x.dtype.withReal(body)
    }
    return [.tensor(y)] + [mean, inverse].compactMap { $0.map { .tensor($0) } }
  }

  private func doubles(_ tensor: Tensor) throws -> [Double] {
    guard let values = try tensor.dtype.withReal(ReadDoubles(tensor: tensor)) else {
      throw Operand.unsupported(tensor.dtype, "floating-point numbers")
    }
    return values
  }

  private func parameter(_ inputs: [Value?], _ index: Int, _ what: String, _ x: Tensor) throws -> Tensor? {
    guard let p = try Operand.optional(inputs, index, what) else { return nil }
    guard p.shape.broadcast(with: x.shape) == x.shape else {
      throw GraphError(.invalidInput, "\(what) of shape \(p.shape) does not broadcast to \(x.shape)")
    }
    return p
  }

  private func fast(
    _ x: Tensor, _ scale: Tensor?, _ bias: Tensor?, _ y: Tensor, _ n: Int, _ mean: Tensor?, _ inverse: Tensor?,
    _ pool: ComputePool
  ) {
    let table = KernelTable.current
    guard n > 0, let from = x.unsafeElements(of: Float.self).baseAddress,
      let to = y.unsafeMutableElements(of: Float.self).baseAddress
    else { return }
    let gamma = scale?.unsafeElements(of: Float.self).baseAddress
    let beta = bias?.unsafeElements(of: Float.self).baseAddress
    let means = mean?.unsafeMutableElements(of: Float.self)
    let inverses = inverse?.unsafeMutableElements(of: Float.self)
    pool.parallelFor(x.count / n, grain: Swift.max(1, 16384 / n)) { lower, upper in
      var stats: (Float, Float) = (0, 0)
      for row in lower..<upper {
        if isCentered {
          withUnsafeMutableBytes(of: &stats) {
            table.layerNorm(
              from + row &* n, gamma, beta, epsilon, to + row &* n, n,
              $0.baseAddress?.assumingMemoryBound(to: Float.self))
          }
          means?[row] = stats.0
          inverses?[row] = stats.1
        } else {
          table.rmsNorm(from + row &* n, gamma, epsilon, to + row &* n, n)
        }
      }
    }
  }

  private struct Body: RealBody {
    let x: Tensor, y: Tensor
    let scale: [Double]?, bias: [Double]?
    let scaleStrides: [Int], biasStrides: [Int]
    let inner: Int
    let epsilon: Double
    let isCentered: Bool
    let mean: Tensor?, inverse: Tensor?

    func run<E: RealElement>(_ type: E.Type) throws {
      let from = x.unsafeElements(of: E.self)
      let to = y.unsafeMutableElements(of: E.self)
      guard inner > 0, from.count > 0 else { return }
      var at = PositionCounter(x.shape.dims)
      for row in 0..<(from.count / inner) {
        let range = row &* inner..<(row &+ 1) &* inner
        var average = 0.0
        if isCentered {
          for i in range { average += from[i].wide.double }
          average /= Double(inner)
        }
        var squares = 0.0
        for i in range {
          let d = from[i].wide.double - average
          squares += d * d
        }
        let factor = 1 / (squares / Double(inner) + epsilon).squareRoot()
        for i in range {
          var v = (from[i].wide.double - average) * factor
          if let scale { v *= scale[offset(at.position, scaleStrides)] }
          if let bias { v += bias[offset(at.position, biasStrides)] }
          to[i] = E(wide: E.Wide(double: v))
          at.advance()
        }
        if let mean, let inverse {
          mean.unsafeMutableElements(of: Float.self)[row] = Float(average)
          inverse.unsafeMutableElements(of: Float.self)[row] = Float(factor)
        }
      }
    }

    @inline(__always) private func offset(_ position: [Int], _ strides: [Int]) -> Int {
      var o = 0
      for axis in 0..<position.count { o &+= position[axis] &* strides[axis] }
      return o
    }
  }
}
