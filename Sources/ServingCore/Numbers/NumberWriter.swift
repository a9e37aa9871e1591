import TensorCore

/// Writes runs of a tensor's elements as text.
enum NumberWriter {
  /// Appends elements `offset..<offset + count`, `separator` between them.
  ///
  /// For JSON strings are escaped and non-finite numbers quoted; else strings are CSV fields and non-finite numbers NumPy's
  /// `nan`, `inf` and `-inf`.
  static func write(
    _ tensor: Tensor, _ offset: Int, _ count: Int, separator: UInt8, forJSON: Bool, into sink: inout ByteSink
  ) {
    withExtendedLifetime(tensor.storage) {
      switch tensor.dtype {
      case .float32:
        each(tensor, Float.self, offset, count, separator, &sink) { sink, value in
          if value.isFinite { FloatText.append(value, &sink) } else { nonFinite(Double(value), forJSON, &sink) }
        }
      case .float64:
        each(tensor, Double.self, offset, count, separator, &sink) { sink, value in
          if value.isFinite { FloatText.append(value, &sink) } else { nonFinite(value, forJSON, &sink) }
        }
      case .float16:
        each(tensor, UInt16.self, offset, count, separator, &sink) { sink, bits in
          let value = NarrowFloat.double(float16Bits: bits)
          if value.isFinite { FloatText.append(Float(value), &sink) } else { nonFinite(value, forJSON, &sink) }
        }
      case .bfloat16:
        each(tensor, UInt16.self, offset, count, separator, &sink) { sink, bits in
          let value = BFloat16(bitPattern: bits).float
          if value.isFinite { FloatText.append(value, &sink) } else { nonFinite(Double(value), forJSON, &sink) }
        }
      case .int64: integers(tensor, Int64.self, offset, count, separator, &sink)
      case .int32: integers(tensor, Int32.self, offset, count, separator, &sink)
      case .int16: integers(tensor, Int16.self, offset, count, separator, &sink)
      case .int8, .int4, .int2: integers(tensor, Int8.self, offset, count, separator, &sink)
      case .uint64: integers(tensor, UInt64.self, offset, count, separator, &sink)
      case .uint32: integers(tensor, UInt32.self, offset, count, separator, &sink)
      case .uint16: integers(tensor, UInt16.self, offset, count, separator, &sink)
      case .uint8, .uint4, .uint2: integers(tensor, UInt8.self, offset, count, separator, &sink)
      case .bool:
        each(tensor, UInt8.self, offset, count, separator, &sink) { sink, value in
          if forJSON {
            if value != 0 { sink.append("true") } else { sink.append("false") }
          } else {
            sink.append(value != 0 ? 0x31 : 0x30)
          }
        }
      case .string:
        let strings = tensor.strings
        for i in 0..<count {
          if i > 0 { sink.append(separator) }
          let text = strings[strings.startIndex + offset + i]
          if forJSON { sink.append(jsonString: text) } else { sink.append(csvField: text) }
        }
      case .complex64:
        each(tensor, SIMD2<Float>.self, offset, count, separator, &sink) { sink, value in
          complex(Double(value.x), Double(value.y), forJSON, &sink)
        }
      case .complex128:
        each(tensor, (Double, Double).self, offset, count, separator, &sink) { sink, value in
          complex(value.0, value.1, forJSON, &sink)
        }
      case .float8E4M3FN, .float8E4M3FNUZ, .float8E5M2, .float8E5M2FNUZ, .float8E8M0, .float4E2M1:
        each(tensor, UInt8.self, offset, count, separator, &sink) { sink, bits in
          let value = SmallFloat.value(bits, tensor.dtype)
          if value.isFinite { FloatText.append(value, &sink) } else { nonFinite(Double(value), forJSON, &sink) }
        }
      }
    }
  }

