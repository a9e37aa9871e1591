public import Kernels
public import TensorCore

/// What an operator may use while it runs: memory and threads.
public final class EvaluationContext {
  public let pool: ComputePool
  public let arena: Arena

  public init(pool: ComputePool, arena: Arena) {
    self.pool = pool
    self.arena = arena
  }

  /// The largest tensor a run may make, in bytes.
  public static let maxTensorBytes = 1 << 40

  /// An uninitialised output.
  ///
  /// - Throws: `GraphError.Code.limit` when the shape is negative, overflows or passes `maxTensorBytes`.
  public func allocate(_ dtype: DType, _ shape: Shape) throws -> Tensor {
    guard let count = shape.checkedElementCount, count <= EvaluationContext.maxTensorBytes / 16 else {
      throw GraphError(.limit, "an output of shape \(shape) is too large")
    }
    return arena.allocate(dtype, shape)
  }

  /// An output that overwrites input `index` where that input dies here, is held by nobody else and takes as many
  /// bytes; a fresh one otherwise. Read the input's elements (`unsafeElements`) before the call: the buffer stays valid.
  public func reuse(_ inputs: inout [Value?], at index: Int, dtype: DType, shape: Shape) throws -> Tensor {
    if case .tensor(var tensor)? = inputs[index], tensor.dtype.byteWidth == dtype.byteWidth, dtype != .string,
      tensor.count == shape.elementCount
    {
      inputs[index] = nil
      if tensor.isUniquelyHeld() { return Tensor(retyping: tensor, dtype, shape) }
      inputs[index] = .tensor(tensor)
    }
    return try allocate(dtype, shape)
  }
}
