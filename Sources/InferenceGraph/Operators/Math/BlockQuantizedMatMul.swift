import Kernels
public import TensorCore

/// The product of `float32` A `[..., rows]` with a matrix `[rows, columns]` of which each column is stored as integers of
/// a few bits in blocks, each block with a scale and a zero point.
///
/// Inputs: A; B, `uint8`, `columns * blocks * (blockSize * bits / 8)` bytes, the low bits of a byte first; scales
/// `columns * blocks`; optionally zero points, packed like B with each column's beginning at a byte, or as many floats as
/// scales (absent: the middle of the range); optionally a bias of `columns`. Constant columns are unpacked once.
///
/// With a `codebook`, blocks run through all columns one after the other, and elements of four bits, the high ones of a byte
/// first, number the codebook's entries, which the block's scale multiplies; there are no zero points.
public struct BlockQuantizedMatMul: Operator {
  public let rows: Int
  public let columns: Int
  public let blockSize: Int
  public let bits: Int
  /// 16 numbers; nil: elements are integers.
  public let codebook: [Float]?

  public var name: String { "BlockQuantizedMatMul" }
  public var attributes: [(name: String, value: String)] {
    [("k", "\(rows)"), ("n", "\(columns)"), ("block", "\(blockSize)"), ("bits", "\(bits)")]
  }

  /// - Throws: `GraphError` for sizes that have no meaning.
  public init(rows: Int, columns: Int, blockSize: Int, bits: Int, codebook: [Float]? = nil) throws {
    guard bits == 2 || bits == 4 || bits == 8 else {
      throw GraphError(.unsupported, "\(bits) bits an element are not supported: 2, 4 and 8 are")
    }
    guard blockSize >= 16, blockSize & (blockSize - 1) == 0, blockSize <= 1 << 20 else {
      throw GraphError(.invalidModel, "block_size \(blockSize) is no power of two from 16 on")
    }
    guard rows > 0, columns > 0, rows < 1 << 30, columns < 1 << 30 else {
      throw GraphError(.invalidModel, "a matrix of \(rows) rows and \(columns) columns")
    }
    self.rows = rows
    self.columns = columns
    self.blockSize = blockSize
    self.bits = bits
    self.codebook = codebook
  }

  private var blocks: Int { (rows + blockSize - 1) / blockSize }
  private var blockBytes: Int { blockSize * bits / 8 }
  private var byteCount: Int { codebook == nil ? columns * blocks * blockBytes : (columns * rows + 1) / 2 }
  private var scaleCount: Int { codebook == nil ? columns * blocks : (columns * rows + blockSize - 1) / blockSize }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let a = try Operand.fact(inputs, 0, "A")
    let b = try Operand.fact(inputs, 1, "B")
    let scales = try Operand.fact(inputs, 2, "scales")
    if let dtype = a.dtype, dtype != .float32 { throw Operand.unsupported(dtype, "float32") }
    if let dtype = b.dtype, dtype != .uint8 { throw Operand.unsupported(dtype, "uint8") }
    if let dtype = scales.dtype, dtype != .float32 { throw Operand.unsupported(dtype, "float32") }
    for (fact, count, what) in [(b, byteCount, "B"), (scales, scaleCount, "scales")] {
      if let own = fact.shape.map({ ShapeFacts.product($0) }), own.isProvablyDifferent(from: Dim(count)) {
        throw GraphError(.invalidModel, "\(what) of \(own) elements must have \(count)")
      }
    }
    guard var shape = a.shape else { return [Fact(.float32, nil)] }
    guard let last = shape.last, !last.isProvablyDifferent(from: Dim(rows)) else {
      throw GraphError(.invalidModel, "A of shape \(shape.text) does not fit \(rows) rows")
    }
    shape[shape.count - 1] = Dim(columns)
    return [Fact(.float32, shape)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let linear = try linear(
      Operand.tensor(inputs, 1, "B"), Operand.tensor(inputs, 2, "scales"), Operand.optional(inputs, 3, "zero_points"),
      bias: Operand.optional(inputs, 4, "bias"), context)
    var operands: [Value?] = [.tensor(try Operand.tensor(inputs, 0, "A"))]
    return try linear.evaluate(&operands, context)
  }

