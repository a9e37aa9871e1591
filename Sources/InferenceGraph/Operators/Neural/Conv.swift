import Kernels
public import TensorCore

/// Convolution (cross-correlation) over any number of spatial axes, in groups, with dilation.
///
/// Inputs: X `[n, c, spatial...]`, W `[m, c/group, kernel...]`, optionally B `[m]`, and, where `addsResidual`, a tensor of
/// the result's shape that is added before `activation`.
public struct Conv: Operator {
  public var window: Window
  public var group: Int
  var activation = Activation.none
  var addsResidual = false

  public var name: String { "Conv" }
  public var attributes: [(name: String, value: String)] {
    [
      ("kernel", "\(window.extents)"), ("strides", "\(window.strides)"), ("padding", "\(window.padding)"),
      ("dilations", "\(window.dilations)"), ("group", "\(group)"), ("activation", "\(activation)"),
      ("residual", "\(addsResidual)"),
    ]
  }

  public init(window: Window, group: Int = 1) {
    self.window = window
    self.group = group
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0, "X")
    let w = try Operand.fact(inputs, 1, "W")
    try Operand.sameType(x.dtype, w.dtype)
    if let dtype = x.dtype, !dtype.isReal { throw Operand.unsupported(dtype, "floating-point numbers") }
    return [Fact(type: x.type ?? w.type, shape: try shape(x.shape, w.shape))]
  }

  private func shape(_ x: [Dim]?, _ w: [Dim]?) throws -> [Dim]? {
    guard let x, let w else { return nil }
    guard x.count >= 3, w.count == x.count else {
      throw GraphError(.invalidModel, "X of shape \(x.text) and W of shape \(w.text) must have one rank of at least 3")
    }
    guard group >= 1, group < 1 << 30 else { throw GraphError(.invalidModel, "group \(group) must be positive") }
    if x[1].isProvablyDifferent(from: w[1] * Dim(group)) {
      throw GraphError(
        .invalidModel, "X has \(x[1]) channels; weights of shape \(w.text) in \(group) groups take \(w[1] * Dim(group))"
      )
    }
    if let m = w[0].value, m % group != 0 {
      throw GraphError(.invalidModel, "\(m) output channels do not divide into \(group) groups")
    }
    let extents = w.dropFirst(2).map(\.value)
    guard !extents.contains(nil) else {
      return [x[0], w[0]] + [Dim](repeating: .unknown, count: x.count - 2)
    }
    let completed = try window.completed(rank: x.count - 2, extents: extents.compactMap { $0 })
    return [x[0], w[0]] + completed.outputDims(Array(x.dropFirst(2)))
  }

  public func specialized(
    _ inputs: [Fact?], _ constants: Constants
  ) throws -> (operator: any Operator, kept: [Int])? {
    if Widened.applies(to: inputs.first??.dtype) { return try Widened.specialized(self, inputs, constants) }
    guard inputs.count >= 2, let w = inputs[1]?.tensor, w.dtype == .float32, inputs[0]?.dtype == .float32,
      w.shape.rank >= 3, group >= 1, w.shape[0] % group == 0
    else { return nil }
    let weights = ConvWeights(w, group: group, constants)
    return (PackedConv(conv: self, weights: weights), [0] + Array(2..<Swift.max(inputs.count, 2)))
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let w = try Operand.tensor(inputs, 1, "W")
    if Widened.applies(to: w.dtype), try Operand.tensor(inputs, 0, "X").dtype == w.dtype {
      return try Widened(base: self, dtype: w.dtype).evaluate(&inputs, context)
    }
    inputs.remove(at: 1)
    let (x, shape, layout) = try check(inputs, w.dtype, w.shape)
    if w.dtype == .float32 {
      return [.tensor(try run(x, ConvWeights(w, group: group, .inMemory), layout, shape, inputs, context))]
    }
    let out = try context.allocate(w.dtype, shape)
    let body = ConvReference(
      x: x, w: w, bias: try bias(inputs, w.shape[0], w.dtype), out: out, layout: layout, group: group,
      context: context)
    guard try w.dtype.withReal(body) != nil else { throw Operand.unsupported(w.dtype, "floating-point numbers") }
    return [.tensor(out)]
  }

  /// The input, the output's shape and the window's way, all checked. `inputs` without W.
  func check(_ inputs: [Value?], _ dtype: DType, _ w: Shape) throws -> (Tensor, Shape, Window.Layout) {
    let x = try Operand.tensor(inputs, 0, "X")
    guard x.dtype == dtype else { throw Operand.unsupported(x.dtype, "\(dtype)") }
    let dims = try self.shape(x.shape.dims.map { Dim($0) }, w.dims.map { Dim($0) })
    let layout = try window.completed(rank: w.rank - 2, extents: Array(w.dims[2...])).layout(Array(x.shape.dims[2...]))
    guard dims != nil else { throw GraphError(.invalidInput, "shape \(x.shape) does not fit weights of shape \(w)") }
    return (x, Shape([x.shape[0], w[0]] + layout.output), layout)
  }

  /// B, checked. `inputs` without W.
  func bias(_ inputs: [Value?], _ m: Int, _ dtype: DType) throws -> Tensor? {
    guard let bias = try Operand.optional(inputs, 1, "B") else { return nil }
    guard bias.dtype == dtype, bias.count == m else {
      throw GraphError(.invalidInput, "B must be \(m) elements of type \(dtype) and is \(bias.dtype) of \(bias.shape)")
    }
    return bias
  }

  /// The tensor to add. `inputs` without W.
  func residual(_ inputs: [Value?], _ dtype: DType) throws -> Tensor? {
    guard addsResidual else { return nil }
    let residual = try Operand.tensor(inputs, 2, "residual")
    guard residual.dtype == dtype else { throw Operand.unsupported(residual.dtype, "\(dtype)") }
    return residual
  }

  /// The convolution of float32 with its residual and its activation.
  func run(
    _ x: Tensor, _ weights: ConvWeights, _ layout: Window.Layout, _ shape: Shape, _ inputs: [Value?],
    _ context: EvaluationContext
  ) throws -> Tensor {
    let bias = try bias(inputs, weights.shape[0], .float32)
    let residual = try residual(inputs, .float32)
    let out = try context.allocate(.float32, shape)
    guard let residual, residual.shape != shape else {
      try FloatConv(conv: self, weights: weights, layout: layout).run(x, bias, residual, into: out, context)
      return out
    }
    var plain = self
    (plain.activation, plain.addsResidual) = (.none, false)
    try FloatConv(conv: plain, weights: weights, layout: layout).run(x, bias, nil, into: out, context)
    return try activation.applied(toSumOf: out, residual, context)
  }
}

