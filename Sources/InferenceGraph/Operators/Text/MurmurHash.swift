public import TensorCore

/// MurmurHash3 (x86, 32 bits) of each element's bytes, of strings in UTF-8: Appleby, github.com/aappleby/smhasher.
public struct MurmurHash: Operator {
  public let seed: UInt32
  /// The output is `uint32`, else `int32`.
  public let isUnsigned: Bool

  public var name: String { "MurmurHash3" }
  public var attributes: [(name: String, value: String)] { [("seed", "\(seed)")] }

  public init(seed: UInt32, isUnsigned: Bool) {
    self.seed = seed
    self.isUnsigned = isUnsigned
  }

  private static func accepts(_ dtype: DType) -> Bool {
    switch dtype {
    case .int32, .uint32, .int64, .uint64, .float32, .float64, .string: true
    default: false
    }
  }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0, "X")
    if let dtype = x.dtype, !Self.accepts(dtype) {
      throw Operand.unsupported(dtype, "numbers of 32 or 64 bits or strings")
    }
    return [Fact(isUnsigned ? .uint32 : .int32, x.shape)]
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0, "X")
    guard Self.accepts(x.dtype) else { throw Operand.unsupported(x.dtype, "numbers of 32 or 64 bits or strings") }
    let out = try context.allocate(isUnsigned ? .uint32 : .int32, x.shape)
    let to = out.unsafeMutableElements(of: UInt32.self)
    if x.dtype == .string {
      for (i, text) in x.strings.enumerated() {
        var text = text
        to[i] = text.withUTF8 { hash(UnsafeRawBufferPointer($0)) }
      }
    } else {
      let width = x.dtype.byteWidth
      for i in 0..<x.count {
        to[i] = hash(UnsafeRawBufferPointer(rebasing: x.unsafeBytes[i * width..<(i + 1) * width]))
      }
    }
    return [.tensor(out)]
  }

  private func hash(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    func rotated(_ x: UInt32, _ bits: UInt32) -> UInt32 { x << bits | x >> (32 - bits) }
    func mixed(_ k: UInt32) -> UInt32 { rotated(k &* 0xCC9E_2D51, 15) &* 0x1B87_3593 }
    var h = seed
    let blocks = bytes.count / 4
    for i in 0..<blocks {
      h ^= mixed(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: i * 4, as: UInt32.self)))
      h = rotated(h, 13) &* 5 &+ 0xE654_6B64
    }
    var tail: UInt32 = 0
    for (i, byte) in bytes[(blocks * 4)...].enumerated() { tail |= UInt32(byte) << UInt32(8 * i) }
    if bytes.count % 4 > 0 { h ^= mixed(tail) }
    h ^= UInt32(truncatingIfNeeded: bytes.count)
    h = (h ^ h >> 16) &* 0x85EB_CA6B
    h = (h ^ h >> 13) &* 0xC2B2_AE35
    return h ^ h >> 16
  }
}
