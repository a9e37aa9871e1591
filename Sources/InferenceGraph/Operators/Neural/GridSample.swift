public import TensorCore

/// Reads X `[n, c, spatial...]` at the places that a grid `[n, output..., axes]` names in -1...1, last axis first.
public struct GridSample: Operator {
  public enum Mode: Sendable, Hashable { case nearest, linear, cubic }
  /// What lies outside X.
  public enum Outside: String, Sendable, Hashable { case zeros, border, reflection }

  public var mode: Mode
  public var outside: Outside
  /// True: -1 and 1 are the centres of the outermost elements; else their outer borders.
  public var alignsCorners: Bool

  public var name: String { "GridSample" }

  public init(_ mode: Mode, outside: Outside, alignsCorners: Bool) {
    self.mode = mode
    self.outside = outside
    self.alignsCorners = alignsCorners
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0, "X")
    let grid = try Operand.fact(inputs, 1, "grid")
    guard let xs = x.shape, let gs = grid.shape else { return [Fact(type: x.type, shape: nil)] }
    guard xs.count >= 3, gs.count == xs.count, !gs[gs.count - 1].isProvablyDifferent(from: Dim(xs.count - 2)) else {
      throw GraphError(.invalidModel, "a grid of shape \(gs.text) does not fit X of shape \(xs.text)")
    }
    return [Fact(type: x.type, shape: Array(xs[..<2]) + Array(gs[1..<(gs.count - 1)]))]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0, "X")
    let grid = try Operand.tensor(inputs, 1, "grid")
    let axes = x.shape.rank - 2
    guard axes >= 1, axes <= 4, grid.shape.rank == x.shape.rank, grid.shape[0] == x.shape[0],
      grid.shape[axes + 1] == axes
    else { throw GraphError(.invalidInput, "a grid of shape \(grid.shape) does not fit X of shape \(x.shape)") }
    let values = try Numbers.read(x)
    let places = try Numbers.read(grid)
    let dims = Array(x.shape.dims[2...])
    let strides = Shape(dims).strides
    let plane = dims.reduce(1, &*)
    let shape = Shape(Array(x.shape.dims[..<2]) + Array(grid.shape.dims[1...axes]))
    let outputs = shape.product(2..<shape.rank)
    var out = [Double](repeating: 0, count: try Numbers.count(shape))
    guard plane > 0 || out.isEmpty else { throw GraphError(.invalidInput, "X of shape \(x.shape) is empty") }
    for n in 0..<x.shape[0] {
      for o in 0..<outputs {
        let at = (n * outputs + o) * axes
        var taps: [(offset: Int, weight: Double)] = [(0, 1)]
        for axis in 0..<axes {
          let own = weights(places[at + axes - 1 - axis], dims[axis])
          taps = taps.flatMap { tap in own.map { (tap.offset + $0.index * strides[axis], tap.weight * $0.weight) } }
        }
        for c in 0..<shape[1] {
          let base = (n * shape[1] + c) * plane
          out[(n * shape[1] + c) * outputs + o] = taps.reduce(0) { $0 + values[base + $1.offset] * $1.weight }
        }
      }
    }
    return [try Numbers.write(out, x.dtype, shape, context)]
  }

  /// The elements of one axis that make a value, and how much of each.
  private func weights(_ place: Double, _ extent: Int) -> [(index: Int, weight: Double)] {
    let length = Double(extent)
    var x = alignsCorners ? (place + 1) / 2 * (length - 1) : ((place + 1) * length - 1) / 2
    guard x.isFinite, Swift.abs(x) < 1e12 else { return outside == .zeros ? [] : [(0, 1)] }
    if mode == .nearest { x.round(.toNearestOrEven) }
    let (low, high) = alignsCorners ? (0, length - 1) : (-0.5, length - 0.5)
    // The standard's wording would clamp cubic positions, too; PyTorch and ONNX Runtime clamp only the elements they read.
    if mode != .cubic, x < low || x > high {
      if outside == .border { x = Swift.min(Swift.max(x, 0), length - 1) }
      if outside == .reflection { x = reflected(x, low, high) }
    }
    let left = Int(x.rounded(.down))
    let r = x - Double(left)
    let taps: [(Int, Double)]
    switch mode {
    case .nearest: taps = [(left, 1)]
    case .linear: taps = [(left, 1 - r), (left + 1, r)]
    case .cubic: taps = (-1...2).map { (left + $0, cubic(Swift.abs(Double($0) - r))) }
    }
    return taps.compactMap { index, weight in
      if index >= 0 && index < extent { return (index, weight) }
      switch outside {
      case .zeros: return nil
      case .border: return (Swift.min(Swift.max(index, 0), extent - 1), weight)
      case .reflection:
        return (Swift.min(Swift.max(Int(reflected(Double(index), low, high)), 0), extent - 1), weight)
      }
    }
  }

  private func reflected(_ x: Double, _ low: Double, _ high: Double) -> Double {
    let range = high - low
    guard range > 0 else { return Swift.max(low, 0) }
    if x < low {
      let d = low - x
      let n = (d / range).rounded(.down)
      let rest = d - n * range
      return n.truncatingRemainder(dividingBy: 2) == 0 ? low + rest : high - rest
    }
    if x > high {
      let d = x - high
      let n = (d / range).rounded(.down)
      let rest = d - n * range
      return n.truncatingRemainder(dividingBy: 2) == 0 ? high - rest : low + rest
    }
    return x
  }

  private func cubic(_ d: Double) -> Double {
    let a = -0.75
    if d <= 1 { return ((a + 2) * d - (a + 3)) * d * d + 1 }
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0
  }
}
