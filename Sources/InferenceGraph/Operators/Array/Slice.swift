public import TensorCore

/// Every `step`-th entry between starts and ends along some axes. Inputs: data, starts, ends, axes (optional), steps
/// (optional). ONNX `Slice` as of opset 10.
public struct Slice: DataMovement {
  public init() {}

  public var name: String { "Slice" }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let data = try inputs.required(0, "data")
    let starts = try inputs.required(1, "starts")
    let ends = try inputs.required(2, "ends")
    guard let shape = data.shape else { return [Fact(type: data.type, shape: nil)] }
    let count = starts.listCount ?? ends.listCount
    guard let axes = inputs.optional(3).map(\.constantIntegers) ?? count.map({ Array(0..<$0) }) else {
      return [Fact(type: data.type, shape: ShapeFacts.unknown(shape.count))]
    }
    let list = try ShapeFacts.axes(axes, rank: shape.count)
    let lower = starts.integerElements ?? ShapeFacts.unknown(list.count)
    let upper = ends.integerElements ?? ShapeFacts.unknown(list.count)
    let steps = inputs.optional(4).map { $0.constantIntegers ?? [] } ?? [Int](repeating: 1, count: list.count)
    guard lower.count == list.count, upper.count == list.count else {
      throw GraphError(.invalidModel, "starts \(lower), ends \(upper) and axes \(axes) differ in length")
    }
    var out = shape
    for (i, axis) in list.enumerated() {
      out[axis] = i < steps.count ? try Slice.extent(shape[axis], lower[i], upper[i], step: steps[i]) : .unknown
    }
    var elements: [Dim]?
    if shape.count == 1, let all = data.integerElements {
      elements = all
      if let i = list.first {
        guard let a = lower[i].value, let b = upper[i].value, let step = steps.first else {
          return [Fact(type: data.type, shape: out)]
        }
        let run = try Slice.run(extent: all.count, start: a, end: b, step: step)
        elements = (0..<run.count).map { all[run.start + $0 * step] }
      }
    }
    return [data.reshaped(out, elements: elements)]
  }

  /// The length of a slice of an axis. A symbolic end is taken to lie inside the axis, and a symbolic axis to have the
  /// entries that small constants name: a model for which that does not hold contradicts itself further on.
  private static func extent(_ extent: Dim, _ start: Dim, _ end: Dim, step: Int) throws -> Dim {
    if let extent = extent.value, let start = start.value, let end = end.value {
      return Dim(try run(extent: extent, start: start, end: end, step: step).count)
    }
    if step == 0 { throw GraphError(.invalidModel, "a step of 0") }
    let far = Int(Int32.max)
    if step < 0 {
      let isWhole = (start.value == -1 || (start.value ?? 0) >= far) && (end.value ?? 0) <= -far
      return step == -1 && isWhole ? extent : .unknown
    }
    func place(_ at: Dim) -> Dim {
      if let value = at.value { return value < 0 ? extent + at : value >= far ? extent : at }
      return at
    }
    let lower = place(start)
    let upper = place(end)
    // Constants between 2 and the far end may or may not cut a symbolic axis.
    if extent.value == nil, let value = upper.value, value > 1, start.value != nil { return .unknown }
    let length = upper - lower
    if let value = length.value, value <= 0 { return Dim(0) }
    return step == 1 ? length : (length + Dim(step - 1)).floorDivided(by: step)
  }

  /// Where a slice begins and how many entries it has (the standard's clamping).
  static func run(extent: Int, start: Int, end: Int, step: Int) throws -> (start: Int, count: Int) {
    guard step != 0 else { throw GraphError(.invalidInput, "a step of 0") }
    let lowest = step > 0 ? 0 : -1
    let highest = step > 0 ? extent : extent - 1
    let from = Swift.min(Swift.max(start < 0 ? start &+ extent : start, 0), highest)
    let to = Swift.min(Swift.max(end < 0 ? end &+ extent : end, lowest), highest)
    let distance = step > 0 ? to - from : from - to
    guard distance > 0 else { return (0, 0) }
    return (from, (distance - 1) / Int(clamping: step.magnitude) + 1)
  }

  public func move(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let data = try Operand.tensor(inputs, 0, "data")
    let starts = try Operand.integers(inputs, 1, "starts")
    let ends = try Operand.integers(inputs, 2, "ends")
    let axes =
      try Operand.optionalTensor(inputs, 3, "axes").map { try Operand.integers($0, "axes") } ?? Array(starts.indices)
    let steps =
      try Operand.optionalTensor(inputs, 4, "steps").map { try Operand.integers($0, "steps") }
      ?? [Int](repeating: 1, count: starts.count)
    guard ends.count == starts.count, axes.count == starts.count, steps.count == starts.count else {
      throw GraphError(
        .invalidInput, "starts \(starts), ends \(ends), axes \(axes) and steps \(steps) differ in length")
    }
    var shape = data.shape
    let strides = shape.strides
    var from = strides
    var at = 0
    var cut: [(axis: Int, run: Range<Int>)] = []
    for (i, axis) in try Operand.axes(axes, rank: shape.rank).enumerated() {
      let run = try Slice.run(extent: data.shape[axis], start: starts[i], end: ends[i], step: steps[i])
      shape[axis] = run.count
      if run.count > 0 { at += run.start * strides[axis] }
      from[axis] = strides[axis] &* steps[i]
      let isForward = steps[i] == 1 || run.count <= 1
      if !isForward || run.count != data.shape[axis] {
        cut.append((axis, isForward ? run.start..<(run.start + run.count) : 0..<0))
      }
    }
    if cut.isEmpty { return [.tensor(data)] }
    if cut.count == 1, cut[0].run.count == shape[cut[0].axis] {
      return [.tensor(try Split.part(data, axis: cut[0].axis, cut[0].run, context))]
    }
    let copy = StridedCopy(dense: shape.dims, from: from, fromStart: at)
    return [.tensor(try copy.filled(shape, from: data, context))]
  }
}