  @inline(__always)
  private static func each<T: BitwiseCopyable>(
    _ tensor: Tensor, _ type: T.Type, _ offset: Int, _ count: Int, _ separator: UInt8, _ sink: inout ByteSink,
    _ body: (inout ByteSink, T) -> Void
  ) {
    let elements = tensor.unsafeElements(of: type)
    for i in 0..<count {
      if i > 0 { sink.append(separator) }
      body(&sink, elements[offset &+ i])
    }
  }

  @inline(__always)
  private static func integers<T: FixedWidthInteger & BitwiseCopyable>(
    _ tensor: Tensor, _ type: T.Type, _ offset: Int, _ count: Int, _ separator: UInt8, _ sink: inout ByteSink
  ) {
    each(tensor, type, offset, count, separator, &sink) { $0.append(integer: $1) }
  }

  private static func nonFinite(_ value: Double, _ forJSON: Bool, _ sink: inout ByteSink) {
    switch (value.isNaN, value.sign, forJSON) {
    case (true, _, true): sink.append("\"NaN\"")
    case (true, _, false): sink.append("nan")
    case (false, .plus, true): sink.append("\"Infinity\"")
    case (false, .plus, false): sink.append("inf")
    case (false, .minus, true): sink.append("\"-Infinity\"")
    case (false, .minus, false): sink.append("-inf")
    }
  }

  /// A complex number: `[real, imaginary]` in JSON, `(1+2j)` as NumPy prints it in CSV.
  private static func complex(_ real: Double, _ imaginary: Double, _ forJSON: Bool, _ sink: inout ByteSink) {
    func part(_ value: Double, _ sink: inout ByteSink) {
      if value.isFinite { FloatText.append(value, &sink) } else { nonFinite(value, forJSON, &sink) }
    }
    sink.append(forJSON ? UInt8(ascii: "[") : UInt8(ascii: "("))
    part(real, &sink)
    if forJSON {
      sink.append(UInt8(ascii: ","))
    } else if imaginary.sign == .plus || imaginary.isNaN {
      sink.append(UInt8(ascii: "+"))
    }
    part(imaginary, &sink)
    if forJSON { sink.append(UInt8(ascii: "]")) } else { sink.append("j)") }
  }
}

/// Values of the 8-bit and 4-bit floats (OCP and the FNUZ variants).
enum SmallFloat {
  static func value(_ bits: UInt8, _ dtype: DType) -> Float {
    switch dtype {
    case .float8E4M3FN: bits & 0x7F == 0x7F ? .nan : value(bits, exponentBits: 4, fractionBits: 3, bias: 7)
    case .float8E4M3FNUZ: bits == 0x80 ? .nan : value(bits, exponentBits: 4, fractionBits: 3, bias: 8)
    case .float8E5M2:
      bits & 0x7C == 0x7C
        ? (bits & 3 != 0 ? .nan : bits & 0x80 == 0 ? .infinity : -.infinity)
        : value(bits, exponentBits: 5, fractionBits: 2, bias: 15)
    case .float8E5M2FNUZ: bits == 0x80 ? .nan : value(bits, exponentBits: 5, fractionBits: 2, bias: 16)
    case .float8E8M0: bits == 0xFF ? .nan : Float(sign: .plus, exponent: Int(bits) - 127, significand: 1)
    default: value((bits & 8) << 4 | bits & 7, exponentBits: 2, fractionBits: 1, bias: 1)
    }
  }

  private static func value(_ bits: UInt8, exponentBits: Int, fractionBits: Int, bias: Int) -> Float {
    let fraction = Float(bits & (1 << UInt8(fractionBits) - 1)) / Float(1 << fractionBits)
    let exponent = Int(bits >> UInt8(fractionBits)) & (1 << exponentBits - 1)
    let magnitude =
      exponent == 0
      ? Float(sign: .plus, exponent: 1 - bias, significand: 1) * fraction
      : Float(sign: .plus, exponent: exponent - bias, significand: 1 + fraction)
    return bits & 0x80 == 0 ? magnitude : -magnitude
  }
}
