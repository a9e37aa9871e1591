public import TensorCore

/// Parts of a tensor along an axis: as long as input 1 says, else `sizes`, else as equal as can be with the last one
/// shorter. ONNX `Split`.
public struct Split: DataMovement {
  public let axis: Int
  public let sizes: [Int]?
  public let outputCount: Int
  /// Whether parts of unequal length may be made where no sizes are given (opset 18's `num_outputs`).
  public let mayBeUneven: Bool

  public init(axis: Int, sizes: [Int]?, outputCount: Int, mayBeUneven: Bool) {
    self.axis = axis
    self.sizes = sizes
    self.outputCount = outputCount
    self.mayBeUneven = mayBeUneven
  }

  public var name: String { "Split" }
  public var attributes: [(name: String, value: String)] {
    [("axis", "\(axis)")] + (sizes.map { [("split", "\($0)")] } ?? [])
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let data = try inputs.required(0, "input")
    guard let shape = data.shape else {
      return [Fact](repeating: Fact(type: data.type, shape: nil), count: outputCount)
    }
    let axis = try ShapeFacts.axis(axis, rank: shape.count)
    var parts: [Dim]
    if let list = inputs.optional(1) {
      parts = list.integerElements ?? ShapeFacts.unknown(outputCount)
      guard parts.count == outputCount else {
        throw GraphError(.invalidModel, "split \(parts) gives \(parts.count) parts, the node has \(outputCount)")
      }
    } else if let extent = shape[axis].value {
      parts = try lengths(extent, nil, .invalidModel).map { Dim($0) }
    } else if let sizes {
      parts = sizes.map { Dim($0) }
    } else {
      let part = mayBeUneven ? nil : shape[axis].divided(exactlyBy: Dim(outputCount))
      parts = [Dim](repeating: part ?? .unknown, count: outputCount)
    }
    var at: Dim = 0
    return parts.map { part in
      var out = shape
      out[axis] = part
      var elements: [Dim]?
      if let all = data.integerElements, let lower = at.value, let count = part.value, lower + count <= all.count {
        elements = Array(all[lower..<(lower + count)])
      }
      at = at + part
      return data.reshaped(out, elements: elements)
    }
  }

  /// The lengths of the parts of an axis of `extent`.
  private func lengths(_ extent: Int, _ list: [Int]?, _ code: GraphError.Code) throws -> [Int] {
    guard let sizes = list ?? sizes else {
      guard outputCount > 0, mayBeUneven || extent % outputCount == 0 else {
        throw GraphError(code, "an axis of extent \(extent) has no \(outputCount) equal parts")
      }
      let part = (extent + outputCount - 1) / outputCount
      return (0..<outputCount).map { Swift.max(0, Swift.min(part, extent - $0 * part)) }
    }
    var total = 0
    for size in sizes {
      let (sum, overflow) = total.addingReportingOverflow(size)
      guard size >= 0, !overflow else { throw GraphError(code, "split \(sizes) holds an unsound length") }
      total = sum
    }
    guard total == extent, sizes.count == outputCount else {
      throw GraphError(code, "split \(sizes) does not make \(outputCount) parts of an axis of extent \(extent)")
    }
    return sizes
  }

  public func move(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let data = try Operand.tensor(inputs, 0, "input")
    let axis = try Operand.axis(axis, rank: data.shape.rank)
    let list = try Operand.optionalTensor(inputs, 1, "split").map { try Operand.integers($0, "split") }
    var at = 0
    return try lengths(data.shape[axis], list, .invalidInput).map { length in
      defer { at += length }
      return .tensor(try Split.part(data, axis: axis, at..<(at + length), context))
    }
  }

  /// Entries `range` of `axis`; storage is shared where they are contiguous. The range lies inside the axis.
  static func part(_ data: Tensor, axis: Int, _ range: Range<Int>, _ context: EvaluationContext) throws -> Tensor {
    var shape = data.shape
    shape[axis] = range.count
    let outer = data.shape.product(0..<axis)
    let inner = data.shape.product((axis + 1)..<data.shape.rank)
    if outer == 1 {
      return try data.viewed([data.shape[axis], inner]).rows(range).viewed(shape)
    }
    let run = range.count * inner
    return try StridedCopy(
      extents: [outer, run], from: [data.shape[axis] * inner, 1], fromStart: range.lowerBound * inner, to: [run, 1]
    ).filled(shape, from: data, context)
  }
}
