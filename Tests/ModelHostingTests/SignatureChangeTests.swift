import ModelHosting
import ServingCore
import TensorCore
import Testing

private func port(
  _ name: String, _ type: DType = .float32, _ dims: [Int?]? = [nil, 4], isRequired: Bool = true,
  names: [Int: String] = [:]
) -> ModelSignature.Port {
  ModelSignature.Port(name: name, type: .tensor(type), dims: dims, dimNames: names, isRequired: isRequired)
}

private func reason(
  _ inputs: [ModelSignature.Port], _ next: [ModelSignature.Port], outputs: [ModelSignature.Port] = [port("y")],
  _ nextOutputs: [ModelSignature.Port] = [port("y")]
) -> String? {
  ModelSignature(inputs: inputs, outputs: outputs)
    .reasonAgainst(ModelSignature(inputs: next, outputs: nextOutputs))
}

@Suite struct SignatureChanges {
  @Test func `the same signature takes the same calls`() {
    #expect(reason([port("x"), port("z", .int64, nil)], [port("x"), port("z", .int64, nil)]) == nil)
    #expect(reason([], [], outputs: [], []) == nil)
  }

  @Test func `another order of inputs or columns, or another first output`() {
    #expect(
      reason([port("x"), port("z", .int64, nil)], [port("z", .int64, nil), port("x")])
        == "the inputs are in another order")
    #expect(
      reason([port("x")], [port("x")], outputs: [port("y"), port("w")], [port("w"), port("y")])
        == "the first output is another one")
    let signature = ModelSignature(inputs: [port("x")], outputs: [port("y")], columns: ["a", "b"])
    var next = signature
    #expect(signature.reasonAgainst(next) == nil)
    next.columns = ["b", "a"]
    #expect(signature.reasonAgainst(next) == "the columns are others")
  }

  @Test func `an input that is gone or of another type`() {
    #expect(reason([port("x")], [port("X")]) == "input \"x\" is gone")
    #expect(reason([port("x")], [port("x", .float64)])?.hasPrefix("input \"x\" is ") == true)
    #expect(reason([port("x")], [])?.contains("gone") == true)
  }

  @Test func `extents may become free, not fixed`() {
    #expect(reason([port("x", .float32, [1, 4])], [port("x", .float32, [nil, 4])]) == nil)
    #expect(reason([port("x", .float32, [1, 4])], [port("x", .float32, nil)]) == nil)
    #expect(reason([port("x", .float32, nil)], [port("x", .float32, nil)]) == nil)
    #expect(
      reason([port("x", .float32, [nil, 4], names: [0: "batch"])], [port("x", .float32, [8, 4])])
        == "input \"x\" takes [8, 4], took [batch, 4]")
    #expect(
      reason([port("x", .float32, nil)], [port("x", .float32, [nil])]) == "input \"x\" takes [?], took any shape")
    #expect(reason([port("x", .float32, [nil])], [port("x", .float32, [nil, nil])]) != nil)
    #expect(reason([port("x", .float32, [4])], [port("x", .float32, [5])]) != nil)
  }

  @Test func `inputs may become optional, not required`() {
    let optional = port("x", isRequired: false)
    #expect(reason([port("x")], [optional]) == nil)
    #expect(reason([optional], [port("x")]) == "input \"x\" is required, was optional")
  }

  @Test func `new inputs must be optional`() {
    #expect(reason([port("x")], [port("x"), port("w", isRequired: false)]) == nil)
    #expect(reason([port("x")], [port("x"), port("w")]) == "input \"w\" is new and required")
  }

  @Test func `outputs may be added, not dropped or retyped`() {
    let inputs = [port("x")]
    #expect(reason(inputs, inputs, [port("y"), port("p")]) == nil)
    #expect(reason(inputs, inputs, [port("p")]) == "output \"y\" is gone")
    #expect(reason(inputs, inputs, [port("y", .string)])?.hasPrefix("output \"y\" is ") == true)
    #expect(reason(inputs, inputs, [port("y", .float32, [1])]) == nil)
  }
}