  public func specialized(
    _ inputs: [Fact?], _ constants: Constants
  ) throws -> (operator: any Operator, kept: [Int])? {
    guard inputs.count >= 3, inputs[0]?.dtype == .float32, let b = inputs[1]?.tensor, let scales = inputs[2]?.tensor,
      inputs.dropFirst(3).allSatisfy({ $0 == nil || $0?.tensor != nil })
    else { return nil }
    let context = EvaluationContext(pool: .inline, arena: Arena())
    func extra(_ index: Int) -> Tensor? { index < inputs.count ? inputs[index]?.tensor : nil }
    return (try linear(b, scales, extra(3), bias: extra(4), context, constants), [0])
  }

  /// The product with the columns unpacked.
  private func linear(
    _ b: Tensor, _ scales: Tensor, _ zeros: Tensor?, bias: Tensor?, _ context: EvaluationContext,
    _ constants: Constants = .inMemory
  ) throws -> Linear {
    let (blocks, perByte) = (blocks, 8 / bits)
    let zeroBytes = (blocks + perByte - 1) / perByte
    guard b.dtype == .uint8, b.count == byteCount, scales.dtype == .float32,
      scales.count == scaleCount
    else {
      throw GraphError(
        .invalidInput, "B of shape \(b.shape) and scales of shape \(scales.shape) do not fit \(columns) columns")
    }
    if let zeros {
      guard codebook == nil else { throw GraphError(.invalidInput, "a codebook takes no zero points") }
      guard zeros.dtype == .uint8 ? zeros.count == columns * zeroBytes : zeros.count == scales.count,
        zeros.dtype == .uint8 || zeros.dtype == .float32
      else { throw GraphError(.invalidInput, "zero_points of shape \(zeros.shape) do not fit \(columns) columns") }
    }
    if let bias, bias.dtype != .float32 || bias.count != columns {
      throw GraphError(.invalidInput, "a bias of shape \(bias.shape) does not fit \(columns) columns")
    }
    guard columns * rows <= context.maxTensorBytes / 4 else {
      throw GraphError(.limit, "a matrix of \(rows) rows and \(columns) columns is too large")
    }
    var linear = Linear(k: rows, n: columns, transposed: true, constants) { range, use in
      let part = range.lowerBound / rows..<range.upperBound / rows
      let out = Tensor(lasting: .float32, [part.count, rows])
      unpack(part, b, scales, zeros, zeroBytes, into: out.unsafeMutableElements(of: Float.self))
      out.withFloats(use)
    }
    linear.bias = bias?.settled(in: constants, as: "bias")
    return linear
  }

  /// Writes the columns of a range one after the other as floats. The operands' sizes have been checked.
  private func unpack(
    _ part: Range<Int>, _ b: Tensor, _ scales: Tensor, _ zeros: Tensor?, _ zeroBytes: Int,
    into to: UnsafeMutableBufferPointer<Float>
  ) {
    let (blocks, perByte) = (blocks, 8 / bits)
    let packed = b.unsafeElements(of: UInt8.self)
    let factors = scales.unsafeElements(of: Float.self)
    let mask = UInt8(truncatingIfNeeded: (1 << bits) - 1)
    let middle = Float(1 << (bits - 1))
    if let codebook {
      let first = part.lowerBound * rows
      for i in first..<part.upperBound * rows {
        let element = packed[i / 2] >> (i % 2 == 0 ? 4 : 0) & 0xF
        to[i - first] = codebook[Int(element)] * factors[i / blockSize]
      }
      return
    }
    for column in part {
      for block in 0..<blocks {
        var zero = middle
        if let zeros {
          if zeros.dtype == .uint8 {
            let byte = zeros.unsafeElements(of: UInt8.self)[column * zeroBytes + block / perByte]
            zero = Float(byte >> UInt8(block % perByte * bits) & mask)
          } else {
            zero = zeros.unsafeElements(of: Float.self)[column * blocks + block]
          }
        }
        let scale = factors[column * blocks + block]
        let start = (column * blocks + block) * blockBytes
        for i in 0..<Swift.min(blockSize, rows - block * blockSize) {
          let element = packed[start + i / perByte] >> UInt8(i % perByte * bits) & mask
          to[(column - part.lowerBound) * rows + block * blockSize + i] = (Float(element) - zero) * scale
        }
      }
    }
  }
}
