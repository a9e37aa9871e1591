import Kernels
public import TensorCore

/// The matrix product of 8-bit integers less their zero points, in 32-bit integers that wrap.
///
/// Inputs: A, B as of `MatMul`, each `int8` or `uint8`; optionally A's zero point (one, or one a row) and B's (one, or one a
/// column), of their operands' types. ONNX `MatMulInteger`.
public struct IntegerMatMul: Operator {
  /// B packed, where it is constant; then it is no input.
  private var packed: PackedIntegerMatrix?

  public var name: String { "IntegerMatMul" }
  public var attributes: [(name: String, value: String)] {
    packed.map { [("k", "\($0.k)"), ("n", "\($0.n)")] } ?? []
  }
  public func addHeld(to memory: inout HeldMemory) {
    memory.add(packed?.tensor)
    memory.add(packed?.sums)
  }

  public init() {}

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let a = try Operand.fact(inputs, 0, "A")
    if let dtype = a.dtype, !IntegerMatMul.takes(dtype) { throw Operand.unsupported(dtype, "8-bit integers") }
    if let packed {
      return [Fact(.int32, try a.shape.map { try MatMul.shape($0, [Dim(packed.k), Dim(packed.n)]) })]
    }
    let b = try Operand.fact(inputs, 1, "B")
    if let dtype = b.dtype, !IntegerMatMul.takes(dtype) { throw Operand.unsupported(dtype, "8-bit integers") }
    return [Fact(.int32, try a.shape.flatMap { a in try b.shape.map { try MatMul.shape(a, $0) } })]
  }

  static func takes(_ dtype: DType) -> Bool { dtype == .int8 || dtype == .uint8 }

  public func specialized(
    _ inputs: [Fact?], _ constants: Constants
  ) throws -> (operator: any Operator, kept: [Int])? {
    guard packed == nil, let matrix = inputs.optional(1)?.tensor, matrix.shape.rank == 2,
      IntegerMatMul.takes(matrix.dtype), matrix.count > 0,
      PackedIntegerMatrix.byteCount(k: matrix.shape[0], n: matrix.shape[1]) <= MemoryBudget.bytes / 4
    else { return nil }
    var settled = self
    settled.packed = PackedIntegerMatrix(
      k: matrix.shape[0], n: matrix.shape[1], isSigned: matrix.dtype == .int8, transposed: false, in: constants,
      as: "matrix"
    ) { use in matrix.withTransientBytes { use(UnsafePointer($0.assumingMemoryBound(to: UInt8.self))) } }
    return (settled, [0] + inputs.indices.dropFirst(2))
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let a = try Operand.tensor(inputs, 0, "A")
    let b = packed == nil ? try Operand.tensor(inputs, 1, "B") : nil
    for tensor in [a, b] {
      if let tensor, !IntegerMatMul.takes(tensor.dtype) { throw Operand.unsupported(tensor.dtype, "8-bit integers") }
    }
    let first = packed == nil ? 2 : 1
    let layout = try MatMulLayout(a.shape, packed.map { [$0.k, $0.n] } ?? b?.shape ?? [])
    let (m, k, n) = (layout.m, layout.k, layout.n)
    let aZero = try IntegerMatMul.zeros(inputs, first, "A's zero point", m)
    let bZero = try IntegerMatMul.zeros(inputs, first + 1, "B's zero point", n)
    let out = try context.allocate(.int32, layout.output)
    guard out.count > 0 else { return [.tensor(out)] }
    guard packed != nil || PackedIntegerMatrix.byteCount(k: k, n: n) <= context.maxTensorBytes else {
      throw GraphError(.limit, "a matrix of \(k) rows and \(n) columns is too large to be packed")
    }
    let to = out.writable(Int32.self)
    let from = a.readableBytes
    func multiply(_ start: Int, _ rows: Int, _ zeros: [Int32], _ right: PackedIntegerMatrix, _ c: Int) {
      IntegerMultiply.multiply(
        .init(from + start, m: rows, rowStride: k, isSigned: a.dtype == .int8, zeros: zeros), right, zeros: bZero,
        into: to + c, pool: context.pool)
    }
    func pack(_ b: Tensor, _ start: Int) -> PackedIntegerMatrix {
      PackedIntegerMatrix(
        k: k, n: n, isSigned: b.dtype == .int8, transposed: false, in: .inMemory, as: "matrix"
      ) { use in use(b.readableBytes + start) }
    }
    if layout.isOneMatrixOnTheRight, let right = packed ?? b.map({ pack($0, 0) }) {
      let batches = layout.batches.count
      let zeros = aZero.count == 1 ? aZero : Array([[Int32]](repeating: aZero, count: batches).joined())
      multiply(0, m * batches, zeros, right, 0)
    } else if let b {
      for (batch, offset) in layout.batches.enumerated() {
        multiply(offset.a, m, aZero, pack(b, offset.b), batch * m * n)
      }
    }
    withExtendedLifetime((a, b)) {}
    return [.tensor(out)]
  }

  /// Zero points: one, or `count`; 0 where there are none.
  static func zeros(_ inputs: [Value?], _ index: Int, _ what: String, _ count: Int) throws -> [Int32] {
    guard let tensor = try Operand.optional(inputs, index, what) else { return [0] }
    guard takes(tensor.dtype), tensor.count == 1 || tensor.count == count else {
      throw GraphError(
        .invalidInput, "\(what) must be 1 or \(count) 8-bit integers and is \(tensor.dtype) of shape \(tensor.shape)")
    }
    return (tensor.integers ?? []).map { Int32($0) }
  }
}
