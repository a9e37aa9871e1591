public import TensorCore

/// Compares values by the rules of the ONNX backend tests: same kind, same shape, same element type; numbers within
/// `|got - want| <= atol + rtol * |want|`; NaN equals NaN; infinities agree in sign and place.
public struct ValueComparison: Sendable {
  public var rtol: Double
  public var atol: Double

  public init(rtol: Double = 1e-3, atol: Double = 1e-7) {
    self.rtol = rtol
    self.atol = atol
  }

  /// What differs, or nil.
  public func difference(got: Value, want: Value) -> String? {
    switch (got, want) {
    case (.tensor(let g), .tensor(let w)): return difference(g, w)
    case (.sequence(let g, _), .sequence(let w, _)):
      guard g.count == w.count else { return "a sequence of \(g.count), expected \(w.count)" }
      for (i, (a, b)) in zip(g, w).enumerated() {
        if let d = difference(got: a, want: b) { return "member \(i): \(d)" }
      }
      return nil
    case (.optional(let g, _), .optional(let w, _)):
      switch (g, w) {
      case (nil, nil): return nil
      case (let a?, let b?): return difference(got: a, want: b)
      default: return g == nil ? "absent, expected a value" : "a value, expected absent"
      }
    case (.optional(let g?, _), _): return difference(got: g, want: want)
    case (_, .optional(let w?, _)): return difference(got: got, want: w)
    case (.map(let g), .map(let w)): return maps(g, w)
    default: return "\(got.type), expected \(want.type)"
    }
  }

  private func maps(_ g: TensorMap, _ w: TensorMap) -> String? {
    guard g.keys.dtype == w.keys.dtype, g.keys.count == w.keys.count else { return "other keys" }
    func order(_ keys: Tensor) -> [Int] {
      if keys.dtype == .string {
        let s = Array(keys.strings)
        return s.indices.sorted { s[$0] < s[$1] }
      }
      let v = keys.array(of: Int64.self) ?? []
      return v.indices.sorted { v[$0] < v[$1] }
    }
    for (i, j) in zip(order(g.keys), order(w.keys)) {
      guard let gk = try? g.keys.rows(i..<(i + 1)), let wk = try? w.keys.rows(j..<(j + 1)),
        let gv = try? g.values.rows(i..<(i + 1)), let wv = try? w.values.rows(j..<(j + 1))
      else { return "keys and values of different length" }
      if let d = difference(gk, wk) { return "key: \(d)" }
      if let d = difference(gv, wv) { return "value: \(d)" }
    }
    return nil
  }

  private func difference(_ g: Tensor, _ w: Tensor) -> String? {
    guard g.dtype == w.dtype else { return "element type \(g.dtype), expected \(w.dtype)" }
    guard g.shape == w.shape else { return "shape \(g.shape), expected \(w.shape)" }
    if g.dtype == .string {
      for (i, (a, b)) in zip(g.strings, w.strings).enumerated() where a != b {
        return "element \(i) is \"\(a)\", expected \"\(b)\""
      }
      return nil
    }
    let rtol = g.dtype == .bfloat16 ? Swift.max(self.rtol, 0x1p-6) : self.rtol
    let parts = g.dtype == .complex64 || g.dtype == .complex128 ? 2 : 1
    var worst: (index: Int, got: Double, want: Double, excess: Double)?
    var wrong = 0
    for i in 0..<(g.count * parts) {
      let a = ValueComparison.element(g, i)
      let b = ValueComparison.element(w, i)
      if a == b || (a.isNaN && b.isNaN) { continue }
      let excess = Swift.abs(a - b) - (atol + rtol * Swift.abs(b))
      if a.isFinite && b.isFinite && excess <= 0 { continue }
      wrong += 1
      let size = excess.isNaN ? .infinity : excess
      if worst.map({ size > $0.excess }) ?? true { worst = (i, a, b, size) }
    }
    return worst.map {
      "\(wrong) of \(g.count) elements differ, most of all element \($0.index): \($0.got), expected \($0.want)"
    }
  }

  /// Element `i` as a double; kinds narrower than a byte or without a Swift type compare by their bits.
  static func element(_ t: Tensor, _ i: Int) -> Double {
    switch t.dtype {
    case .float32, .complex64:
      Double(UnsafeRawPointer(t.storage.base).advanced(by: byteOffset(t)).load(fromByteOffset: i * 4, as: Float.self))
    case .float64, .complex128:
      UnsafeRawPointer(t.storage.base).advanced(by: byteOffset(t)).load(fromByteOffset: i * 8, as: Double.self)
    case .float16: Double(t.unsafeElements(of: Float16.self)[i])
    case .bfloat16: Double(t.unsafeElements(of: BFloat16.self)[i].float)
    case .int8, .int4, .int2: Double(t.unsafeElements(of: Int8.self)[i])
    case .int16: Double(t.unsafeElements(of: Int16.self)[i])
    case .int32: Double(t.unsafeElements(of: Int32.self)[i])
    case .int64: Double(t.unsafeElements(of: Int64.self)[i])
    case .uint16: Double(t.unsafeElements(of: UInt16.self)[i])
    case .uint32: Double(t.unsafeElements(of: UInt32.self)[i])
    case .uint64: Double(t.unsafeElements(of: UInt64.self)[i])
    default: Double(t.unsafeElements(of: UInt8.self)[i])
    }
  }

  private static func byteOffset(_ t: Tensor) -> Int {
    t.unsafeBytes.baseAddress.map { $0 - UnsafeRawPointer(t.storage.base) } ?? 0
  }
}
