public import TensorCore

/// A cache with new entries written along its sequence axis, for each batch entry from its own index on. ONNX
/// `TensorScatter`.
public struct TensorScatter: DataMovement {
  public let axis: Int
  /// Whether indices beyond the end of the axis go on from its beginning.
  public let isCircular: Bool

  public init(axis: Int, isCircular: Bool) {
    self.axis = axis
    self.isCircular = isCircular
  }

  public var name: String { "TensorScatter" }
  public var attributes: [(name: String, value: String)] {
    [("axis", "\(axis)"), ("mode", isCircular ? "circular" : "linear")]
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let cache = try inputs.required(0, "past_cache")
    if let rank = cache.rank, try ShapeFacts.axis(axis, rank: rank) == 0 {
      throw GraphError(.invalidModel, "axis \(axis) is the batch axis")
    }
    return [Fact(type: cache.type, shape: cache.shape)]
  }

  public func move(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let cache = try Operand.tensor(inputs, 0, "past_cache")
    let update = try Operand.tensor(inputs, 1, "update")
    let shape = cache.shape
    let axis = try Operand.axis(axis, rank: shape.rank)
    let extent = shape[axis]
    guard axis > 0, update.dtype == cache.dtype, update.shape.rank == shape.rank, update.shape[axis] <= extent,
      (0..<shape.rank).allSatisfy({ $0 == axis || update.shape[$0] == shape[$0] })
    else {
      throw GraphError(
        .invalidInput,
        "an update \(update.dtype) of shape \(update.shape) for a cache \(cache.dtype) of shape \(shape)")
    }
    let length = update.shape[axis]
    let starts =
      try Operand.optionalTensor(inputs, 2, "write_indices").map { try Operand.integers($0, "write_indices") }
      ?? [Int](repeating: 0, count: shape[0])
    guard starts.count == shape[0] else {
      throw GraphError(.invalidInput, "\(starts.count) write_indices for a batch of \(shape[0])")
    }
    for start in starts where start < 0 || (isCircular ? extent == 0 && length > 0 : start > extent - length) {
      throw GraphError(.invalidInput, "\(length) entries from \(start) on do not fit an axis of extent \(extent)")
    }
    let dims = shape.dims
    let pool = context.pool
    let out = try Scatter.copy(&inputs, context)
    let lines = Shape(dims).product(1..<axis)
    let inner = Shape(dims).product((axis + 1)..<dims.count)
    for (entry, start) in starts.enumerated() {
      var done = 0
      while done < length {
        let at = isCircular ? (start % extent + done) % extent : start + done
        let run = Swift.min(length - done, extent - at)
        StridedCopy(
          extents: [lines, run * inner], from: [length * inner, 1],
          fromStart: (entry * lines * length + done) * inner, to: [extent * inner, 1],
          toStart: (entry * lines * extent + at) * inner
        ).run(from: update, to: out, pool)
        done += run
      }
    }
    return [.tensor(out)]
  }
}
