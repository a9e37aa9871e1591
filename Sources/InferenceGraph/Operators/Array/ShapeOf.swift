public import TensorCore

/// The extents `start..<end` of a tensor as a list of `int64`. ONNX `Shape`.
public struct ShapeOf: Operator {
  public let start: Int
  public let end: Int?

  public init(start: Int = 0, end: Int? = nil) {
    self.start = start
    self.end = end
  }

  public var name: String { "Shape" }
  public var attributes: [(name: String, value: String)] {
    (start == 0 ? [] : [("start", "\(start)")]) + (end.map { [("end", "\($0)")] } ?? [])
  }

  private func range(_ rank: Int) -> Range<Int> {
    func clamped(_ at: Int) -> Int { Swift.min(Swift.max(at < 0 ? at &+ rank : at, 0), rank) }
    let lower = clamped(start)
    return lower..<Swift.max(lower, clamped(end ?? rank))
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let data = try inputs.required(0, "data")
    guard let shape = data.shape else { return [Fact(.int64, [.unknown])] }
    return [.integers(Array(shape[range(shape.count)]))]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let shape = try Operand.tensor(inputs, 0, "data").shape
    return [.tensor(Tensor(shape.dims[range(shape.rank)].map { Int64($0) }))]
  }
}

/// The number of elements as an `int64` scalar. ONNX `Size`.
public struct SizeOf: Operator {
  public init() {}

  public var name: String { "Size" }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let data = try inputs.required(0, "data")
    guard let shape = data.shape else { return [Fact(.int64, [])] }
    return [.integers([ShapeFacts.product(shape)], isScalar: true)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    [.tensor(Tensor(scalar: Int64(try Operand.tensor(inputs, 0, "data").count)))]
  }
}

/// A tensor of the shape that input 0 lists, filled with one value. ONNX `ConstantOfShape`.
public struct ConstantOfShape: Operator {
  /// One element: the value.
  public let value: Tensor

  public init(value: Tensor) { self.value = value }

  public var name: String { "ConstantOfShape" }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let target = try inputs.required(0, "input")
    guard let extents = target.integerElements else {
      return [Fact(value.dtype, target.listCount.map(ShapeFacts.unknown))]
    }
    if let negative = extents.first(where: { ($0.value ?? 0) < 0 }) {
      throw GraphError(.invalidModel, "shape \(extents) holds \(negative)")
    }
    return [Fact(value.dtype, extents)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let shape = Shape(try Operand.integers(inputs, 0, "input"))
    let out = try context.allocate(value.dtype, shape)
    if value.dtype == .string {
      out.unsafeSetStrings([String](repeating: value.strings.first ?? "", count: out.count))
    } else {
      out.fill(with: value)
    }
    return [.tensor(out)]
  }
}
