import TensorCore

/// `onnx.TensorProto` as read: sizes not yet checked against each other.
struct TensorProto {
  var name = ""
  var dims: [Int] = []
  var dataType = 0
  var floatData: [Float] = []
  var int32Data: [Int32] = []
  var int64Data: [Int64] = []
  var uint64Data: [UInt64] = []
  var doubleData: [Double] = []
  var stringData: [String] = []
  var rawData: UnsafeRawBufferPointer?
  var externalData: [String: String] = [:]
  var isExternal = false

  /// The tensor. Raw data is borrowed from `owner` where its address suits the element type, copied otherwise: at once
  /// where it is small, else when it is first read.
  ///
  /// - Throws: `ONNXError` when the dtype is unknown, or shape and data contradict each other.
  func tensor(owner: AnyObject, copied: inout Int, limit: Int) throws -> Tensor {
    guard let dtype = DType(onnx: dataType) else {
      throw ONNXError(.malformed, "tensor \"\(name)\": \(dataType) is no element type")
    }
    let shape = Shape(dims)
    guard let count = shape.checkedElementCount else {
      throw ONNXError(.malformed, "tensor \"\(name)\": shape \(dims) is negative or overflows")
    }
    let (bytes, overflow) = count.multipliedReportingOverflow(by: Swift.max(dtype.byteWidth, 1))
    guard !overflow else { throw ONNXError(.malformed, "tensor \"\(name)\": shape \(dims) overflows") }

    if dtype == .string {
      guard stringData.count == count else { throw mismatch(count, "strings", stringData.count) }
      return try Tensor(strings: stringData, shape: shape)
    }
    if let rawData {
      return try raw(rawData, dtype, shape, count, bytes, owner, &copied, limit)
    }
    guard let stored = storedCount(dtype) else {
      throw ONNXError(.malformed, "tensor \"\(name)\": element type \(dtype) must be stored as raw data")
    }
    let needed = dtype.storedUnits(count)
    guard stored == needed * (dtype == .complex64 || dtype == .complex128 ? 2 : 1) else {
      throw mismatch(needed, "elements", stored)
    }
    try charge(bytes, &copied, limit)
    let out = Tensor(uninitialized: dtype, shape)
    fill(out, dtype, count)
    return out
  }

  private func mismatch(_ want: Int, _ what: String, _ got: Int) -> ONNXError {
    ONNXError(.malformed, "tensor \"\(name)\": shape \(dims) needs \(want) \(what), the file has \(got)")
  }

  private func charge(_ bytes: Int, _ copied: inout Int, _ limit: Int) throws {
    guard bytes <= limit - copied else {
      throw ONNXError(.limit, "tensor \"\(name)\": tensors that must be copied take more than \(limit) bytes")
    }
    copied += bytes
  }

  private func raw(
    _ given: UnsafeRawBufferPointer, _ dtype: DType, _ shape: Shape, _ count: Int, _ bytes: Int, _ owner: AnyObject,
    _ copied: inout Int, _ limit: Int
  ) throws -> Tensor {
    var data = given
    // What an external file holds from an offset on without a length is cut where the shape ends.
    if isExternal, externalData["length"] == nil {
      data = UnsafeRawBufferPointer(rebasing: given.prefix(dtype.isPacked ? dtype.storedUnits(count) : bytes))
    }
    if dtype.isPacked {
      guard data.count == dtype.storedUnits(count) else {
        throw mismatch(dtype.storedUnits(count), "bytes", data.count)
      }
      try charge(bytes, &copied, limit)
      let out = Tensor(uninitialized: dtype, shape)
      dtype.unpack(count, out) { data[$0] }
      return out
    }
    guard data.count == bytes else { throw mismatch(bytes, "bytes", data.count) }
    let alignment = Swift.min(dtype.byteWidth, 8)
    if dtype == .bool && data.contains(where: { $0 > 1 }) {
      throw ONNXError(.malformed, "tensor \"\(name)\": a bool is neither 0 nor 1")
    }
    #if _endian(little)
    if let base = data.baseAddress, Int(bitPattern: base) % alignment == 0 {
      return try Tensor(dtype: dtype, shape: shape, storage: TensorStorage(borrowing: data, owner: owner))
    }
    #else
    #error("raw tensors are little-endian: swap them here")
    #endif
    try charge(bytes, &copied, limit)
    if bytes >= Constants.minBytes, let file = owner as? MappedFile {
      return try Tensor(dtype: dtype, shape: shape, storage: TensorStorage(LateBytes(copyOf: data, in: file)))
    }
    let out = Tensor(uninitialized: dtype, shape)
    out.unsafeMutableBytes.copyMemory(from: data)
    (owner as? MappedFile)?.dropPages(data)
    return out
  }

  private func storedCount(_ dtype: DType) -> Int? {
    switch dtype {
    case .float32, .complex64: floatData.count
    case .float64, .complex128: doubleData.count
    case .int64: int64Data.count
    case .uint64, .uint32: uint64Data.count
    case .string: nil
    default: int32Data.count
    }
  }

