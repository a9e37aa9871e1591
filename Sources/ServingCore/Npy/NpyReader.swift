import TensorCore

/// Turns the elements of an npy array into a tensor of the dtype that an input has.
///
/// A value passes when the input's dtype holds it exactly; floats may also be rounded to a narrower float, unless that
/// makes them infinite. NaN and infinity pass into floats as they are. Strings go into string inputs only.
struct NpyReader {
  let bytes: UnsafeRawBufferPointer
  let header: NpyHeader

  init(_ bytes: UnsafeRawBufferPointer) throws(ServingError) {
    self.bytes = bytes
    header = try NpyHeader(bytes)
  }

  func tensor(for input: InputLayout.Input) throws(ServingError) -> Tensor {
    guard let dtype = input.dtype else {
      throw ServingError(
        .badRequest, "Input \(input.name) is a \(input.type), which a request body cannot carry.", field: input.name)
    }
    if let first = header.shape.first, first == 0 {
      throw ServingError(
        .shapeMismatch, "The body has no rows; send at least one.", field: input.name, expected: "at least 1 row",
        got: "0 rows")
    }
    guard let shape = input.fitting(header.shape) else { throw input.mismatch(header.shape, field: nil) }
    switch header.element {
    case .unicode, .bytes:
      guard dtype == .string else { throw wrongKind(input, dtype) }
      return try strings(Shape(shape), input)
    default:
      guard dtype != .string else { throw wrongKind(input, dtype) }
      return try numbers(Shape(shape), dtype, input)
    }
  }

  private func wrongKind(_ input: InputLayout.Input, _ dtype: DType) -> ServingError {
    ServingError(
      .invalidValue, "Input \(input.name) takes \(dtype); the npy array has dtype \(header.descr).", field: input.name,
      expected: dtype.name, got: header.descr)
  }

  private func numbers(_ shape: Shape, _ dtype: DType, _ input: InputLayout.Input) throws(ServingError) -> Tensor {
    let tensor = Tensor(uninitialized: dtype, shape)
    if header.count == 0 { return tensor }
    let data = UnsafeRawBufferPointer(rebasing: bytes[header.dataStart...])
    let target = tensor.unsafeMutableBytes
    let isPlain = !header.isFortranOrder && (!header.isBigEndian || header.element.byteWidth == 1)
    if isPlain, isSame(dtype) {
      target.copyMemory(from: data)
      return tensor
    }
    if isPlain, header.element == .float(8), dtype == .float32 {
      let floats = tensor.unsafeMutableElements(of: Float.self)
      for i in 0..<header.count {
        let wide = Double(bitPattern: UInt64(littleEndian: data.loadUnaligned(fromByteOffset: i * 8, as: UInt64.self)))
        let value = Float(wide)
        if value.isInfinite, wide.isFinite { throw refused(.real(wide), dtype, input, i) }
        floats[i] = value
      }
      return tensor
    }
    guard let base = target.baseAddress else { return tensor }
    var order = ElementOrder(header.shape, isFortran: header.isFortranOrder)
    let width = dtype.byteWidth
    for i in 0..<header.count {
      let value = value(data, order.next())
      if !value.store(as: dtype, at: base + i * width) { throw refused(value, dtype, input, i) }
    }
    return tensor
  }

  private func isSame(_ dtype: DType) -> Bool {
    switch (header.element, dtype) {
    case (.float(4), .float32), (.float(8), .float64), (.float(2), .float16), (.signed(1), .int8), (.signed(2), .int16),
      (.signed(4), .int32), (.signed(8), .int64), (.unsigned(1), .uint8), (.unsigned(2), .uint16),
      (.unsigned(4), .uint32),
      (.unsigned(8), .uint64):
      true
    default: false
    }
  }

  private func refused(_ value: NpyValue, _ dtype: DType, _ input: InputLayout.Input, _ i: Int) -> ServingError {
    ServingError(
      .invalidValue, "Element \(i) of the npy array for input \(input.name) is \(value), which \(dtype) does not hold.",
      field: "\(input.name), element \(i)", expected: dtype.name, got: "\(value)")
  }

  /// Element `i` in the file's order.
  private func value(_ data: UnsafeRawBufferPointer, _ i: Int) -> NpyValue {
    let width = header.element.byteWidth
    var bits: UInt64 = 0
    for k in 0..<width {
      let byte = UInt64(data[i * width + (header.isBigEndian ? width - 1 - k : k)])
      bits |= byte << UInt64(8 * k)
    }
    switch header.element {
    case .float(2): return .real(NarrowFloat.double(float16Bits: UInt16(truncatingIfNeeded: bits)))
    case .float(4): return .real(Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits))))
    case .float: return .real(Double(bitPattern: bits))
    case .signed:
      let shift = UInt64(64 - 8 * width)
      return .integer(Int128(Int64(bitPattern: bits << shift) >> Int64(shift)))
    case .boolean: return .integer(bits == 0 ? 0 : 1)
    default: return .integer(Int128(bits))
    }
  }

  private func strings(_ shape: Shape, _ input: InputLayout.Input) throws(ServingError) -> Tensor {
    var order = ElementOrder(header.shape, isFortran: header.isFortranOrder)
    let width = header.element.byteWidth
    var strings: [String] = []
    strings.reserveCapacity(header.count)
    for i in 0..<header.count {
      let start = header.dataStart + order.next() * width
      let raw = bytes[start..<(start + width)]
      guard let text = header.element == .bytes(width) ? utf8(raw) : utf32(raw) else {
        throw ServingError(
          .invalidValue, "Element \(i) of the npy array for input \(input.name) is not valid Unicode text.",
          field: "\(input.name), element \(i)")
      }
      strings.append(text)
    }
    do { return try Tensor(strings: strings, shape: shape) } catch { throw ServingError(.shapeMismatch, "\(error)") }
  }

  private func utf8(_ raw: Slice<UnsafeRawBufferPointer>) -> String? {
    var raw = raw
    while raw.last == 0 { raw.removeLast() }
    return String(validating: raw, as: UTF8.self)
  }

  private func utf32(_ raw: Slice<UnsafeRawBufferPointer>) -> String? {
    var points: [UInt32] = []
    for start in stride(from: raw.startIndex, to: raw.endIndex, by: 4) {
      var point: UInt32 = 0
      for k in 0..<4 { point |= UInt32(raw[start + (header.isBigEndian ? 3 - k : k)]) << UInt32(8 * k) }
      points.append(point)
    }
    while points.last == 0 { points.removeLast() }
    return String(validating: points, as: UTF32.self)
  }
}

