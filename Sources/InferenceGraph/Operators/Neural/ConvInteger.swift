public import TensorCore

/// Convolution of 8-bit integers: of their differences from zero points, summed as 32-bit integers.
///
/// Inputs: x, w, and optionally their zero points (that of w may be one for each output channel).
public struct ConvInteger: Operator {
  public var window: Window
  public var group: Int

  public var name: String { "ConvInteger" }

  public init(window: Window, group: Int) {
    self.window = window
    self.group = group
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0, "x")
    let w = try Operand.fact(inputs, 1, "w")
    let plain = try Conv(window: window, group: group).outputFacts([
      Fact(.float32, x.shape), Fact(.float32, w.shape),
    ])
    return [Fact(.int32, plain[0].shape)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let sums = try ConvInteger.sums(
      Operand.tensor(inputs, 0, "x"), Operand.tensor(inputs, 1, "w"),
      zero: Operand.optional(inputs, 2, "x_zero_point"), Operand.optional(inputs, 3, "w_zero_point"), window, group,
      context)
    return [try Numbers.write(Numbers.read(sums), .int32, sums.shape, context)]
  }

  /// The sums as doubles, which hold them exactly.
  static func sums(
    _ x: Tensor, _ w: Tensor, zero xZero: Tensor?, _ wZero: Tensor?, _ window: Window, _ group: Int,
    _ context: EvaluationContext
  ) throws -> Tensor {
    let shifted = try [(x, xZero), (w, wZero)].map { tensor, zero in
      guard tensor.dtype == .int8 || tensor.dtype == .uint8 else {
        throw Operand.unsupported(tensor.dtype, "8-bit integers")
      }
      let zeros = try zero.map { try Numbers.read($0) } ?? [0]
      guard zeros.count == 1 || tensor.shape.rank > 0 && zeros.count == tensor.shape[0] else {
        throw GraphError(.invalidInput, "\(zeros.count) zero points do not fit shape \(tensor.shape)")
      }
      var values = try Numbers.read(tensor)
      let each = Swift.max(1, tensor.shape.rank > 0 ? tensor.shape.product(1..<tensor.shape.rank) : 1)
      for i in values.indices { values[i] -= zeros.count == 1 ? zeros[0] : zeros[i / each] }
      return try Numbers.write(values, .float64, tensor.shape, context)
    }
    var operands: [Value?] = shifted.map { $0 }
    let out = try Conv(window: window, group: group).evaluate(&operands, context)
    guard let tensor = out.first?.tensor else { throw GraphError(.invalidInput, "no result") }
    return tensor
  }
}

/// Convolution of quantised tensors to a quantised tensor.
///
/// Inputs as ONNX has them: x, its scale and zero point, w, its, the result's, and optionally a 32-bit bias in units of
/// both scales.
public struct QuantizedConv: Operator {
  public var window: Window
  public var group: Int

  public var name: String { "QLinearConv" }

  public init(window: Window, group: Int) {
    self.window = window
    self.group = group
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0, "x")
    let w = try Operand.fact(inputs, 3, "w")
    let y = try Operand.fact(inputs, 7, "y_zero_point")
    let plain = try Conv(window: window, group: group).outputFacts([
      Fact(.float32, x.shape), Fact(.float32, w.shape),
    ])
    return [Fact(type: y.type, shape: plain[0].shape)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0, "x")
    let w = try Operand.tensor(inputs, 3, "w")
    let target = try Operand.tensor(inputs, 7, "y_zero_point")
    guard target.dtype == .int8 || target.dtype == .uint8 else {
      throw Operand.unsupported(target.dtype, "8-bit integers")
    }
    let sums = try ConvInteger.sums(
      x, w, zero: Operand.tensor(inputs, 2, "x_zero_point"), Operand.tensor(inputs, 5, "w_zero_point"), window, group,
      context)
    let channels = sums.shape[1]
    func list(_ index: Int, _ what: String, _ count: Int) throws -> [Double] {
      let values = try Numbers.read(Operand.tensor(inputs, index, what))
      guard values.count == 1 || values.count == count else {
        throw GraphError(.invalidInput, "\(what) must hold 1 or \(count) numbers and holds \(values.count)")
      }
      return values
    }
    let xScale = try list(1, "x_scale", 1)
    let wScale = try list(4, "w_scale", channels)
    let yScale = try list(6, "y_scale", 1)
    let yZero = try list(7, "y_zero_point", 1)
    let bias = inputs.count > 8 && inputs[8] != nil ? try list(8, "B", channels) : [0]
    let (low, high) = target.dtype == .int8 ? (-128.0, 127.0) : (0.0, 255.0)
    let inner = Swift.max(1, sums.shape.product(2..<sums.shape.rank))
    let values = try Numbers.read(sums).enumerated().map { i, sum in
      let c = i / inner % channels
      let real = (sum + bias[bias.count == 1 ? 0 : c]) * (xScale[0] * wScale[wScale.count == 1 ? 0 : c])
      let scaled = (real / yScale[0]).rounded(.toNearestOrEven) + yZero[0]
      return Swift.min(Swift.max(scaled, low), high)
    }
    return [try Numbers.write(values, target.dtype, sums.shape, context)]
  }
}
