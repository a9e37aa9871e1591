import InferenceGraph
public import TensorCore

/// Positions by key: what encoders look up. Of equal keys the first counts.
public enum KeyIndex: Sendable {
  case integers([Int64: Int32])
  /// Integers `first, first + 1, ...`, each at its distance from `first`.
  case consecutive(first: Int64, count: Int)
  /// By bit pattern; NaN in one form, zero without sign.
  case floats([UInt64: Int32])
  case strings([UTF8Key: Int32])

  /// An index of strings.
  public init(strings keys: [String]) {
    var index: [UTF8Key: Int32] = [:]
    index.reserveCapacity(keys.count)
    for (i, key) in keys.enumerated() where index[UTF8Key(key)] == nil {
      index[UTF8Key(key)] = Int32(truncatingIfNeeded: i)
    }
    self = .strings(index)
  }

  /// An index of integers.
  public init(integers keys: [Int64]) {
    if let first = keys.first, first <= Int64.max - Int64(keys.count),
      keys.indices.allSatisfy({ keys[$0] == first + Int64($0) })
    {
      self = .consecutive(first: first, count: keys.count)
      return
    }
    var index: [Int64: Int32] = [:]
    index.reserveCapacity(keys.count)
    for (i, key) in keys.enumerated() where index[key] == nil { index[key] = Int32(truncatingIfNeeded: i) }
    self = .integers(index)
  }

  /// An index of floating-point numbers; NaN equals NaN.
  public init(floats keys: [Double]) {
    var index: [UInt64: Int32] = [:]
    index.reserveCapacity(keys.count)
    for (i, key) in keys.enumerated() where index[KeyIndex.bits(key)] == nil {
      index[KeyIndex.bits(key)] = Int32(truncatingIfNeeded: i)
    }
    self = .floats(index)
  }

  /// An index of a tensor's elements; nil for kinds that are no keys.
  public init?(_ tensor: Tensor) {
    switch tensor.dtype {
    case .string: self.init(strings: Array(tensor.strings))
    case .float32: self.init(floats: (tensor.array(of: Float.self) ?? []).map { Double($0) })
    case .float64: self.init(floats: tensor.array(of: Double.self) ?? [])
    case .int64, .int32, .int16: self.init(integers: (tensor.integers ?? []).map { Int64($0) })
    default: return nil
    }
  }

  private static func bits(_ x: Double) -> UInt64 {
    x.isNaN ? Double.nan.bitPattern : x == 0 ? 0 : x.bitPattern
  }

  /// Calls `body` with every element's number and position, -1 where it is no key. False when the tensor's kind is not
  /// that of the keys.
  @inline(__always)
  func lookUp(_ x: Tensor, _ body: (_ element: Int, _ position: Int) -> Void) -> Bool {
    switch self {
    case .strings(let index):
      guard x.dtype == .string else { return false }
      for (i, s) in x.strings.enumerated() { body(i, Int(index[UTF8Key(s)] ?? -1)) }
    case .floats(let index):
      func each<T: TensorElement & BinaryFloatingPoint>(_ type: T.Type) {
        let from = x.unsafeElements(of: type)
        for i in from.indices { body(i, Int(index[KeyIndex.bits(Double(from[i]))] ?? -1)) }
      }
      switch x.dtype {
      case .float32: each(Float.self)
      case .float64: each(Double.self)
      default: return false
      }
    case .integers, .consecutive:
      func each<T: TensorElement & FixedWidthInteger>(_ type: T.Type) {
        let from = x.unsafeElements(of: type)
        if case .integers(let index) = self {
          for i in from.indices { body(i, Int(index[Int64(truncatingIfNeeded: from[i])] ?? -1)) }
        } else if case .consecutive(let first, let count) = self {
          for i in from.indices {
            let (d, overflow) = Int64(truncatingIfNeeded: from[i]).subtractingReportingOverflow(first)
            body(i, !overflow && d >= 0 && d < Int64(count) ? Int(d) : -1)
          }
        }
      }
      switch x.dtype {
      case .int64: each(Int64.self)
      case .int32: each(Int32.self)
      case .int16: each(Int16.self)
      default: return false
      }
    }
    return true
  }

  /// Counts the table; `withKeys`: and the contents of its strings, which nothing else holds.
  func addHeld(to memory: inout HeldMemory, withKeys: Bool) {
    switch self {
    case .integers(let index): memory.add(index)
    case .consecutive: break
    case .floats(let index): memory.add(index)
    case .strings(let index):
      memory.add(index)
      if withKeys { memory.add(contentsOf: index.keys.lazy.map(\.string)) }
    }
  }

  /// True when tensors of `dtype` can be looked up.
  func takes(_ dtype: DType) -> Bool {
    switch self {
    case .strings: dtype == .string
    case .floats: dtype == .float32 || dtype == .float64
    case .integers, .consecutive: dtype == .int64 || dtype == .int32 || dtype == .int16
    }
  }
}

/// A string that equals another when their UTF-8 bytes do (`String` compares canonically equivalent text as equal).
public struct UTF8Key: Hashable, Sendable {
  let string: String

  init(_ string: String) { self.string = string }

  public static func == (a: UTF8Key, b: UTF8Key) -> Bool { a.string.utf8.elementsEqual(b.string.utf8) }

  public func hash(into hasher: inout Hasher) {
    var copy = string
    copy.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}
