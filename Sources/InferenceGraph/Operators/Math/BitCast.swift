public import TensorCore

/// The same bytes under another element kind of the same width.
public struct BitCast: Operator {
  public let dtype: DType

  public var name: String { "BitCast" }
  public var attributes: [(name: String, value: String)] { [("to", dtype.name)] }

  public init(to dtype: DType) { self.dtype = dtype }

  private func check(_ from: DType) throws {
    guard from != .string, dtype != .string, from.bitWidth == dtype.bitWidth else {
      throw GraphError(.invalidModel, "elements of \(from) have other bits than \(dtype)")
    }
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0)
    if let from = x.dtype { try check(from) }
    return [Fact(dtype, x.shape)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0)
    try check(x.dtype)
    if x.dtype.bitWidth < 8 {
      let out = try context.allocate(dtype, x.shape)
      let (from, to) = (x.unsafeElements(of: UInt8.self), out.unsafeMutableElements(of: UInt8.self))
      let shift = UInt8(8 - dtype.bitWidth)
      let isSigned = dtype == .int4 || dtype == .int2
      for i in 0..<x.count {
        let high = from[i] &<< shift
        to[i] = isSigned ? UInt8(bitPattern: Int8(bitPattern: high) &>> Int8(bitPattern: shift)) : high &>> shift
      }
      return [.tensor(out)]
    }
    if dtype == .bool {
      let out = try context.allocate(.bool, x.shape)
      let (from, to) = (x.unsafeElements(of: UInt8.self), out.unsafeMutableElements(of: Bool.self))
      for i in 0..<x.count { to[i] = from[i] != 0 }
      return [.tensor(out)]
    }
    return [.tensor(Tensor(retyping: x, dtype, x.shape))]
  }
}

extension DType {
  /// Bits of an element by the standard, where kinds narrower than a byte are packed.
  var bitWidth: Int {
    switch self {
    case .int4, .uint4, .float4E2M1: 4
    case .int2, .uint2: 2
    default: byteWidth * 8
    }
  }
}
