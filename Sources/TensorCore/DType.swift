/// The element kinds of a tensor: the union of what ONNX (IR 14), NumPy and safetensors can name.
///
/// Elements narrower than a byte (`int4`, `uint4`, `int2`, `uint2`, `float4E2M1`) take one byte each in memory, in the
/// low bits, sign-extended for the signed ones; formats pack and unpack them at their border.
public enum DType: UInt8, CaseIterable, Hashable, Sendable {
  case float32, float64, float16, bfloat16
  case float8E4M3FN, float8E4M3FNUZ, float8E5M2, float8E5M2FNUZ, float8E8M0, float4E2M1
  case int8, int16, int32, int64
  case uint8, uint16, uint32, uint64
  case int4, uint4, int2, uint2
  case bool, string
  case complex64, complex128

  /// Bytes that one element takes in memory. Zero for `string`, whose elements are not bytes.
  @inlinable public var byteWidth: Int {
    switch self {
    case .float64, .int64, .uint64, .complex64: 8
    case .float32, .int32, .uint32: 4
    case .float16, .bfloat16, .int16, .uint16: 2
    case .complex128: 16
    case .string: 0
    default: 1
    }
  }

  /// The name that NumPy and ONNX documentation use, such as `float32` or `float8e4m3fn`.
  public var name: String {
    switch self {
    case .float32: "float32"
    case .float64: "float64"
    case .float16: "float16"
    case .bfloat16: "bfloat16"
    case .float8E4M3FN: "float8e4m3fn"
    case .float8E4M3FNUZ: "float8e4m3fnuz"
    case .float8E5M2: "float8e5m2"
    case .float8E5M2FNUZ: "float8e5m2fnuz"
    case .float8E8M0: "float8e8m0"
    case .float4E2M1: "float4e2m1"
    case .int8: "int8"
    case .int16: "int16"
    case .int32: "int32"
    case .int64: "int64"
    case .uint8: "uint8"
    case .uint16: "uint16"
    case .uint32: "uint32"
    case .uint64: "uint64"
    case .int4: "int4"
    case .uint4: "uint4"
    case .int2: "int2"
    case .uint2: "uint2"
    case .bool: "bool"
    case .string: "string"
    case .complex64: "complex64"
    case .complex128: "complex128"
    }
  }

  /// True for every real floating-point kind.
  @inlinable public var isFloatingPoint: Bool { rawValue <= DType.float4E2M1.rawValue }

  /// True for every signed or unsigned integer kind, `bool` excluded.
  @inlinable public var isInteger: Bool { rawValue >= DType.int8.rawValue && rawValue <= DType.uint2.rawValue }

  /// True for the integer kinds that hold no negative number.
  @inlinable public var isUnsigned: Bool {
    switch self {
    case .uint8, .uint16, .uint32, .uint64, .uint4, .uint2: true
    default: false
    }
  }
}

extension DType: CustomStringConvertible {
  public var description: String { name }
}
