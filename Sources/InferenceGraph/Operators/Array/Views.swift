public import TensorCore

/// The same elements under the shape that input 1 gives: 0 takes the input's extent (unless `allowZero`), -1 takes what
/// is left. Shares storage. ONNX `Reshape`.
public struct Reshape: DataMovement {
  public let allowZero: Bool

  public init(allowZero: Bool = false) { self.allowZero = allowZero }

  public var name: String { "Reshape" }
  public var attributes: [(name: String, value: String)] { allowZero ? [("allowzero", "1")] : [] }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let data = try inputs.required(0, "data")
    let target = try inputs.required(1, "shape")
    guard let extents = target.integerElements else {
      return [Fact(type: data.type, shape: target.listCount.map(ShapeFacts.unknown))]
    }
    return [data.reshaped(try infer(data.shape, extents), elements: data.integerElements)]
  }

  private func infer(_ input: [Dim]?, _ target: [Dim]) throws -> [Dim] {
    var out = target
    var open: [Int] = []
    for (axis, extent) in target.enumerated() {
      if extent == .unknown {
        open.append(axis)
      } else if extent.value == -1 {
        out[axis] = .unknown
        open.append(axis)
      } else if extent.value == 0, !allowZero {
        guard let input else {
          out[axis] = .unknown
          open.append(axis)
          continue
        }
        guard axis < input.count else {
          throw GraphError(.invalidModel, "shape \(target) takes extent \(axis) of an input of rank \(input.count)")
        }
        out[axis] = input[axis]
        if out[axis] == .unknown { open.append(axis) }
      } else if let value = extent.value, value < 0 {
        throw GraphError(.invalidModel, "shape \(target) holds \(value)")
      }
    }
    guard target.count(where: { $0.value == -1 }) <= 1 else {
      throw GraphError(.invalidModel, "shape \(target) leaves more than one extent open")
    }
    guard var left = input else { return out }
    var divisors: [Dim] = []
    for (axis, extent) in out.enumerated() where !open.contains(axis) {
      if let match = left.firstIndex(where: { $0.isProvablyEqual(to: extent) }) {
        left.remove(at: match)
      } else {
        divisors.append(extent)
      }
    }
    let have = ShapeFacts.product(left)
    let take = ShapeFacts.product(divisors)
    if open.isEmpty, take.isProvablyDifferent(from: have), !out.contains(where: { $0.value == 0 }) {
      throw GraphError(.invalidModel, "an input of shape \(input ?? []) cannot take shape \(out)")
    }
    if open.count == 1 {
      if let a = have.value, let b = take.value, b != 0 {
        guard a % b == 0 else {
          throw GraphError(.invalidModel, "an input of shape \(input ?? []) cannot take shape \(target)")
        }
        out[open[0]] = Dim(a / b)
      } else if take.value != 0, let rest = have.divided(exactlyBy: take) {
        out[open[0]] = rest
      }
    }
    return out
  }

  public func move(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let data = try Operand.tensor(inputs, 0, "data")
    let target = try Operand.integers(inputs, 1, "shape")
    return [.tensor(try data.viewed(Reshape.resolve(data.shape, target, allowZero: allowZero)))]
  }

  /// The shape that `target` means for an input of shape `input`.
  static func resolve(_ input: Shape, _ target: [Int], allowZero: Bool) throws -> Shape {
    func mismatch() -> GraphError {
      GraphError(.invalidInput, "an input of shape \(input) cannot take shape \(target)")
    }
    var out = target
    var open: Int?
    for axis in target.indices {
      if target[axis] == 0, !allowZero {
        guard axis < input.rank else { throw mismatch() }
        out[axis] = input[axis]
      } else if target[axis] == -1, open == nil {
        open = axis
        out[axis] = 1
      } else if target[axis] < 0 {
        throw mismatch()
      }
    }
    guard let open else { return Shape(out) }
    guard let rest = Shape(out).checkedElementCount else { throw mismatch() }
    if rest == 0 {
      guard !allowZero || !target.contains(0), input.elementCount == 0 else { throw mismatch() }
      out[open] = 0
    } else {
      guard input.elementCount % rest == 0 else { throw mismatch() }
      out[open] = input.elementCount / rest
    }
    return Shape(out)
  }
}

/// Two axes: everything before `axis`, and the rest. Shares storage. ONNX `Flatten`.
public struct Flatten: DataMovement {
  public let axis: Int

  public init(axis: Int) { self.axis = axis }

