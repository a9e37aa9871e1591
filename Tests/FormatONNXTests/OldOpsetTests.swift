import InferenceGraph
import TensorCore
import Testing

/// Definitions that newer opsets have replaced.
@Suite struct OldOpsetTests {
  let x: Tensor

  init() throws { x = try Tensor([Float(1), 2, 3, 4, 5, 6], shape: [2, 3]) }

  private func one(
    _ op: String, _ attributes: [String: TestAttribute], opset: Int, _ initializers: [(String, TestTensor)] = [],
    outputs: Int = 1
  ) throws -> [Tensor] {
    let names = (0..<outputs).map { "y\($0)" }
    return try TestGraph(
      inputs: [TestPort("x", 1, ["2", "3"])], outputs: names.map { TestPort($0) },
      initializers: Dictionary(uniqueKeysWithValues: initializers),
      nodes: [TestNode(op, ["x"] + initializers.map(\.0), names, attributes)]
    ).run([x], opset: opset).compactMap(\.tensor)
  }

  @Test func sliceTakesAttributes() throws {
    let y = try one("Slice", ["starts": .ints([-2]), "ends": .ints([99]), "axes": .ints([1])], opset: 1)[0]
    #expect(y.shape == [2, 2])
    #expect(y.array(of: Float.self) == [2, 3, 5, 6])
  }

  @Test func padTakesAttributes() throws {
    for (opset, name) in [(1, "paddings"), (2, "pads")] {
      let y = try one("Pad", [name: .ints([0, 1, 0, 0]), "value": .float(9)], opset: opset)[0]
      #expect(y.array(of: Float.self) == [9, 1, 2, 3, 9, 4, 5, 6])
    }
  }

  @Test func splitTakesAttributes() throws {
    let parts = try one("Split", ["axis": .int(1), "split": .ints([1, 2])], opset: 2, outputs: 2)
    #expect(parts.map { $0.array(of: Float.self) } == [[1, 4], [2, 3, 5, 6]])
  }

  @Test func reshapeTakesAnAttribute() throws {
    #expect(try one("Reshape", ["shape": .ints([3, -1])], opset: 1)[0].shape == [3, 2])
  }

  @Test func unsqueezeAndSqueezeTakeAttributes() throws {
    #expect(try one("Unsqueeze", ["axes": .ints([0, -1])], opset: 11)[0].shape == [1, 2, 3, 1])
    #expect(throws: GraphError.self) { try one("Squeeze", ["axes": .ints([0])], opset: 11) }
  }

  @Test func topKTakesAnAttribute() throws {
    let found = try one("TopK", ["k": .int(2)], opset: 1, outputs: 2)
    #expect(found[0].array(of: Float.self) == [3, 2, 6, 5])
    #expect(found[1].array(of: Int64.self) == [2, 1, 2, 1])
  }

  @Test func tileRepeatsOneAxis() throws {
    let y = try one("Tile", [:], opset: 1, [("times", .ints([2])), ("axis", .ints([1]))])[0]
    #expect(y.array(of: Float.self) == [1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6])
  }

  @Test func concatHasADefaultAxis() throws {
    let y = try one("Concat", [:], opset: 1, [("more", .floats([7, 8], [2, 1]))])[0]
    #expect(y.array(of: Float.self) == [1, 2, 3, 7, 4, 5, 6, 8])
    #expect(throws: GraphError.self) { try one("Concat", [:], opset: 4) }
  }

  @Test func dropoutPassesAndItsMaskHasTheDataType() throws {
    let found = try one("Dropout", [:], opset: 7, outputs: 2)
    #expect(found[0].array(of: Float.self) == x.array(of: Float.self))
    #expect(found[1].array(of: Float.self) == [1, 1, 1, 1, 1, 1])
    #expect(try one("Dropout", [:], opset: 10, outputs: 2)[1].dtype == .bool)
  }

  @Test func scatterIsScatterElements() throws {
    let y = try one(
      "Scatter", ["axis": .int(1)], opset: 9, [("at", .ints([2, 0], [2, 1])), ("new", .floats([8, 9], [2, 1]))])[0]
    #expect(y.array(of: Float.self) == [1, 2, 8, 9, 5, 6])
  }
}