  private func fill(_ out: Tensor, _ dtype: DType, _ count: Int) {
    func copy<S, T: BitwiseCopyable>(_ from: [S], _ convert: (S) -> T) {
      let to = out.unsafeMutableElements(of: T.self)
      for i in 0..<count { to[i] = convert(from[i]) }
    }
    switch dtype {
    case .float32: copy(floatData) { $0 }
    case .float64: copy(doubleData) { $0 }
    case .complex64: floatData.withUnsafeBytes { out.unsafeMutableBytes.copyMemory(from: $0) }
    case .complex128: doubleData.withUnsafeBytes { out.unsafeMutableBytes.copyMemory(from: $0) }
    case .int64: copy(int64Data) { $0 }
    case .uint64: copy(uint64Data) { $0 }
    case .uint32: copy(uint64Data) { UInt32(truncatingIfNeeded: $0) }
    case .int32: copy(int32Data) { $0 }
    case .int16: copy(int32Data) { Int16(truncatingIfNeeded: $0) }
    case .uint16, .float16, .bfloat16: copy16()
    case .int8: copy(int32Data) { Int8(truncatingIfNeeded: $0) }
    case .bool: copy(int32Data) { $0 != 0 }
    case .int4, .uint4, .int2, .uint2, .float4E2M1:
      dtype.unpack(count, out) { UInt8(truncatingIfNeeded: int32Data[$0]) }
    case .uint8, .float8E4M3FN, .float8E4M3FNUZ, .float8E5M2, .float8E5M2FNUZ, .float8E8M0:
      copy(int32Data) { UInt8(truncatingIfNeeded: $0) }
    case .string: break
    }
    func copy16() { copy(int32Data) { UInt16(truncatingIfNeeded: $0) } }
  }

  /// A dense tensor with `values` at `indices` (flat, or one row of coordinates each) and zeros elsewhere.
  ///
  /// `total` counts the bytes of all tensors made so, which may not pass `limit`.
  static func densify(
    _ values: Tensor, _ indices: Tensor, _ shape: Shape, total: inout Int, limit: Int
  ) throws -> Tensor {
    let width = values.dtype.byteWidth
    guard width > 0, let count = shape.checkedElementCount, let flat = indices.array(of: Int64.self) else {
      throw ONNXError(.malformed, "a sparse tensor needs int64 indices, a sound shape and numeric values")
    }
    let (bytes, overflow) = count.multipliedReportingOverflow(by: width)
    guard !overflow, bytes <= limit - total else {
      throw ONNXError(.limit, "sparse tensors (the last of shape \(shape)) take more than \(limit) bytes when dense")
    }
    let n = values.count
    let isFlat = indices.shape.rank == 1
    guard flat.count == (isFlat ? n : n * shape.rank) else {
      throw ONNXError(
        .malformed,
        "a sparse tensor of shape \(shape) has \(n) values and indices of shape \(indices.shape), "
          + "expected \(n) or \(n)x\(shape.rank)")
    }
    total += bytes
    let out = Tensor(zeros: values.dtype, shape)
    let strides = shape.strides
    for i in 0..<n {
      var at = 0
      if isFlat {
        at = Int(flat[i])
      } else {
        for axis in 0..<shape.rank {
          let x = Int(flat[i * shape.rank + axis])
          guard x >= 0, x < shape[axis] else { throw ONNXError(.malformed, "a sparse index lies outside \(shape)") }
          at += x * strides[axis]
        }
      }
      guard at >= 0, at < count else { throw ONNXError(.malformed, "a sparse index lies outside \(shape)") }
      UnsafeMutableRawBufferPointer(rebasing: out.unsafeMutableBytes[(at * width)..<((at + 1) * width)])
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: values.unsafeBytes[(i * width)..<((i + 1) * width)]))
    }
    return out
  }
}

extension DType {
  /// True when several elements share a byte in files.
  var isPacked: Bool { perByte > 1 }

  /// Elements per byte in files.
  var perByte: Int {
    switch self {
    case .int4, .uint4, .float4E2M1: 2
    case .int2, .uint2: 4
    default: 1
    }
  }

  /// Bytes (or numbers of a typed field) that `count` elements take in files.
  func storedUnits(_ count: Int) -> Int { count / perByte + (count % perByte == 0 ? 0 : 1) }

  /// Spreads packed elements, first in the low bits, one a byte.
  func unpack(_ count: Int, _ out: Tensor, _ byte: (Int) -> UInt8) {
    let to = out.unsafeMutableElements(of: UInt8.self)
    let bits = 8 / perByte
    let mask = UInt8((1 << bits) - 1)
    let sign = UInt8(1 << (bits - 1))
    let isSigned = self == .int4 || self == .int2
    for i in 0..<count {
      let raw = (byte(i / perByte) >> UInt8(i % perByte * bits)) & mask
      to[i] = isSigned && raw & sign != 0 ? raw | ~mask : raw
    }
  }
}
