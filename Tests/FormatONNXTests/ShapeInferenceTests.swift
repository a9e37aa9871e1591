import InferenceGraph
import TensorCore
import Testing

@Suite struct ShapeInferenceTests {
  let b = Dim.symbol("batch")
  let s = Dim.symbol("seq")

  private func shapes(
    _ inputs: [TestPort], _ initializers: [String: TestTensor], _ nodes: [TestNode], _ outputs: [String],
    opset: Int = 17
  ) throws -> [[Dim]?] {
    let graph = try TestGraph(
      inputs: inputs, outputs: outputs.map { TestPort($0) }, initializers: initializers, nodes: nodes
    ).load(opset: opset)
    return graph.outputs.map { graph.fact($0).shape }
  }

  /// What PyTorch writes for `x.view(b, s, 12, 64).permute(0, 2, 1, 3)` and back again.
  @Test func attentionHeadsAreFollowedThroughShapes() throws {
    let found = try shapes(
      [TestPort("x", 1, ["batch", "seq", "768"])],
      [
        "zero": .ints([0], []), "one": .ints([1], []), "axis0": .ints([0]), "heads": .ints([12]), "width": .ints([64]),
        "all": .ints([768]), "open": .ints([-1]), "two": .ints([2]),
      ],
      [
        TestNode("Shape", ["x"], ["sh"]), TestNode("Gather", ["sh", "zero"], ["b"]),
        TestNode("Shape", ["x"], ["sh2"]), TestNode("Gather", ["sh2", "one"], ["s"]),
        TestNode("Unsqueeze", ["b", "axis0"], ["b1"]), TestNode("Unsqueeze", ["s", "axis0"], ["s1"]),
        TestNode("Concat", ["b1", "s1", "heads", "width"], ["split"], ["axis": .int(0)]),
        TestNode("Reshape", ["x", "split"], ["y"]),
        TestNode("Transpose", ["y"], ["t"], ["perm": .ints([0, 2, 1, 3])]),
        TestNode("Transpose", ["t"], ["u"], ["perm": .ints([0, 2, 1, 3])]),
        TestNode("Concat", ["b1", "open", "all"], ["join"], ["axis": .int(0)]),
        TestNode("Reshape", ["u", "join"], ["z"]),
        TestNode("Slice", ["sh", "axis0", "two"], ["lead"]),
        TestNode("Concat", ["lead", "open"], ["flat"], ["axis": .int(0)]),
        TestNode("Reshape", ["u", "flat"], ["w"]),
      ], ["t", "z", "w"])
    #expect(found == [[b, 12, s, 64], [b, s, 768], [b, s, 768]])
  }

  @Test func expandFollowsShapesOfOtherTensors() throws {
    let found = try shapes(
      [TestPort("ids", 7, ["batch", "seq"]), TestPort("table", 1, ["512", "64"]), TestPort("row", 1, ["1", "seq"])],
      ["axes": .ints([0]), "one": .ints([1], []), "zero": .ints([0], []), "start": .ints([0]), "first": .ints([1])],
      [
        TestNode("Shape", ["ids"], ["sh"]), TestNode("Expand", ["row", "sh"], ["e"]),
        TestNode("Gather", ["sh", "one"], ["n"]), TestNode("Range", ["zero", "n", "one"], ["positions"]),
        TestNode("Gather", ["table", "positions"], ["g"]),
        TestNode("Unsqueeze", ["n", "axes"], ["end"]), TestNode("Slice", ["table", "start", "end", "axes"], ["cut"]),
        TestNode("ConstantOfShape", ["sh"], ["zeros"]), TestNode("Gather", ["table", "ids"], ["words"]),
        TestNode("Slice", ["words", "start", "first", "first"], ["cls"]),
      ], ["e", "g", "cut", "zeros", "words", "cls"])
    #expect(found == [[b, s], [s, 64], [s, 64], [b, s], [b, s, 64], [b, 1, 64]])
  }

  @Test func contradictionsAreNamedWhenTheModelIsLoaded() {
    #expect(throws: GraphError.self) {
      try shapes(
        [TestPort("x", 1, ["n", "6"])], ["k": .ints([6])], [TestNode("Gather", ["x", "k"], ["y"], ["axis": .int(1)])],
        ["y"])
    }
    let error = #expect(throws: GraphError.self) {
      try shapes(
        [TestPort("x", 1, ["3", "2"]), TestPort("y", 1, ["4", "2"])], [:],
        [TestNode("Concat", ["x", "y"], ["z"], ["axis": .int(1)])], ["z"])
    }
    #expect(error?.description.contains("Concat node") == true)
  }
}
