public import TensorCore

/// The first entries along the time axis in reverse order, as many for each batch entry as input 1 lists. ONNX
/// `ReverseSequence`.
public struct ReverseSequence: DataMovement {
  public let batchAxis: Int
  public let timeAxis: Int

  public init(batchAxis: Int, timeAxis: Int) {
    self.batchAxis = batchAxis
    self.timeAxis = timeAxis
  }

  public var name: String { "ReverseSequence" }
  public var attributes: [(name: String, value: String)] {
    [("batch_axis", "\(batchAxis)"), ("time_axis", "\(timeAxis)")]
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let data = try inputs.required(0, "input")
    if let rank = data.rank {
      let batch = try ShapeFacts.axis(batchAxis, rank: rank)
      guard try ShapeFacts.axis(timeAxis, rank: rank) != batch else {
        throw GraphError(.invalidModel, "batch_axis and time_axis are the same")
      }
    }
    return [Fact(type: data.type, shape: data.shape)]
  }

  public func move(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let data = try Operand.tensor(inputs, 0, "input")
    let lengths = try Operand.integers(inputs, 1, "sequence_lens")
    let rank = data.shape.rank
    let batch = try Operand.axis(batchAxis, rank: rank)
    let time = try Operand.axis(timeAxis, rank: rank)
    guard batch != time, lengths.count == data.shape[batch],
      lengths.allSatisfy({ $0 >= 0 && $0 <= data.shape[time] })
    else {
      throw GraphError(.invalidInput, "sequence_lens \(lengths) for an input of shape \(data.shape)")
    }
    let out = try context.allocate(data.dtype, data.shape)
    let strides = data.shape.strides
    for (entry, length) in lengths.enumerated() {
      let start = entry * strides[batch]
      var extents = data.shape.dims
      extents[batch] = 1
      var from = strides
      from[time] = -strides[time]
      extents[time] = length
      StridedCopy(
        extents: extents, from: from, fromStart: start + Swift.max(0, length - 1) * strides[time], to: strides,
        toStart: start
      ).run(from: data, to: out, context.pool)
      extents[time] = data.shape[time] - length
      let rest = start + length * strides[time]
      StridedCopy(extents: extents, from: strides, fromStart: rest, to: strides, toStart: rest).run(
        from: data, to: out, context.pool)
    }
    return [.tensor(out)]
  }
}
