public import TensorCore

/// Ones on a diagonal, in the shape of the input matrix. ONNX `EyeLike`.
public struct EyeLike: Operator {
  public let diagonal: Int
  /// The element kind; nil: the input's.
  public let dtype: DType?

  public init(diagonal: Int, dtype: DType?) {
    self.diagonal = diagonal
    self.dtype = dtype
  }

  public var name: String { "EyeLike" }
  public var attributes: [(name: String, value: String)] { [("k", "\(diagonal)")] }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let data = try inputs.required(0, "input")
    if let rank = data.rank, rank != 2 { throw GraphError(.invalidModel, "the input must be a matrix: \(data)") }
    return [Fact(type: dtype.map { .tensor($0) } ?? data.type, shape: data.shape)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let data = try Operand.tensor(inputs, 0, "input")
    guard data.shape.rank == 2 else {
      throw GraphError(.invalidInput, "the input must be a matrix, shape \(data.shape) came")
    }
    let dtype = dtype ?? data.dtype
    let out = try context.allocate(dtype, data.shape)
    guard let one = Ones.bytes(dtype) else { throw GraphError(.unsupported, "a matrix of \(dtype)") }
    out.fill(with: nil)
    let bytes = out.unsafeMutableBytes
    for row in 0..<data.shape[0] {
      let (column, overflow) = row.addingReportingOverflow(diagonal)
      guard !overflow, column >= 0, column < data.shape[1] else { continue }
      let at = (row * data.shape[1] + column) * one.count
      UnsafeMutableRawBufferPointer(rebasing: bytes[at..<(at + one.count)]).copyBytes(from: one)
    }
    return [.tensor(out)]
  }
}

/// The number 1.
enum Ones {
  /// Its bytes as an element of `dtype`, or nil for kinds that are no plain numbers.
  static func bytes(_ dtype: DType) -> [UInt8]? {
    func bytes<T: BitwiseCopyable>(_ value: T) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }
    switch dtype {
    case .float32: return bytes(Float(1))
    case .float64: return bytes(Double(1))
    case .float16: return bytes(UInt16(0x3C00))
    case .bfloat16: return bytes(UInt16(0x3F80))
    case .int8, .uint8, .bool, .int4, .uint4, .int2, .uint2: return bytes(UInt8(1))
    case .int16, .uint16: return bytes(UInt16(1))
    case .int32, .uint32: return bytes(UInt32(1))
    case .int64, .uint64: return bytes(UInt64(1))
    default: return nil
    }
  }
}
