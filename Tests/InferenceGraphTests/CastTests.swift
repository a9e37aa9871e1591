import InferenceGraph
import TensorCore
import Testing

@Suite struct CastTests {
  @Test func floatsOutOfRangeAreClampedAndNaNIsZero() throws {
    let x = Tensor([Float.nan, .infinity, -.infinity, 1e30, -1e30, 2.9, -2.9])
    #expect(
      try output(Cast(to: .int64), [x]).array(of: Int64.self) == [0, .max, .min, .max, .min, 2, -2])
    #expect(try output(Cast(to: .int8), [x]).array(of: Int8.self) == [0, 127, -128, 127, -128, 2, -2])
    #expect(try output(Cast(to: .uint64), [x]).array(of: UInt64.self) == [0, .max, 0, .max, 0, 2, 0])
    #expect(try output(Cast(to: .bool), [x]).array(of: Bool.self) == [true, true, true, true, true, true, true])
  }

  @Test func integersLoseTheirHighBits() throws {
    let x = Tensor([Int16(200), -1, 300])
    #expect(try output(Cast(to: .int8), [x]).array(of: Int8.self) == [-56, -1, 44])
    #expect(try output(Cast(to: .uint8), [x]).array(of: UInt8.self) == [200, 255, 44])
  }

  @Test func textIsReadAsNumbersOrRefused() throws {
    let text = try Tensor(strings: ["3.14", "1e-5", "+INF", "-inf", "NaN", "7"], shape: [6])
    let numbers = try #require(try output(Cast(to: .float64), [text]).array(of: Double.self))
    #expect(numbers[0] == 3.14 && numbers[1] == 1e-5 && numbers[2] == .infinity && numbers[3] == -.infinity)
    #expect(numbers[4].isNaN && numbers[5] == 7)
    let big = try Tensor(strings: ["9007199254740993", "100.5"], shape: [2])
    #expect(try output(Cast(to: .int64), [big]).array(of: Int64.self) == [9_007_199_254_740_993, 100])
    #expect(throws: GraphError.self) {
      try output(Cast(to: .float32), [try Tensor(strings: ["Hello"], shape: [1])])
    }
  }

  @Test func numbersAreWrittenWithoutTrailingZeros() throws {
    let x = Tensor([Float(1), 0.5, 314.15926, .infinity, -.infinity, .nan])
    #expect(Array(try output(Cast(to: .string), [x]).strings) == ["1", "0.5", "314.15927", "INF", "-INF", "NaN"])
    #expect(
      Array(try output(Cast(to: .string), [Tensor([1.0 / 3, 1e300, 0.1])]).strings) == ["0.33333333", "1e+300", "0.1"])
    #expect(Array(try output(Cast(to: .string), [Tensor([Int64.min])]).strings) == ["-9223372036854775808"])
  }

  /// Greatest finite numbers as the OCP specifications and the FNUZ paper state them.
  @Test(arguments: [
    (DType.float8E4M3FN, Float(448)), (.float8E4M3FNUZ, 240), (.float8E5M2, 57344), (.float8E5M2FNUZ, 57344),
    (.float4E2M1, 6),
  ])
  func smallFloatsReachTheirLimitsAndComeBack(_ dtype: DType, _ greatest: Float) throws {
    let x = Tensor([Float(1e9), -1e9, greatest, 1, -1, 0])
    let small = try output(Cast(to: dtype), [x])
    #expect(
      try output(Cast(to: .float32), [small]).array(of: Float.self) == [greatest, -greatest, greatest, 1, -1, 0])
    let codes = dtype == .float4E2M1 ? 16 : 256
    let every = try Tensor(
      dtype: dtype, shape: [codes], storage: Tensor((0..<codes).map { UInt8($0) }).storage)
    let values = try output(Cast(to: .float32), [every])
    let back = try output(Cast(to: dtype), [values])
    for (code, value) in (try #require(values.array(of: Float.self))).enumerated() where value.isFinite {
      #expect(Int(back.unsafeBytes[code]) == code, "\(dtype) \(code)")
    }
  }

  @Test func doublesAreRoundedOnce() throws {
    // Halfway between two bfloat16 once it is a float, but below halfway as it stands.
    let x = Tensor([1 + 0x1p-8 - 0x1p-40])
    #expect(try output(Cast(to: .float32), [output(Cast(to: .bfloat16), [x])]).array(of: Float.self) == [1])
    let above = Tensor([1 + 0x1p-8 + 0x1p-40])
    #expect(
      try output(Cast(to: .float32), [output(Cast(to: .bfloat16), [above])]).array(of: Float.self) == [1 + 0x1p-7])
  }

  @Test func bitsAreKeptOnlyWhereWidthsAgree() throws {
    #expect(try output(BitCast(to: .int32), [Tensor([Float(1)])]).array(of: Int32.self) == [0x3F80_0000])
    #expect(throws: GraphError.self) { try output(BitCast(to: .int64), [Tensor([Float(1)])]) }
    #expect(throws: GraphError.self) { try output(BitCast(to: .string), [Tensor([Float(1)])]) }
  }
}
