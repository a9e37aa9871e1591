import FormatONNX
import InferenceGraph
import TensorCore
import Testing

@Suite struct ControlFlowTests {
  static let yes = Tensor(scalar: true)
  static let no = Tensor(scalar: false)

  /// `If` on input `c` whose branches are given; reads float input `x`.
  private func branching(_ then: TestGraph, _ otherwise: TestGraph, _ initializers: [String: TestTensor] = [:])
    -> TestGraph
  {
    TestGraph(
      inputs: [TestPort("c", 9, []), TestPort("x", 1, ["n"])], outputs: [TestPort("y")], initializers: initializers,
      nodes: [TestNode("If", ["c"], ["y"], ["then_branch": .graph(then), "else_branch": .graph(otherwise)])])
  }

  @Test func branchesReadValuesAroundThem() throws {
    let then = TestGraph(outputs: [TestPort("a")], nodes: [TestNode("Concat", ["x", "x"], ["a"], ["axis": .int(0)])])
    let otherwise = TestGraph(outputs: [TestPort("x")], nodes: [])
    let graph = branching(then, otherwise)
    #expect(try graph.elements([Self.yes, Tensor([Float(1), 2])]) == [[Float(1), 2, 1, 2]])
    #expect(try graph.elements([Self.no, Tensor([Float(1), 2])]) == [[Float(1), 2]])
  }

  @Test func aBranchMayReturnAConstantOrAnInitializerOfItsOwn() throws {
    let then = TestGraph(outputs: [TestPort("k")], initializers: ["k": .floats([7])], nodes: [])
    let otherwise = TestGraph(outputs: [TestPort("outer")], nodes: [])
    let graph = branching(then, otherwise, ["outer": .floats([9, 9])])
    #expect(try graph.elements([Self.yes, Tensor([Float(1)])]) == [[Float(7)]])
    #expect(try graph.elements([Self.no, Tensor([Float(1)])]) == [[Float(9), 9]])
  }

  @Test func namesInsideShadowNamesOutside() throws {
    let then = TestGraph(outputs: [TestPort("x")], nodes: [TestNode("Concat", ["x", "x"], ["x"], ["axis": .int(0)])])
    let otherwise = TestGraph(outputs: [TestPort("x")], initializers: ["x": .floats([5])], nodes: [])
    var graph = branching(then, otherwise)
    graph.outputs.append(TestPort("x"))
    #expect(try graph.elements([Self.yes, Tensor([Float(3)])]) == [[Float(3), 3], [3]])
    #expect(try graph.elements([Self.no, Tensor([Float(3)])]) == [[Float(5)], [3]])
  }

  @Test func capturesReachThroughSeveralGraphs() throws {
    let innermost = TestGraph(
      outputs: [TestPort("z")], nodes: [TestNode("Concat", ["x", "t"], ["z"], ["axis": .int(0)])])
    let middle = TestGraph(
      outputs: [TestPort("y2")],
      nodes: [
        TestNode("Concat", ["x", "x"], ["t"], ["axis": .int(0)]),
        TestNode("If", ["c"], ["y2"], ["then_branch": .graph(innermost), "else_branch": .graph(innermost)]),
      ])
    let graph = branching(middle, TestGraph(outputs: [TestPort("x")], nodes: []))
    #expect(try graph.elements([Self.yes, Tensor([Float(1)])]) == [[Float(1), 1, 1]])
  }

  @Test func aConstantConditionLeavesNoBranch() throws {
    let then = TestGraph(outputs: [TestPort("a")], nodes: [TestNode("Concat", ["x", "x"], ["a"], ["axis": .int(0)])])
    let otherwise = TestGraph(outputs: [TestPort("x")], nodes: [])
    var graph = branching(then, otherwise, ["c": .bool(true)])
    graph.inputs.removeFirst()
    let loaded = try graph.load()
    #expect(loaded.nodes.map(\.operator.name) == ["Concat"])
    #expect(loaded.fact(loaded.outputs[0]).shape == [.symbol("n") * 2])
    #expect(try graph.elements([Tensor([Float(4)])]) == [[Float(4), 4]])
  }

  @Test func namesOfAnInlinedBranchEndWithIt() {
    let then = TestGraph(outputs: [TestPort("a")], nodes: [TestNode("Concat", ["x", "x"], ["a"], ["axis": .int(0)])])
    var graph = branching(then, then, ["c": .bool(true)])
    graph.inputs.removeFirst()
    graph.nodes.append(TestNode("Transpose", ["a"], ["b"]))
    #expect(throws: ONNXError.self) { try graph.load() }
  }

  private func loop(_ body: TestGraph, _ inputs: [String], _ initializers: [String: TestTensor]) -> TestGraph {
    TestGraph(
      inputs: [TestPort("s", 1, ["n"])], outputs: [TestPort("last"), TestPort("all")], initializers: initializers,
      nodes: [TestNode("Loop", inputs, ["last", "all"], ["body": .graph(body)])])
  }