/// A float32 convolution with constant weights, packed once. Inputs: X, B, residual.
struct PackedConv: Operator {
  let conv: Conv
  let weights: ConvWeights

  var name: String { "Conv" }
  var attributes: [(name: String, value: String)] { conv.attributes }
  func addHeld(to memory: inout HeldMemory) {
    memory.add(weights.packed?.tensor)
    memory.add(weights.plain)
  }

  func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    var inputs = inputs
    inputs.insert(Fact(.float32, weights.shape.dims.map { Dim($0) }), at: Swift.min(1, inputs.count))
    return try conv.outputFacts(inputs)
  }

  func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let (x, shape, layout) = try conv.check(inputs, .float32, weights.shape)
    return [.tensor(try conv.run(x, weights, layout, shape, inputs, context))]
  }
}

/// Convolution of any floating-point type by its definition.
struct ConvReference: RealBody {
  let x: Tensor, w: Tensor
  let bias: Tensor?
  let out: Tensor
  let layout: Window.Layout
  let group: Int
  let context: EvaluationContext

  func run<E: RealElement>(_ type: E.Type) throws {
    let from = x.unsafeElements(of: E.self)
    let weights = w.unsafeElements(of: E.self)
    let added = bias?.unsafeElements(of: E.self)
    let to = out.unsafeMutableElements(of: E.self)
    let channels = w.shape[1]
    let perGroup = w.shape[0] / group
    let (inputCount, outputCount, taps) = (layout.inputCount, layout.outputCount, layout.taps)
    let rank = layout.input.count
    let strides = Shape(layout.input).strides
    guard to.count > 0 else { return }
    let cost = Swift.max(1, taps.multipliedReportingOverflow(by: Swift.max(1, channels)).partialValue)
    context.interruptibleFor(to.count, grain: Swift.max(1, 16384 / cost)) { lower, upper in
      var at = PositionCounter(layout.output, at: lower % outputCount)
      var tap = PositionCounter(layout.extents)
      for o in lower..<upper {
        let (batch, m) = (o / outputCount).quotientAndRemainder(dividingBy: w.shape[0])
        let first = (batch &* group &+ m / perGroup) &* channels
        var sum = added.map { $0[m].wide } ?? E.Wide.zero
        for t in 0..<taps {
          var offset = 0
          var inside = true
          for axis in 0..<rank {
            let i =
              at.position[axis] &* layout.strides[axis] &- layout.before[axis]
              &+ tap.position[axis] &* layout.dilations[axis]
            if i < 0 || i >= layout.input[axis] { inside = false }
            offset &+= i &* strides[axis]
          }
          if inside {
            for c in 0..<channels {
              let a = from[(first &+ c) &* inputCount &+ offset].wide
              sum = .add(sum, .multiply(a, weights[(m &* channels &+ c) &* taps &+ t].wide))
            }
          }
          tap.advance()
        }
        to[o] = E(wide: sum)
        at.advance()
      }
    }
  }
}
