import InferenceGraph
import ModelFormats
import ModelLoading
import ModelTools
import Testing

/// Models that fuzzing found (`scripts/fuzz`): each trapped once, or never ended.
@Suite struct DamagedModelTests {
  private static let folder = #filePath.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/DamagedModels"

  /// Loads a model and runs it on made-up inputs.
  private func run(_ name: String) throws {
    let loaded = try ModelLoader().load("\(Self.folder)/\(name).onnx")
    let model = try PreparedModel(loaded)
    _ = try model.session.run(SyntheticInputs(batch: 2, free: 3).values(for: model), until: .now + .milliseconds(200))
  }

  @Test(arguments: [
    "attention-lengths-at-limits", "attention-mask-without-rank", "attention-query-scalar", "scan-of-scalars",
  ])
  func isRefused(_ name: String) { #expect(throws: (any Error).self) { try run(name) } }

  @Test(arguments: ["resize-of-nothing", "upsample-to-nothing"])
  func mayBeEmpty(_ name: String) throws { try run(name) }

  @Test(arguments: [
    "loop-for-ever", "range-for-ever", "convolution-for-hours", "depthwise-for-hours",
    "pool-for-hours", "pool-of-padding",
  ])
  func endsAtItsDeadline(_ name: String) {
    let error = #expect(throws: GraphError.self) { try run(name) }
    #expect(error?.code == .deadline, "\(name): \(error.map { "\($0)" } ?? "no error")")
  }
}
