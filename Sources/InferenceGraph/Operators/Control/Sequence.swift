public import TensorCore

/// A sequence of the inputs. ONNX `SequenceConstruct`.
public struct SequenceConstruct: Operator {
  public init() {}

  public var name: String { "SequenceConstruct" }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let first = try inputs.required(0, "inputs")
    for fact in inputs {
      if let a = first.type, let b = fact?.type, a != b {
        throw GraphError(.invalidModel, "a sequence holds values of one type, not \(a) and \(b)")
      }
    }
    return [Fact(type: first.type.map { .sequence($0) }, shape: nil)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let items = try inputs.indices.map { try Operand.value(inputs, $0, "inputs") }
    guard let type = items.first?.type, items.allSatisfy({ $0.type == type }) else {
      throw GraphError(.invalidInput, "a sequence holds one or more values of one type")
    }
    return [.sequence(items, element: type)]
  }
}

/// A sequence with a value put in before a position, or at its end. ONNX `SequenceInsert`.
public struct SequenceInsert: Operator {
  public init() {}

  public var name: String { "SequenceInsert" }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let list = try inputs.required(0, "input_sequence")
    let item = try inputs.required(1, "tensor")
    if case .sequence(let element)? = list.type, let type = item.type, type != element {
      throw GraphError(.invalidModel, "a \(type) cannot go into a sequence of \(element)")
    }
    return [Fact(type: list.type ?? item.type.map { .sequence($0) }, shape: nil)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let item = try Operand.value(inputs, 1, "tensor")
    let position = try Operand.optionalTensor(inputs, 2, "position").map { try Operand.integer($0, "position") }
    var (items, element) = try Operand.sequence(inputs, 0, "input_sequence")
    inputs[0] = nil
    guard item.type == element else {
      throw GraphError(.invalidInput, "a \(item.type) cannot go into a sequence of \(element)")
    }
    let at = position.map { $0 < 0 ? $0 &+ items.count : $0 } ?? items.count
    guard at >= 0, at <= items.count else {
      throw GraphError(.invalidInput, "position \(position ?? 0) in a sequence of \(items.count)")
    }
    items.insert(item, at: at)
    return [.sequence(items, element: element)]
  }
}

/// A sequence without the value at a position, or without its last. ONNX `SequenceErase`.
public struct SequenceErase: Operator {
  public init() {}

  public var name: String { "SequenceErase" }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    [Fact(type: try inputs.required(0, "input_sequence").type, shape: nil)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let position = try Operand.optionalTensor(inputs, 1, "position").map { try Operand.integer($0, "position") }
    var (items, element) = try Operand.sequence(inputs, 0, "input_sequence")
    inputs[0] = nil
    items.remove(at: try SequenceAt.place(position ?? -1, items.count))
    return [.sequence(items, element: element)]
  }
}

/// The value at a position of a sequence. ONNX `SequenceAt`.
public struct SequenceAt: Operator {
  public init() {}

  public var name: String { "SequenceAt" }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    guard let type = try inputs.required(0, "input_sequence").type else { return [Fact(type: nil, shape: nil)] }
    guard case .sequence(let element) = type else {
      throw GraphError(.invalidModel, "input 0 must be a sequence, not \(type)")
    }
    return [Fact(type: element, shape: nil)]
  }

  static func place(_ position: Int, _ count: Int) throws -> Int {
    let at = position < 0 ? position &+ count : position
    guard at >= 0, at < count else {
      throw GraphError(.invalidInput, "position \(position) in a sequence of \(count)")
    }
    return at
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let (items, _) = try Operand.sequence(inputs, 0, "input_sequence")
    let position = try Operand.integer(Operand.tensor(inputs, 1, "position"), "position")
    return [items[try SequenceAt.place(position, items.count)]]
  }
}

/// The number of values in a sequence. ONNX `SequenceLength`.
public struct SequenceLength: Operator {
  public init() {}

  public var name: String { "SequenceLength" }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] { [Fact(.int64, [])] }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    [.tensor(Tensor(scalar: Int64(try Operand.sequence(inputs, 0, "input_sequence").0.count)))]
  }
}

/// The tensors of a sequence one after the other along an axis, or stacked along a new one. ONNX `ConcatFromSequence`.
public struct ConcatFromSequence: Operator {
  public let axis: Int
  public let makesAxis: Bool

  public init(axis: Int, makesAxis: Bool) {
    self.axis = axis
    self.makesAxis = makesAxis
  }

  public var name: String { "ConcatFromSequence" }
  public var attributes: [(name: String, value: String)] {
    [("axis", "\(axis)"), ("new_axis", makesAxis ? "1" : "0")]
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    guard case .sequence(let element)? = try inputs.required(0, "input_sequence").type else {
      return [Fact(type: nil, shape: nil)]
    }
    return [Fact(type: element, shape: nil)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let (items, _) = try Operand.sequence(inputs, 0, "input_sequence")
    guard !items.isEmpty else { throw GraphError(.invalidInput, "the sequence is empty") }
    if makesAxis { return [try Stack.join(items, axis: axis, reversed: false, context)] }
    var tensors: [Value?] = items
    return try Concat(axis: axis).evaluate(&tensors, context)
  }
}

/// A sequence of the parts of a tensor along an axis: as long as input 1 says (one length for all, or one each), or of
/// one entry each. ONNX `SplitToSequence`.
public struct SplitToSequence: Operator {
  public let axis: Int
  /// Without lengths: whether the parts keep the axis.
  public let keepsAxis: Bool

  public init(axis: Int, keepsAxis: Bool) {
    self.axis = axis
    self.keepsAxis = keepsAxis
  }

  public var name: String { "SplitToSequence" }
  public var attributes: [(name: String, value: String)] {
    [("axis", "\(axis)"), ("keepdims", keepsAxis ? "1" : "0")]
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    [Fact(type: try inputs.required(0, "input").type.map { .sequence($0) }, shape: nil)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let data = try Operand.tensor(inputs, 0, "input")
    let axis = try Operand.axis(axis, rank: data.shape.rank)
    let extent = data.shape[axis]
    let split = try Operand.optionalTensor(inputs, 1, "split")
    var lengths: [Int]
    if let split, split.shape.rank > 0 {
      lengths = try Operand.integers(split, "split")
    } else {
      let length = try split.map { try Operand.integer($0, "split") } ?? 1
      guard length > 0 else { throw GraphError(.invalidInput, "parts of length \(length)") }
      lengths = [Int](repeating: length, count: extent / length)
      if extent % length > 0 { lengths.append(extent % length) }
    }
    var parts: [Value?] = [.tensor(data), .tensor(Tensor(lengths.map { Int64($0) }))]
    let op = Split(axis: axis, sizes: nil, outputCount: lengths.count, mayBeUneven: true)
    var items = try op.evaluate(&parts, context)
    if split == nil, !keepsAxis {
      var shape = data.shape
      shape.dims.remove(at: axis)
      items = try items.map { item in .tensor(try item.tensor?.viewed(shape) ?? data) }
    }
    return [.sequence(items, element: .tensor(data.dtype))]
  }
}
