public import InferenceGraph
public import TensorCore

/// The rows of a model's numeric input, read as `Float`.
///
/// A tensor of rank 1 is one row. Elements of other kinds are rounded to `Float` once, as `ai.onnx.ml` operators with
/// float weights do.
public struct FeatureMatrix {
  public let rows: Int
  public let columns: Int
  /// Row-major, valid while this matrix is alive.
  public let values: UnsafePointer<Float>
  private let holder: Tensor
  private let isCopy: Bool

  /// The kinds of numbers that are read.
  public static let dtypes: [DType] = [
    .float32, .float64, .int64, .int32, .float16, .bfloat16, .int16, .int8, .uint8, .uint16, .uint32, .uint64, .bool,
  ]

  /// Reads `value`.
  ///
  /// - Throws: `GraphError.Code.invalidInput` for another kind, another rank than 1 or 2, or a column count other than
  ///   `columns`.
  public init(_ value: Value?, columns expected: Int? = nil, _ context: EvaluationContext) throws {
    let tensor = try Inputs.tensor(value)
    (rows, columns) = try FeatureMatrix.extents(tensor.shape)
    if let expected, columns != expected {
      throw GraphError(
        .invalidInput, "the model takes rows of \(expected) features, the input has shape \(tensor.shape)")
    }
    if tensor.dtype == .float32 {
      holder = tensor
      isCopy = false
    } else {
      holder = try context.allocate(.float32, tensor.shape)
      isCopy = true
      try tensor.convert(to: holder.unsafeMutableElements(of: Float.self))
    }
    values = holder.unsafeElements(of: Float.self).baseAddress!
  }

  /// Gives a converted copy's buffer back.
  public func recycle(_ context: EvaluationContext) {
    if isCopy { context.arena.recycle(.tensor(holder)) }
  }

  /// Row `i`.
  @inlinable public func row(_ i: Int) -> UnsafePointer<Float> { values + i &* columns }

  /// The rows and columns that a shape means.
  public static func extents(_ shape: Shape) throws -> (rows: Int, columns: Int) {
    switch shape.rank {
    case 1: (1, shape[0])
    case 2: (shape[0], shape[1])
    default:
      throw GraphError(.invalidInput, "the input has shape \(shape), expected rows of features (two axes)")
    }
  }

  /// The rows and columns as far as a fact tells.
  ///
  /// - Throws: `GraphError` when the fact is of no numeric tensor of rank 1 or 2, or its columns cannot be `expected`.
  public static func extents(_ fact: Fact?, columns expected: Int?) throws -> (rows: Dim, columns: Dim) {
    if let type = fact?.type, type.dtype.map({ !dtypes.contains($0) }) ?? true {
      throw GraphError(.invalidModel, "the input is \(type), expected a numeric tensor")
    }
    guard let shape = fact?.shape else { return (.unknown, expected.map { Dim($0) } ?? .unknown) }
    guard shape.count == 1 || shape.count == 2 else {
      throw GraphError(.invalidModel, "the input has \(shape.count) axes, expected rows of features (two axes)")
    }
    let columns = shape[shape.count - 1]
    if let expected, columns.isProvablyDifferent(from: Dim(expected)) {
      throw GraphError(.invalidModel, "the weights are for \(expected) features, the input has \(columns)")
    }
    return (shape.count == 1 ? 1 : shape[0], columns)
  }
}

/// Access to an operator's inputs with the errors that a caller should see.
public enum Inputs {
  /// The tensor of a required input.
  public static func tensor(_ value: Value?) throws -> Tensor {
    guard let tensor = value?.tensor else {
      throw GraphError(.invalidInput, "expected a tensor, got \(value.map { "\($0.type)" } ?? "nothing")")
    }
    return tensor
  }
}

extension Tensor {
  /// Rounds every element to `Float`.
  ///
  /// - Throws: `GraphError.Code.invalidInput` when the tensor is of no numeric kind.
  public func convert(to out: UnsafeMutableBufferPointer<Float>) throws {
    func each<T: TensorElement>(_ type: T.Type, _ convert: (T) -> Float) {
      let from = unsafeElements(of: type)
      for i in 0..<Swift.min(from.count, out.count) { out[i] = convert(from[i]) }
    }
    switch dtype {
    case .float32: each(Float.self) { $0 }
    case .float64: each(Double.self) { Float($0) }
    case .int64: each(Int64.self) { Float($0) }
    case .int32: each(Int32.self) { Float($0) }
    case .int16: each(Int16.self) { Float($0) }
    case .int8: each(Int8.self) { Float($0) }
    case .uint64: each(UInt64.self) { Float($0) }
    case .uint32: each(UInt32.self) { Float($0) }
    case .uint16: each(UInt16.self) { Float($0) }
    case .uint8: each(UInt8.self) { Float($0) }
    case .bool: each(Bool.self) { $0 ? 1 : 0 }
    case .bfloat16: each(BFloat16.self) { $0.float }
    #if !(os(macOS) && arch(x86_64))
    case .float16: each(Float16.self) { Float($0) }
    #endif
    default: throw GraphError(.invalidInput, "a tensor of \(dtype) is not numeric")
    }
  }
}