  public var name: String { "Flatten" }
  public var attributes: [(name: String, value: String)] { [("axis", "\(axis)")] }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let data = try inputs.required(0, "input")
    guard let shape = data.shape else { return [Fact(type: data.type, shape: ShapeFacts.unknown(2))] }
    let at = try split(shape.count)
    return [
      Fact(type: data.type, shape: [ShapeFacts.product(shape[..<at]), ShapeFacts.product(shape[at...])])
    ]
  }

  private func split(_ rank: Int) throws -> Int {
    let at = axis < 0 ? axis &+ rank : axis
    guard at >= 0, at <= rank else {
      throw GraphError(.invalidModel, "axis \(axis) does not exist in a tensor of rank \(rank)")
    }
    return at
  }

  public func move(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let data = try Operand.tensor(inputs, 0, "input")
    let at = try split(data.shape.rank)
    return [.tensor(try data.viewed([data.shape.product(0..<at), data.shape.product(at..<data.shape.rank)]))]
  }
}

/// Removes axes of extent 1: those that input 1 lists, or every one. Shares storage. ONNX `Squeeze`.
public struct Squeeze: DataMovement {
  public init() {}

  public var name: String { "Squeeze" }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let data = try inputs.required(0, "data")
    guard let shape = data.shape else { return [Fact(type: data.type, shape: nil)] }
    guard let list = inputs.optional(1) else {
      // An extent that is not known may be 1.
      let kept = shape.filter { $0.value != 1 }
      let isCertain = kept.allSatisfy { $0.value != nil }
      return [data.reshaped(isCertain ? kept : nil, elements: data.integerElements)]
    }
    guard let axes = list.constantIntegers else {
      return [Fact(type: data.type, shape: list.listCount.map { ShapeFacts.unknown(Swift.max(0, shape.count - $0)) })]
    }
    let removed = Set(try ShapeFacts.axes(axes, rank: shape.count))
    for axis in removed where shape[axis].isProvablyDifferent(from: 1) {
      throw GraphError(.invalidModel, "axis \(axis) has extent \(shape[axis]), only 1 can be removed")
    }
    let kept = shape.indices.filter { !removed.contains($0) }.map { shape[$0] }
    return [data.reshaped(kept, elements: data.integerElements)]
  }

  public func move(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let data = try Operand.tensor(inputs, 0, "data")
    guard let list = try Operand.optionalTensor(inputs, 1, "axes") else {
      return [.tensor(try data.viewed(Shape(data.shape.dims.filter { $0 != 1 })))]
    }
    let removed = Set(try Operand.axes(Operand.integers(list, "axes"), rank: data.shape.rank))
    for axis in removed where data.shape[axis] != 1 {
      throw GraphError(.invalidInput, "axis \(axis) has extent \(data.shape[axis]), only 1 can be removed")
    }
    let kept = data.shape.dims.indices.filter { !removed.contains($0) }.map { data.shape[$0] }
    return [.tensor(try data.viewed(Shape(kept)))]
  }
}

/// Inserts axes of extent 1 at the places of the output that input 1 lists. Shares storage. ONNX `Unsqueeze`.
public struct Unsqueeze: DataMovement {
  public init() {}

  public var name: String { "Unsqueeze" }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let data = try inputs.required(0, "data")
    let list = try inputs.required(1, "axes")
    guard let shape = data.shape else { return [Fact(type: data.type, shape: nil)] }
    guard let axes = list.constantIntegers else {
      return [Fact(type: data.type, shape: list.listCount.map { ShapeFacts.unknown(shape.count + $0) })]
    }
    let rank = shape.count + axes.count
    let out = Unsqueeze.inserted(shape, Set(try ShapeFacts.axes(axes, rank: rank)), 1)
    return [data.reshaped(out, elements: data.integerElements)]
  }

  private static func inserted<E>(_ shape: [E], _ axes: Set<Int>, _ one: E) -> [E] {
    var rest = shape.makeIterator()
    return (0..<(shape.count + axes.count)).map { axes.contains($0) ? one : rest.next() ?? one }
  }

  public func move(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let data = try Operand.tensor(inputs, 0, "data")
    let list = try Operand.integers(inputs, 1, "axes")
    guard list.count <= 64 else { throw GraphError(.limit, "\(list.count) axes to insert, 64 at most") }
    let axes = Set(try Operand.axes(list, rank: data.shape.rank + list.count))
    return [.tensor(try data.viewed(Shape(Unsqueeze.inserted(data.shape.dims, axes, 1))))]
  }
}
