import FormatONNX
import InferenceGraph
import ModelFormats
import Testing

/// What is left of models with `DequantizeLinear` and `QuantizeLinear` after the passes; their answers are compared by
/// `swiftlet conformance Tests/Fixtures`.
@Suite struct QuantizationFusionTests {
  private static let folder =
    #filePath.split(separator: "/").dropLast(2).reduce("") { "\($0)/\($1)" } + "/Fixtures/quantized"

  private func operators(_ name: String) throws -> [String] {
    let loaded = try ONNXFormat.load(path: "\(Self.folder)/\(name)/model.onnx")
    return try PassTable.optimize(loaded.graph).nodes.map(\.operator.name)
  }

  @Test(arguments: [
    "conv_unsigned", "conv_signed", "conv_unsigned_weights", "conv_by_channel", "conv_groups",
    "conv_relu_at_the_end_of_the_range",
  ])
  func convolutionsAreOneNode(_ name: String) throws {
    #expect(try operators(name) == ["QuantizeLinear", "QLinearConv"])
  }

  @Test(arguments: ["conv_relu_within_the_range", "conv_clip"])
  func limitsWithinTheRangeAreKept(_ name: String) throws {
    #expect(try operators(name) == ["QuantizeLinear", "QLinearConv", "Clip"])
  }

  @Test(arguments: [
    "matmul_unsigned", "matmul_signed", "matmul_unsigned_weights", "matmul_to_float", "gemm_unsigned",
    "gemm_transposed_by_row", "gemm_to_float",
  ])
  func productsAreOneNode(_ name: String) throws {
    #expect(try operators(name) == ["QuantizeLinear", "QuantizedLinear"])
  }

  @Test func movementKeepsTheIntegers() throws {
    #expect(try operators("movement_within_one_unit") == ["QuantizeLinear", "Transpose", "Flatten"])
    #expect(try operators("movement_to_another_unit").filter { $0 == "QuantizeLinear" }.count == 2)
  }

  @Test(arguments: [
    "conv_read_twice", "conv_depthwise", "gemm_scaled", "conv_bias_between_units", "conv_unit_without_end",
  ])
  func theRestStaysInFloats(_ name: String) throws {
    #expect(try operators(name).contains { $0 == "Conv" || $0 == "Gemm" })
  }
}
