import Kernels
public import TensorCore

/// Convolution of 8-bit integers: of their differences from zero points, summed as 32-bit integers.
///
/// Inputs: x, w, and optionally their zero points (that of w may be one for each output channel).
public struct ConvInteger: Operator {
  public var window: Window
  public var group: Int
  /// w packed, where it is constant; then it is no input.
  private var weights: IntegerConvWeights?

  public var name: String { "ConvInteger" }
  public func addHeld(to memory: inout HeldMemory) { weights?.addHeld(to: &memory) }

  public init(window: Window, group: Int) {
    self.window = window
    self.group = group
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0, "x")
    let w = try weights.map { Fact(.float32, $0.shape.dims.map { Dim($0) }) } ?? Operand.fact(inputs, 1, "w")
    let plain = try Conv(window: window, group: group).outputFacts([
      Fact(.float32, x.shape), Fact(.float32, w.shape),
    ])
    return [Fact(.int32, plain[0].shape)]
  }

  public func specialized(
    _ inputs: [Fact?], _ constants: Constants
  ) throws -> (operator: any Operator, kept: [Int])? {
    guard weights == nil, let w = inputs.optional(1)?.tensor else { return nil }
    var settled = self
    settled.weights = try IntegerConvWeights(w, group: group, constants)
    return (settled, [0] + inputs.indices.dropFirst(2))
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let weights = try self.weights ?? IntegerConvWeights(Operand.tensor(inputs, 1, "w"), group: group, .inMemory)
    let first = self.weights == nil ? 2 : 1
    let (x, shape, layout) = try QuantizedConv.check(inputs, weights.shape, window, group)
    let conv = IntegerConv(
      group: group, weights: weights, layout: layout,
      xZero: try IntegerMatMul.zeros(inputs, first, "x_zero_point", 1)[0],
      wZeros: try IntegerMatMul.zeros(inputs, first + 1, "w_zero_point", weights.shape[0]))
    let out = try context.allocate(.int32, shape)
    try conv.run(x, into: out, context)
    return [.tensor(out)]
  }
}

/// Convolution of quantised tensors to a quantised tensor.
///
/// Inputs as ONNX has them: x, its scale and zero point, w, its, the result's, and optionally a 32-bit bias in units of
/// both scales. Sums are exact; they are multiplied with `x_scale * w_scale / y_scale` in `float32` and rounded to the nearest
/// integer, the even one of two.
public struct QuantizedConv: Operator {
  public var window: Window
  public var group: Int
  /// w packed, where it is constant; then it is no input.
  private var weights: IntegerConvWeights?

  public var name: String { "QLinearConv" }
  public func addHeld(to memory: inout HeldMemory) { weights?.addHeld(to: &memory) }

  public init(window: Window, group: Int) {
    self.window = window
    self.group = group
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0, "x")
    let w = try weights.map { Fact(.float32, $0.shape.dims.map { Dim($0) }) } ?? Operand.fact(inputs, 3, "w")
    let y = try Operand.fact(inputs, weights == nil ? 7 : 6, "y_zero_point")
    let plain = try Conv(window: window, group: group).outputFacts([
      Fact(.float32, x.shape), Fact(.float32, w.shape),
    ])
    return [Fact(type: y.type, shape: plain[0].shape)]
  }

  public func specialized(
    _ inputs: [Fact?], _ constants: Constants
  ) throws -> (operator: any Operator, kept: [Int])? {
    guard weights == nil, let w = inputs.optional(3)?.tensor else { return nil }
    var settled = self
    settled.weights = try IntegerConvWeights(w, group: group, constants)
    return (settled, inputs.indices.filter { $0 != 3 })
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let weights = try self.weights ?? IntegerConvWeights(Operand.tensor(inputs, 3, "w"), group: group, .inMemory)
    let moved = self.weights == nil ? 0 : -1
    let (x, shape, layout) = try QuantizedConv.check(inputs, weights.shape, window, group)
    let target = try Operand.tensor(inputs, 7 + moved, "y_zero_point")
    guard IntegerMatMul.takes(target.dtype) else { throw Operand.unsupported(target.dtype, "8-bit integers") }
    let channels = weights.shape[0]
    func list(_ index: Int, _ what: String, _ count: Int) throws -> [Float] {
      let values = try Numbers.read(Operand.tensor(inputs, index, what))
      guard values.count == 1 || values.count == count else {
        throw GraphError(.invalidInput, "\(what) must hold 1 or \(count) numbers and holds \(values.count)")
      }
      return values.map { Float($0) }
    }
    let xScale = try list(1, "x_scale", 1)[0]
    let wScale = try list(4 + moved, "w_scale", channels)
    let yScale = try list(6 + moved, "y_scale", 1)[0]
    var conv = IntegerConv(
      group: group, weights: weights, layout: layout,
      xZero: try IntegerMatMul.zeros(inputs, 2, "x_zero_point", 1)[0],
      wZeros: try IntegerMatMul.zeros(inputs, 5 + moved, "w_zero_point", channels))
    if let bias = try Operand.optional(inputs, 8 + moved, "B") {
      guard let values = bias.array(of: Int32.self), values.count == channels else {
        throw GraphError(.invalidInput, "B must be \(channels) int32 and is \(bias.dtype) of shape \(bias.shape)")
      }
      conv.bias = values
    }
    conv.output = target.dtype == .int8 ? .int8 : .uint8
    conv.outputZero = try IntegerMatMul.zeros(inputs, 7 + moved, "y_zero_point", 1)[0]
    conv.scales = (0..<channels).map { xScale * wScale[wScale.count == 1 ? 0 : $0] / yScale }
    let out = try context.allocate(target.dtype, shape)
    try conv.run(x, into: out, context)
    return [.tensor(out)]
  }

  /// The input, the output's shape and the window's way, all checked.
  static func check(
    _ inputs: [Value?], _ weights: Shape, _ window: Window, _ group: Int
  ) throws -> (Tensor, Shape, Window.Layout) {
    let x = try Operand.tensor(inputs, 0, "x")
    guard IntegerMatMul.takes(x.dtype) else { throw Operand.unsupported(x.dtype, "8-bit integers") }
    return try Conv(window: window, group: group).check(inputs, x.dtype, weights)
  }
}
