import TensorCore

/// Numbers in whose order the elements of a tensor stand: -0 equals 0, a NaN is above everything and equals any other.
enum OrderKey {
  /// One key an element, or nil for kinds that have no order.
  static func keys(_ tensor: Tensor) -> [Int64]? {
    func map<T: BitwiseCopyable>(_ type: T.Type, _ key: (T) -> Int64) -> [Int64] {
      tensor.unsafeElements(of: type).map(key)
    }
    switch tensor.dtype {
    case .float32: return map(Float.self) { key($0) }
    case .float64: return map(Double.self) { key($0) }
    #if !(os(macOS) && arch(x86_64))
    case .float16: return map(Float16.self) { key(Float($0)) }
    #endif
    case .bfloat16: return map(BFloat16.self) { key($0.float) }
    case .int8, .int4, .int2: return map(Int8.self) { Int64($0) }
    case .int16: return map(Int16.self) { Int64($0) }
    case .int32: return map(Int32.self) { Int64($0) }
    case .int64: return map(Int64.self) { $0 }
    case .uint8, .uint4, .uint2, .bool: return map(UInt8.self) { Int64($0) }
    case .uint16: return map(UInt16.self) { Int64($0) }
    case .uint32: return map(UInt32.self) { Int64($0) }
    case .uint64: return map(UInt64.self) { Int64(bitPattern: $0 ^ (1 << 63)) }
    case .string:
      var ranks: [UTF8Text: Int64] = [:]
      let distinct = Set(tensor.strings.map { UTF8Text($0) })
      for (rank, text) in distinct.sorted(by: { $0.text.utf8.lexicographicallyPrecedes($1.text.utf8) }).enumerated() {
        ranks[text] = Int64(rank)
      }
      return tensor.strings.map { ranks[UTF8Text($0)] ?? 0 }
    default: return nil
    }
  }

  static func key(_ value: Float) -> Int64 {
    if value.isNaN { return .max }
    let bits = Int32(bitPattern: value == 0 ? 0 : value.bitPattern)
    return Int64(bits < 0 ? bits ^ .max : bits)
  }

  static func key(_ value: Double) -> Int64 {
    if value.isNaN { return .max }
    let bits = Int64(bitPattern: value == 0 ? 0 : value.bitPattern)
    return bits < 0 ? bits ^ .max : bits
  }
}