/// The offsets of an array's elements in the file, visited in row-major order.
private struct ElementOrder {
  private let shape: [Int]
  private let strides: [Int]
  private var index: [Int]
  private var offset = 0
  private let isFortran: Bool

  init(_ shape: [Int], isFortran: Bool) {
    self.shape = shape
    self.isFortran = isFortran && shape.count > 1
    var run = 1
    var strides: [Int] = []
    for extent in shape {
      strides.append(run)
      run = run &* extent
    }
    self.strides = strides
    index = [Int](repeating: 0, count: shape.count)
  }

  mutating func next() -> Int {
    let current = offset
    guard isFortran else {
      offset &+= 1
      return current
    }
    var axis = shape.count - 1
    while axis >= 0 {
      index[axis] += 1
      offset &+= strides[axis]
      if index[axis] < shape[axis] { break }
      offset &-= strides[axis] &* shape[axis]
      index[axis] = 0
      axis -= 1
    }
    return current
  }
}

/// A number of an npy array.
enum NpyValue: CustomStringConvertible {
  case real(Double)
  case integer(Int128)

  var description: String {
    switch self {
    case .real(let value): "\(value)"
    case .integer(let value): "\(value)"
    }
  }

  /// Writes the value as an element of `dtype`; false when the dtype does not hold it.
  func store(as dtype: DType, at target: UnsafeMutableRawPointer) -> Bool {
    switch dtype {
    case .float32: return storeFloat(target, Float.self)
    case .float64: return storeFloat(target, Double.self)
    case .float16:
      guard let value = asDouble(exactBits: 11) else { return false }
      let bits = NarrowFloat.float16Bits(value)
      if bits & 0x7FFF == 0x7C00, value.isFinite { return false }
      target.storeBytes(of: bits, as: UInt16.self)
      return true
    case .bfloat16:
      guard let value = asDouble(exactBits: 8) else { return false }
      let narrow = BFloat16(NarrowFloat.roundedToOdd(value))
      if narrow.float.isInfinite, value.isFinite { return false }
      target.storeBytes(of: narrow.bitPattern, as: UInt16.self)
      return true
    case .int8: return storeInteger(target, Int8.min...Int8.max)
    case .int16: return storeInteger(target, Int16.min...Int16.max)
    case .int32: return storeInteger(target, Int32.min...Int32.max)
    case .int64: return storeInteger(target, Int64.min...Int64.max)
    case .uint8: return storeInteger(target, UInt8.min...UInt8.max)
    case .uint16: return storeInteger(target, UInt16.min...UInt16.max)
    case .uint32: return storeInteger(target, UInt32.min...UInt32.max)
    case .uint64: return storeInteger(target, UInt64.min...UInt64.max)
    case .int4: return storeInteger(target, Int8(-8)...Int8(7))
    case .uint4: return storeInteger(target, UInt8(0)...UInt8(15))
    case .int2: return storeInteger(target, Int8(-2)...Int8(1))
    case .uint2: return storeInteger(target, UInt8(0)...UInt8(3))
    case .bool: return storeInteger(target, UInt8(0)...UInt8(1))
    default: return false
    }
  }

  private func storeFloat<T: BinaryFloatingPoint & BitwiseCopyable>(_ target: UnsafeMutableRawPointer, _: T.Type)
    -> Bool
  {
    switch self {
    case .real(let value):
      let narrow = T(value)
      if narrow.isInfinite, value.isFinite { return false }
      target.storeBytes(of: narrow, as: T.self)
    case .integer(let value):
      guard let exact = T(exactly: value) else { return false }
      target.storeBytes(of: exact, as: T.self)
    }
    return true
  }

  /// The value as a double; nil for an integer that needs more than `exactBits` significant bits.
  private func asDouble(exactBits: Int) -> Double? {
    switch self {
    case .real(let value): return value
    case .integer(let value):
      let magnitude = value.magnitude
      if magnitude == 0 { return 0 }
      let bits = 128 - magnitude.leadingZeroBitCount - magnitude.trailingZeroBitCount
      return bits <= exactBits ? Double(value) : nil
    }
  }

  private func storeInteger<T: FixedWidthInteger & BitwiseCopyable>(
    _ target: UnsafeMutableRawPointer, _ range: ClosedRange<T>
  ) -> Bool {
    let exact: T?
    switch self {
    case .real(let value): exact = T(exactly: value)
    case .integer(let value): exact = T(exactly: value)
    }
    guard let exact, range.contains(exact) else { return false }
    target.storeBytes(of: exact, as: T.self)
    return true
  }
}
