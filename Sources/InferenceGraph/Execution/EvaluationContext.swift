public import Kernels
public import TensorCore

/// What an operator may use while it runs: memory and threads.
public final class EvaluationContext {
  public let pool: ComputePool
  public let arena: Arena
  /// The largest tensor that may be made, in bytes: a quarter of `MemoryBudget` where nothing else is said.
  public let maxTensorBytes: Int
  /// When the run that is under way must have ended.
  var deadline: ContinuousClock.Instant?

  public init(pool: ComputePool, arena: Arena, maxTensorBytes: Int = MemoryBudget.bytes / 4) {
    self.pool = pool
    self.arena = arena
    self.maxTensorBytes = maxTensorBytes
  }

  /// `pool.parallelFor` that begins no further range of `grain` items once the deadline has passed; the run then ends at the
  /// node's end. For work that writes what the operator returns and nothing that it reads again.
  func interruptibleFor(_ count: Int, grain: Int, _ body: (_ lower: Int, _ upper: Int) -> Void) {
    guard let deadline, count > grain else { return pool.parallelFor(count, grain: grain, body) }
    pool.parallelFor(count, grain: grain) { lower, upper in
      var start = lower
      while start < upper, ContinuousClock.now < deadline {
        let end = upper &- start > grain ? start &+ grain : upper
        body(start, end)
        start = end
      }
    }
  }

  /// Whether the deadline has passed, for parts of work that `interruptibleFor` cannot divide: the same holds for what they
  /// leave undone.
  var isLate: Bool { deadline.map { ContinuousClock.now >= $0 } ?? false }

  /// Ends a run that takes too long. Around every node, and in what may repeat nodes for ever.
  ///
  /// - Throws: `GraphError.Code.deadline`.
  func checkDeadline() throws {
    if let deadline, ContinuousClock.now >= deadline {
      throw GraphError(.deadline, "the run was ended: it took longer than it may")
    }
  }

  /// An uninitialised output.
  ///
  /// - Throws: `GraphError.Code.limit` when the shape is negative, overflows, passes `maxTensorBytes`, or when the
  ///   system gives no memory.
  public func allocate(_ dtype: DType, _ shape: Shape) throws -> Tensor {
    let width = dtype == .string ? MemoryLayout<String>.stride : dtype.byteWidth
    guard let count = shape.checkedElementCount, count <= maxTensorBytes / width,
      let tensor = arena.allocate(dtype, shape)
    else {
      throw GraphError(.limit, "an output of kind \(dtype) and shape \(shape) is too large")
    }
    return tensor
  }

  /// An output that overwrites input `index` where that input dies here, is held by nobody else and takes as many
  /// bytes; a fresh one otherwise. Read the input's elements (`unsafeElements`) before the call: the buffer stays valid.
  public func reuse(_ inputs: inout [Value?], at index: Int, dtype: DType, shape: Shape) throws -> Tensor {
    if case .tensor(var tensor)? = inputs[index], tensor.dtype.byteWidth == dtype.byteWidth, dtype != .string,
      tensor.count == shape.checkedElementCount
    {
      inputs[index] = nil
      if tensor.isUniquelyHeld() { return Tensor(retyping: tensor, dtype, shape) }
      inputs[index] = .tensor(tensor)
    }
    return try allocate(dtype, shape)
  }
}
