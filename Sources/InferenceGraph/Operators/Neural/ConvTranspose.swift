import Kernels
public import TensorCore

/// Transposed convolution: each input element adds a weighted window to the output.
///
/// Inputs: X `[n, c, spatial...]`, W `[c, m/group, kernel...]`, optionally B `[m]`.
public struct ConvTranspose: Operator {
  public var window: Window
  public var group: Int
  /// Elements that the output is longer by at its end; empty: none.
  public var outputPadding: [Int]
  /// The output's spatial extents, from which the padding follows; empty: not given.
  public var outputShape: [Int]

  public var name: String { "ConvTranspose" }
  public var attributes: [(name: String, value: String)] {
    [("kernel", "\(window.extents)"), ("strides", "\(window.strides)"), ("group", "\(group)")]
  }

  public init(window: Window, group: Int, outputPadding: [Int], outputShape: [Int]) {
    self.window = window
    self.group = group
    self.outputPadding = outputPadding
    self.outputShape = outputShape
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0, "X")
    let w = try Operand.fact(inputs, 1, "W")
    try Operand.sameType(x.dtype, w.dtype)
    guard let xs = x.shape, let ws = w.shape else { return [Fact(type: x.type, shape: nil)] }
    guard xs.count >= 3, ws.count == xs.count else {
      throw GraphError(
        .invalidModel, "X of shape \(xs.text) and W of shape \(ws.text) must have one rank of at least 3")
    }
    if xs[1].isProvablyDifferent(from: ws[0]) {
      throw GraphError(.invalidModel, "X has \(xs[1]) channels, the weights take \(ws[0])")
    }
    let extents = ws.dropFirst(2).map(\.value)
    var spatial = [Dim](repeating: .unknown, count: xs.count - 2)
    if !extents.contains(nil) {
      let w = try window.completed(rank: spatial.count, extents: extents.compactMap { $0 })
      for axis in spatial.indices {
        if let input = xs[axis + 2].value {
          spatial[axis] = Dim(try placement(w, axis, input).output)
        } else if outputShape.isEmpty, case .explicit(let pads) = w.padding {
          let extra = w.reach(axis) - w.strides[axis] - pads[axis] - pads[axis + spatial.count] + padding(axis)
          spatial[axis] = xs[axis + 2] * Dim(w.strides[axis]) + Dim(extra)
        }
      }
    }
    return [Fact(type: x.type, shape: [xs[0], ws[1] * Dim(group)] + spatial)]
  }

  private func padding(_ axis: Int) -> Int { axis < outputPadding.count ? outputPadding[axis] : 0 }

  /// The output's extent along an axis, and how many elements are cut off before it.
  private func placement(_ w: Window, _ axis: Int, _ input: Int) throws -> (output: Int, before: Int) {
    let rank = w.extents.count
    guard input < 1 << 30, outputPadding.isEmpty || outputPadding.count == rank,
      outputPadding.allSatisfy({ $0 >= 0 && $0 < 1 << 30 })
    else { throw GraphError(.invalidModel, "output_padding \(outputPadding) does not fit \(rank) axes") }
    let full = w.strides[axis] * (input - 1) + w.reach(axis) + padding(axis)
    var wanted: Int?
    if outputShape.count == rank { wanted = outputShape[axis] }
    if outputShape.count == rank + 2 { wanted = outputShape[axis + 2] }
    switch w.padding {
    case .explicit(let pads):
      guard let wanted else {
        let output = full - pads[axis] - pads[axis + rank]
        guard output >= 0 else { throw GraphError(.invalidModel, "pads \(pads) leave nothing of axis \(axis)") }
        return (output, pads[axis])
      }
      guard wanted >= 0 && wanted < 1 << 30 else { throw GraphError(.invalidModel, "output_shape \(outputShape)") }
      let total = Swift.max(0, full - wanted)
      return (wanted, total - total / 2)
    case .same(let upper):
      let output = wanted ?? input * w.strides[axis]
      guard output >= 0 && output < 1 << 30 else { throw GraphError(.invalidModel, "output_shape \(outputShape)") }
      let total = Swift.max(0, full - output)
      return (output, upper ? total / 2 : total - total / 2)
    }
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0, "X")
    let w = try Operand.tensor(inputs, 1, "W")
    let bias = try Operand.optional(inputs, 2, "B")
    try Operand.sameType(x.dtype, w.dtype)
    try Operand.sameType(x.dtype, bias?.dtype)
    if Widened.applies(to: x.dtype) { return try Widened(base: self, dtype: x.dtype).evaluate(&inputs, context) }
    guard x.shape.rank >= 3, w.shape.rank == x.shape.rank, w.shape[0] == x.shape[1], group >= 1,
      x.shape[1] % group == 0, let m = Shape([w.shape[1], group]).checkedElementCount,
      bias.map({ $0.count == m }) ?? true
    else {
      throw GraphError(.invalidInput, "X of shape \(x.shape) and W of shape \(w.shape) do not fit in \(group) groups")
    }
    let rank = x.shape.rank - 2
    let completed = try window.completed(rank: rank, extents: Array(w.shape.dims[2...]))
    let places = try (0..<rank).map { try placement(completed, $0, x.shape[$0 + 2]) }
    let out = try context.allocate(x.dtype, Shape([x.shape[0], m] + places.map(\.output)))
    let (lines, isLong) = completed.extents.reduce(1, &*).multipliedReportingOverflow(
      by: x.shape.product(2..<(x.shape.rank - 1)))
    if x.dtype == .float32, !isLong, lines <= 1 << 22 {
      try multiply(x, w, bias, into: out, completed, before: places.map(\.before), context.pool)
      return [.tensor(out)]
    }
    let body = Body(
      x: x, w: w, bias: bias, out: out, window: completed, before: places.map(\.before), group: group,
      context: context)
    guard try x.dtype.withReal(body) != nil else { throw Operand.unsupported(x.dtype, "floating-point numbers") }
    return [.tensor(out)]
  }

  /// The transposed convolution of float32 as a product: each image's channels times the weights give what every tap adds,
  /// which is then added where it belongs.
  private func multiply(
    _ x: Tensor, _ w: Tensor, _ bias: Tensor?, into out: Tensor, _ window: Window, before: [Int], _ pool: ComputePool
  ) throws {
    guard out.count > 0 else { return }
    let input = Array(x.shape.dims[2...])
    let output = Array(out.shape.dims[2...])
    let (inputCount, outputCount) = (input.reduce(1, &*), output.reduce(1, &*))
    let taps = window.extents.reduce(1, &*)
    let channels = x.shape[1] / group
    let perGroup = w.shape[1]
    let (from, weights, to) = (x.readable(Float.self), w.readable(Float.self), out.writable(Float.self))
    let added = bias?.readable(Float.self)
    let last = input.count - 1
    let step = window.strides[last]
    let strides = Shape(output).strides
    let (wide, overflow) = (perGroup &* taps).multipliedReportingOverflow(by: inputCount)
    // Of each tap and each input row: where in the output plane its first element goes, and which elements stay inside.
    var runs: [(tap: Int, row: Int, first: Int, target: Int, count: Int)] = []
    var tap = PositionCounter(window.extents)
    for t in 0..<taps {
      let shift = tap.position[last] &* window.dilations[last] &- before[last]
      let first = shift >= 0 ? 0 : (step &- 1 &- shift) / step
      let room = output[last] &- 1 &- shift
      let end = room < 0 ? 0 : Swift.min(input[last], room / step &+ 1)
      var at = PositionCounter(Array(input.dropLast()))
      for row in 0..<(input[last] == 0 ? 0 : inputCount / input[last]) where first < end {
        var offset = first &* step &+ shift
        var inside = true
        for axis in 0..<last {
          let o =
            at.position[axis] &* window.strides[axis] &+ tap.position[axis] &* window.dilations[axis] &- before[axis]
          if o < 0 || o >= output[axis] { inside = false }
          offset &+= o &* strides[axis]
        }
        if inside { runs.append((t, row, first, offset, end &- first)) }
        at.advance()
      }
      tap.advance()
    }
    let rows = perGroup &* taps
    func spread(_ product: UnsafePointer<Float>, _ channel: Int, _ plane: UnsafeMutablePointer<Float>) {
      for run in runs {
        let line = product + (channel &* taps &+ run.tap) &* inputCount + run.row &* input[last] + run.first
        let target = plane + run.target
        if step == 1 {
          for i in 0..<run.count { target[i] += line[i] }
        } else {
          for i in 0..<run.count { target[i &* step] += line[i] }
        }
      }
    }
    func convolve(_ item: Int, _ product: UnsafeMutablePointer<Float>) {
      let g = item % group
      if inputCount > 0 {
        MatrixMultiply.multiply(
          m: rows, n: inputCount, k: channels,
          .strided(weights + g &* channels &* rows, rowStride: 1, columnStride: rows),
          .strided(from + item &* channels &* inputCount, rowStride: inputCount, columnStride: 1), into: product,
          cRowStride: inputCount, pool: pool)
      }
      pool.parallelFor(perGroup, grain: Swift.max(1, 65536 / Swift.max(1, outputCount))) { lower, upper in
        for channel in lower..<upper {
          let plane = to + (item &* perGroup &+ channel) &* outputCount
          plane.update(repeating: added.map { $0[g &* perGroup &+ channel] } ?? 0, count: outputCount)
          spread(product, channel, plane)
        }
      }
    }
    for item in 0..<x.shape[0] &* group {
      let isThere: Void? =
        overflow || wide > MemoryBudget.bytes / 16
        ? nil : Scratch.withPossible(floats: wide) { convolve(item, $0) }
      if isThere == nil { throw GraphError(.limit, "the product of a transposed convolution is too large") }
    }
    withExtendedLifetime((x, w, bias, out)) {}
  }

  private struct Body: RealBody {
    let x: Tensor, w: Tensor
    let bias: Tensor?
    let out: Tensor
    let window: Window
    let before: [Int]
    let group: Int
    let context: EvaluationContext

    func run<E: RealElement>(_ type: E.Type) throws {
      let from = x.unsafeElements(of: E.self)
      let weights = w.unsafeElements(of: E.self)
      let added = bias?.unsafeElements(of: E.self)
      let to = out.unsafeMutableElements(of: E.self)
      guard to.count > 0 else { return }
      let input = Array(x.shape.dims[2...])
      let output = Array(out.shape.dims[2...])
      let (inputCount, outputCount) = (input.reduce(1, &*), output.reduce(1, &*))
      let taps = window.extents.reduce(1, &*)
      let channels = x.shape[1] / group
      let perGroup = w.shape[1]
      let m = out.shape[1]
      let strides = Shape(output).strides
      context.interruptibleFor(to.count / outputCount, grain: 1) { lower, upper in
        for plane in lower..<upper {
          let (image, channel) = plane.quotientAndRemainder(dividingBy: m)
          let (g, local) = channel.quotientAndRemainder(dividingBy: perGroup)
          var sums = [E.Wide](repeating: added.map { $0[channel].wide } ?? .zero, count: outputCount)
          var tap = PositionCounter(window.extents)
          for t in 0..<taps {
            var at = PositionCounter(input)
            for i in 0..<inputCount {
              var offset = 0
              var inside = true
              for axis in 0..<input.count {
                let o =
                  at.position[axis] &* window.strides[axis] &+ tap.position[axis] &* window.dilations[axis]
                  &- before[axis]
                if o < 0 || o >= output[axis] { inside = false }
                offset &+= o &* strides[axis]
              }
              if inside {
                var sum = sums[offset]
                for c in 0..<channels {
                  let a = from[(image &* x.shape[1] &+ g &* channels &+ c) &* inputCount &+ i].wide
                  sum = .add(sum, .multiply(a, weights[((g &* channels &+ c) &* perGroup &+ local) &* taps &+ t].wide))
                }
                sums[offset] = sum
              }
              at.advance()
            }
            tap.advance()
          }
          for o in 0..<outputCount { to[plane &* outputCount &+ o] = E(wide: sums[o]) }
        }
      }
    }
  }
}