  /// Doubles the state by joining it with itself, and gives the turn as an element to stack.
  static var doubling: TestGraph {
    TestGraph(
      inputs: [TestPort("i", 7, []), TestPort("go", 9, []), TestPort("state", 1, ["n"])],
      outputs: [TestPort("go", 9, []), TestPort("next", 1, ["n"]), TestPort("i", 7, [])],
      nodes: [TestNode("Concat", ["state", "state"], ["next"], ["axis": .int(0)])])
  }

  @Test func stateMayGrowFromTurnToTurn() throws {
    let graph = loop(Self.doubling, ["m", "", "s"], ["m": .ints([3], [])])
    let out = try graph.run([Tensor([Float(1)])])
    #expect(out[0].tensor?.shape == [8])
    #expect(out[1].tensor?.array(of: Int64.self) == [0, 1, 2])
    // The body declares the state's extent by one name; it is not the same every time.
    let loaded = try graph.load()
    #expect(loaded.fact(loaded.outputs[0]).shape == [.unknown])
    #expect(loaded.fact(loaded.outputs[1]).shape == [3])
  }

  @Test func aLoopThatNeverRunsReturnsItsState() throws {
    let graph = loop(Self.doubling, ["m", "", "s"], ["m": .ints([0], [])])
    let out = try graph.run([Tensor([Float(1), 2])])
    #expect(out[0].tensor?.array(of: Float.self) == [1, 2])
    #expect(out[1].tensor?.shape == [0])
    #expect(out[1].tensor?.dtype == .int64)
  }

  @Test func aLoopEndsWhenItsConditionDoes() throws {
    var body = Self.doubling
    body.initializers = ["stop": .bool(false)]
    body.outputs[0] = TestPort("stop", 9, [])
    let graph = loop(body, ["", "yes", "s"], ["yes": .bool(true)])
    #expect(try graph.run([Tensor([Float(1)])])[0].tensor?.shape == [2])
  }

  @Test func whatTheLoopPassesGoesBeforeADefaultOfTheBody() throws {
    var body = Self.doubling
    body.initializers = ["state": .floats([100])]
    let graph = loop(body, ["m", "", "s"], ["m": .ints([1], [])])
    #expect(try graph.elements([Tensor([Float(2)])], of: Float.self)[0] == [2, 2])
  }

  @Test func aValueMayBeAnInputAndSeveralOutputs() throws {
    let graph = TestGraph(
      inputs: [TestPort("x", 1, ["n"])], outputs: [TestPort("x"), TestPort("i"), TestPort("j"), TestPort("k")],
      initializers: ["k": .floats([1])],
      nodes: [TestNode("Identity", ["x"], ["i"]), TestNode("Identity", ["i"], ["j"])])
    let session = try Session(Plan(PassTable.optimize(graph.load())))
    for value in [Float(3), 4] {
      let out = try session.run([.tensor(Tensor([value]))]).map { $0.tensor?.array(of: Float.self) ?? [] }
      #expect(out == [[value], [value], [value], [1]])
    }
  }

  @Test func bodiesThatDoNotFitAreRefused() {
    var body = Self.doubling
    body.outputs = [TestPort("go", 9, [])]
    let graph = loop(body, ["m", "", "s"], ["m": .ints([3], [])])
    #expect(throws: (any Error).self) { try graph.load() }
  }

  @Test func scanTakesAxesAndDirections() throws {
    let body = TestGraph(
      inputs: [TestPort("state", 1, ["k"]), TestPort("entry", 1, ["k"])],
      outputs: [TestPort("entry", 1), TestPort("same", 1)], nodes: [TestNode("Identity", ["entry"], ["same"])])
    let graph = TestGraph(
      inputs: [TestPort("s", 1, ["2"]), TestPort("x", 1, ["2", "n"])], outputs: [TestPort("last"), TestPort("all")],
      nodes: [
        TestNode(
          "Scan", ["s", "x"], ["last", "all"],
          [
            "body": .graph(body), "num_scan_inputs": .int(1), "scan_input_axes": .ints([1]),
            "scan_input_directions": .ints([1]), "scan_output_axes": .ints([-1]),
          ])
      ])
    let x = try Tensor([Float(1), 2, 3, 4, 5, 6], shape: [2, 3])
    let out = try graph.run([Tensor([Float(0), 0]), x])
    #expect(out[0].tensor?.array(of: Float.self) == [1, 4])
    #expect(out[1].tensor?.shape == [2, 3])
    #expect(out[1].tensor?.array(of: Float.self) == [3, 2, 1, 6, 5, 4])
    let loaded = try graph.load()
    #expect(loaded.fact(loaded.outputs[1]).shape == [2, .symbol("n")])
  }
}
