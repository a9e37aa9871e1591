import Kernels
public import TensorCore

/// Convolution whose window reads each element at a place that is moved by an offset, linearly between elements (Dai et
/// al., Deformable Convolutional Networks, 2017; with a mask: Zhu et al., 2019; `DeformConv` of the ONNX standard).
///
/// Inputs: X `[n, c, spatial...]`, W `[m, c/group, kernel...]`, offsets `[n, offsetGroup * taps * axes, output...]` in
/// elements of X (for each tap one an axis, first axis first), optionally B `[m]` and a mask
/// `[n, offsetGroup * taps, output...]` by which what is read is multiplied. Outside X all is zero.
public struct DeformConv: Operator {
  public var window: Window
  public var group: Int
  /// How many groups of channels have offsets of their own.
  public var offsetGroup: Int

  public var name: String { "DeformConv" }
  public var attributes: [(name: String, value: String)] {
    [("kernel", "\(window.extents)"), ("strides", "\(window.strides)"), ("offset_group", "\(offsetGroup)")]
  }

  public init(window: Window, group: Int, offsetGroup: Int) {
    self.window = window
    self.group = group
    self.offsetGroup = offsetGroup
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0, "X")
    let w = try Operand.fact(inputs, 1, "W")
    let others = try [Operand.fact(inputs, 2, "offset"), Operand.optionalFact(inputs, 4, "mask")]
    if let dtype = x.dtype, !dtype.isReal { throw Operand.unsupported(dtype, "floating-point numbers") }
    for other in try [w, others[0], Operand.optionalFact(inputs, 3, "B"), others[1]] {
      try Operand.sameType(x.dtype, other?.dtype)
    }
    guard offsetGroup > 0, offsetGroup < 1 << 30 else {
      throw GraphError(.invalidModel, "offset_group is \(offsetGroup) and must be positive")
    }
    let plain = try Conv(window: window, group: group).outputFacts([x, w])
    guard let xs = x.shape, let ws = w.shape, let out = plain[0].shape else { return plain }
    guard xs.count <= 6, (xs[1].value ?? 0) % offsetGroup == 0 else {
      throw GraphError(.invalidModel, "X of shape \(xs.text) does not divide into \(offsetGroup) groups of offsets")
    }
    let axes = xs.count - 2
    let taps = ws.dropFirst(2).reduce(Dim(offsetGroup)) { $0 * $1 }
    for (fact, channels, what) in [(others[0], taps * Dim(axes), "offset"), (others[1], taps, "mask")] {
      guard let shape = fact?.shape else { continue }
      let expected = [xs[0], channels] + out[2...]
      guard shape.count == expected.count,
        !zip(shape, expected).contains(where: { $0.isProvablyDifferent(from: $1) })
      else {
        throw GraphError(.invalidModel, "\(what) must have shape \(expected.text) and has shape \(shape.text)")
      }
    }
    return plain
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0, "X")
    let w = try Operand.tensor(inputs, 1, "W")
    let offset = try Operand.tensor(inputs, 2, "offset")
    let bias = try Operand.optional(inputs, 3, "B")
    let mask = try Operand.optional(inputs, 4, "mask")
    for other in [w, offset, bias, mask] { try Operand.sameType(x.dtype, other?.dtype) }
    let rank = x.shape.rank
    guard rank >= 3, rank <= 6, w.shape.rank == rank, group >= 1, offsetGroup >= 1, x.shape[1] % offsetGroup == 0,
      w.shape[0] % group == 0, Shape([w.shape[1], group]).checkedElementCount == x.shape[1],
      bias.map({ $0.count == w.shape[0] }) ?? true
    else {
      throw GraphError(
        .invalidInput,
        "X of shape \(x.shape) and W of shape \(w.shape) do not fit in \(group) groups with \(offsetGroup) of offsets")
    }
    let layout = try window.completed(rank: rank - 2, extents: Array(w.shape.dims[2...])).layout(
      Array(x.shape.dims[2...]))
    guard let rows = Shape([offsetGroup] + layout.extents).checkedElementCount,
      let shifts = Shape([rows, rank - 2]).checkedElementCount,
      offset.shape.dims == [x.shape[0], shifts] + layout.output,
      mask.map({ $0.shape.dims == [x.shape[0], rows] + layout.output }) ?? true
    else {
      throw GraphError(
        .invalidInput, "offset of shape \(offset.shape) or its mask does not fit \(layout.output) outputs")
    }
    let out = try context.allocate(x.dtype, Shape([x.shape[0], w.shape[0]] + layout.output))
    guard out.count > 0 else { return [.tensor(out)] }
    let body = Body(
      op: self, x: x, w: w, offset: offset, bias: try bias.map { try Numbers.read($0) }, mask: mask, out: out,
      layout: layout, context: context)
    guard try x.dtype.withReal(body) != nil else { throw Operand.unsupported(x.dtype, "floating-point numbers") }
    return [.tensor(out)]
  }

  private struct Body: RealBody {
    let op: DeformConv
    let x: Tensor, w: Tensor, offset: Tensor
    let bias: [Double]?
    let mask: Tensor?
    let out: Tensor
    let layout: Window.Layout
    let context: EvaluationContext

    func run<E: RealElement>(_ type: E.Type) throws {
      let weights = try Numbers.read(w)
      let to = out.unsafeMutableElements(of: E.self)
      let (images, outputs) = (x.shape[0], layout.outputCount)
      let channels = x.shape[1]
      let (m, perGroup) = (w.shape[0], w.shape[1])
      let taps = layout.taps
      let row = perGroup &* taps
      context.interruptibleFor(images &* outputs, grain: 1) { lower, upper in
        var column = [Double](repeating: 0, count: channels &* taps)
        for index in lower..<upper {
          let (n, o) = index.quotientAndRemainder(dividingBy: outputs)
          gather(type, image: n, output: o, into: &column)
          for k in 0..<m {
            let first = k / (m / op.group) &* row
            var sum = bias.map { $0[k] } ?? 0
            for i in 0..<row { sum += weights[k &* row &+ i] * column[first &+ i] }
            to[(n &* m &+ k) &* outputs &+ o] = E(wide: E.Wide(double: sum))
          }
        }
      }
    }

    /// What the window reads for one output: `[channel, tap]`.
    private func gather<E: RealElement>(_ type: E.Type, image n: Int, output o: Int, into column: inout [Double]) {
      let from = x.unsafeElements(of: E.self)
      let offsets = offset.unsafeElements(of: E.self)
      let factors = mask?.unsafeElements(of: E.self)
      let axes = layout.input.count
      let (outputs, plane, taps) = (layout.outputCount, layout.inputCount, layout.taps)
      let (channels, each) = (x.shape[1], x.shape[1] / op.offsetGroup)
      let strides = Shape(layout.input).strides
      var rest = o
      var corner = [Int](repeating: 0, count: axes)
      for axis in stride(from: axes - 1, through: 0, by: -1) {
        corner[axis] = rest % layout.output[axis] &* layout.strides[axis] &- layout.before[axis]
        rest /= layout.output[axis]
      }
      var points: [(offset: Int, weight: Double)] = []
      for g in 0..<op.offsetGroup {
        var tap = PositionCounter(layout.extents)
        for t in 0..<taps {
          let slot = (n &* op.offsetGroup &+ g) &* taps &+ t
          points.removeAll(keepingCapacity: true)
          points.append((0, factors.map { $0[slot &* outputs &+ o].wide.double } ?? 1))
          for axis in 0..<axes {
            let shift = offsets[(slot &* axes &+ axis) &* outputs &+ o].wide.double
            let place = Double(corner[axis] &+ tap.position[axis] &* layout.dilations[axis]) + shift
            DeformConv.split(&points, place, layout.input[axis], strides[axis])
          }
          for c in (g &* each)..<((g &+ 1) &* each) {
            let base = (n &* channels &+ c) &* plane
            var sum = 0.0
            for point in points where point.weight != 0 { sum += from[base &+ point.offset].wide.double * point.weight }
            column[c &* taps &+ t] = sum
          }
          tap.advance()
        }
      }
    }
  }

  /// Divides each point between its two neighbours along an axis, as far as they lie inside.
  private static func split(
    _ points: inout [(offset: Int, weight: Double)], _ place: Double, _ extent: Int, _ stride: Int
  ) {
    guard place > -1, place < Double(extent) else { return points.removeAll(keepingCapacity: true) }
    let left = Int(place.rounded(.down))
    let right = place - Double(left)
    let count = points.count
    for i in 0..<count {
      let (offset, weight) = points[i]
      if right > 0, left + 1 < extent { points.append((offset &+ (left &+ 1) &* stride, weight * right)) }
      points[i] = left >= 0 ? (offset &+ left &* stride, weight * (1 - right)) : (offset, 0)
    }
  }
}
