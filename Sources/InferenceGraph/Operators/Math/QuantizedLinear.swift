import KernelSlots
import Kernels
public import TensorCore

/// The product of a tensor of 8-bit integers with a constant matrix of 8-bit integers, both less their zero points, scaled
/// by column, with a bias: `float32`, or rounded to the nearest 8-bit integer (the even one of two).
///
/// What `MatMul` and `Gemm` between `DequantizeLinear` and `QuantizeLinear` become when their right operand is constant.
/// Input: X `[..., k]`. Sums are exact to 32 bits.
public struct QuantizedLinear: Operator {
  /// What the sums become.
  enum Output {
    case float32
    case quantized(DType, zero: Int32)

    var dtype: DType {
      switch self {
      case .float32: .float32
      case .quantized(let dtype, _): dtype
      }
    }
  }

  let input: DType
  let inputZero: Int32
  let matrix: PackedIntegerMatrix
  /// One for all columns, or one a column.
  let zeros: [Int32]
  /// By column; zeros to a whole number of panels.
  private var scales: Tensor
  /// The same.
  private var bias: Tensor?
  let output: Output
  /// True when X must be a matrix.
  let takesMatrix: Bool

  public var name: String { "QuantizedLinear" }
  public var attributes: [(name: String, value: String)] {
    [("k", "\(matrix.k)"), ("n", "\(matrix.n)"), ("bias", "\(bias != nil)"), ("to", output.dtype.name)]
  }
  public func addHeld(to memory: inout HeldMemory) {
    memory.add(matrix.tensor)
    memory.add(matrix.sums)
    memory.add(scales)
    memory.add(bias)
  }

  /// - Parameters:
  ///   - scales: what sums are multiplied with: one for all columns, or one a column.
  ///   - bias: added after that; the same.
  init(
    _ matrix: PackedIntegerMatrix, zeros: [Int32], input: DType, inputZero: Int32, scales: [Float], bias: [Float]?,
    output: Output, takesMatrix: Bool
  ) {
    func byColumn(_ values: [Float]) -> Tensor {
      let out = Tensor(lasting: .float32, [matrix.paddedColumns])
      let to = out.writable(Float.self)
      for j in 0..<matrix.paddedColumns { to[j] = j < matrix.n ? values[values.count == 1 ? 0 : j] : 0 }
      return out
    }
    self.matrix = matrix
    self.zeros = zeros
    self.input = input
    self.inputZero = inputZero
    self.scales = byColumn(scales)
    self.bias = bias.map(byColumn)
    self.output = output
    self.takesMatrix = takesMatrix
  }

  public func specialized(
    _ inputs: [Fact?], _ constants: Constants
  ) throws -> (operator: any Operator, kept: [Int])? {
    var settled = self
    settled.scales = scales.settled(in: constants, as: "scales")
    settled.bias = bias?.settled(in: constants, as: "bias")
    return (settled, [0])
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0, "X")
    try Operand.sameType(x.dtype, input)
    guard var shape = x.shape else { return [Fact(output.dtype, nil)] }
    guard let last = shape.last, !last.isProvablyDifferent(from: Dim(matrix.k)) else {
      throw GraphError(.invalidModel, "shape \(shape.text) does not fit a matrix of \(matrix.k) rows")
    }
    shape[shape.count - 1] = Dim(matrix.n)
    return [Fact(output.dtype, shape)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0, "X")
    try Operand.sameType(x.dtype, input)
    guard x.shape.dims.last == matrix.k, !takesMatrix || x.shape.rank == 2 else {
      throw GraphError(
        .invalidInput, "shape \(x.shape) does not fit a matrix of \(matrix.k) rows and \(matrix.n) columns")
    }
    var shape = x.shape
    shape[shape.rank - 1] = matrix.n
    let out = try context.allocate(output.dtype, shape)
    guard out.count > 0 else { return [.tensor(out)] }
    var epilogue = IntegerMultiply.Epilogue(
      .float32, scales: scales.readable(Float.self), bias: bias?.readable(Float.self))
    if case .quantized(let dtype, let zero) = output {
      epilogue.output = dtype == .int8 ? .int8 : .uint8
      epilogue.zero = zero
    }
    IntegerMultiply.multiply(
      .init(
        x.readableBytes, m: out.count / matrix.n, rowStride: matrix.k, isSigned: input == .int8, zeros: [inputZero]),
      matrix, zeros: zeros, into: UnsafeMutableRawPointer(out.writable(UInt8.self)), epilogue, pool: context.pool)
    withExtendedLifetime((scales, bias)) {}
    return [.tensor(out)]
  }
}
