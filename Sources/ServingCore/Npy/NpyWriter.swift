import TensorCore

/// Writes a value as an npy file, version 1.0, little-endian, row-major.
///
/// Floats narrower than 16 bits and bfloat16 become `float32`, 4-bit and 2-bit integers `int8` or `uint8`, strings `<U`. A
/// sequence of maps (a classifier's probabilities) becomes a matrix, a row an entry, values in key order.
enum NpyWriter {
  static func write(_ value: Value, name: String, into sink: inout ByteSink) throws(ServingError) {
    let parts: [Tensor]
    let shape: [Int]
    switch value {
    case .tensor(let tensor):
      parts = [tensor]
      shape = tensor.shape.dims
    case .map(let map):
      parts = [map.values]
      shape = map.values.shape.dims
    case .optional(let value?, _): return try write(value, name: name, into: &sink)
    case .optional(nil, _): throw unwritable(name, "has no value")
    case .sequence(let values, _):
      var rows: [Tensor] = []
      for value in values {
        switch value {
        case .tensor(let tensor): rows.append(tensor)
        case .map(let map): rows.append(map.values)
        default: throw unwritable(name, "is nested")
        }
      }
      guard let first = rows.first else { throw unwritable(name, "is an empty sequence") }
      guard rows.allSatisfy({ $0.shape == first.shape && $0.dtype == first.dtype }) else {
        throw unwritable(name, "has entries of different shapes")
      }
      parts = rows
      shape = [rows.count] + first.shape.dims
    }
    guard let dtype = parts.first?.dtype else { return }
    if dtype == .string { return writeStrings(parts, shape, into: &sink) }
    writeHeader(descr(dtype), shape, into: &sink)
    for part in parts { writeElements(part, into: &sink) }
  }

  private static func unwritable(_ name: String, _ what: String) -> ServingError {
    ServingError(
      .notAcceptable, "Output \(name) \(what) and cannot be written as application/x-npy; accept application/json.",
      field: "Accept", expected: "application/json", got: "application/x-npy")
  }

  private static func descr(_ dtype: DType) -> String {
    switch dtype {
    case .float64: "<f8"
    case .float16: "<f2"
    case .int8, .int4, .int2: "|i1"
    case .int16: "<i2"
    case .int32: "<i4"
    case .int64: "<i8"
    case .uint8, .uint4, .uint2: "|u1"
    case .uint16: "<u2"
    case .uint32: "<u4"
    case .uint64: "<u8"
    case .bool: "|b1"
    case .complex64: "<c8"
    case .complex128: "<c16"
    default: "<f4"
    }
  }

  private static func writeHeader(_ descr: String, _ shape: [Int], into sink: inout ByteSink) {
    let tuple = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    var text = "{'descr': '\(descr)', 'fortran_order': False, 'shape': (\(tuple)), }"
    let padding = 63 - (10 + text.utf8.count) % 64
    text += String(repeating: " ", count: padding) + "\n"
    sink.append([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0])
    let length = text.utf8.count
    sink.append(UInt8(truncatingIfNeeded: length))
    sink.append(UInt8(truncatingIfNeeded: length >> 8))
    sink.append(utf8: text)
  }

  private static func writeElements(_ tensor: Tensor, into sink: inout ByteSink) {
    withExtendedLifetime(tensor.storage) {
      switch tensor.dtype {
      case .bfloat16:
        for bits in tensor.unsafeElements(of: UInt16.self) { append(UInt32(bits) << 16, &sink) }
      case .float8E4M3FN, .float8E4M3FNUZ, .float8E5M2, .float8E5M2FNUZ, .float8E8M0, .float4E2M1:
        for bits in tensor.unsafeElements(of: UInt8.self) {
          append(SmallFloat.value(bits, tensor.dtype).bitPattern, &sink)
        }
      default: sink.append(tensor.unsafeBytes)
      }
    }
  }

  private static func append(_ word: UInt32, _ sink: inout ByteSink) {
    for k in 0..<4 { sink.append(UInt8(truncatingIfNeeded: word >> UInt32(8 * k))) }
  }

  private static func writeStrings(_ parts: [Tensor], _ shape: [Int], into sink: inout ByteSink) {
    let width = parts.reduce(1) { widest, part in
      part.strings.reduce(widest) { max($0, $1.unicodeScalars.count) }
    }
    writeHeader("<U\(width)", shape, into: &sink)
    for part in parts {
      for text in part.strings {
        var written = 0
        for scalar in text.unicodeScalars {
          append(scalar.value, &sink)
          written += 1
        }
        for _ in written..<width { append(0, &sink) }
      }
    }
  }
}
