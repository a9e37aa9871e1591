import InferenceGraph
import TensorCore
import Testing

/// Model-local functions: a call is its body, whatever attributes, inputs and graphs it is given.
@Suite struct FunctionTests {
  private let x = TestPort("x", 1, ["n"])
  private let y = TestPort("y", 1, nil)

  private func call(
    _ nodes: [TestNode], _ functions: [TestFunction], _ input: [Float] = [1, 2, 3], inputs: [TestPort]? = nil
  ) throws -> [Float] {
    let graph = TestGraph(inputs: inputs ?? [x], outputs: [y], nodes: nodes)
    return try graph.run([Tensor(input)], domains: ["local"], functions: functions)[0].tensor?.array(of: Float.self)
      ?? []
  }

  private func message(_ nodes: [TestNode], _ functions: [TestFunction]) -> String {
    do { return "\(try call(nodes, functions))" } catch { return "\(error)" }
  }

  private func leaky(_ attributes: [String: TestAttribute] = [:], overload: String = "") -> TestNode {
    TestNode("Leaky", ["x"], ["y"], attributes, domain: "local", overload: overload)
  }

  private let body = TestFunction(
    name: "Leaky", inputs: ["a"], outputs: ["b"], defaults: ["slope": .float(0.5)],
    nodes: [TestNode("LeakyRelu", ["a"], ["b"], ["alpha": .reference("slope", type: 1)])])

  @Test func anAttributeIsTheCallsOrElseTheDefault() throws {
    #expect(try call([leaky()], [body], [-2, 4]) == [-1, 4])
    #expect(try call([leaky(["slope": .float(0.25)])], [body], [-2, 4]) == [-0.5, 4])
  }

  @Test func anAttributeWithoutValueOrDefaultIsLeftOut() throws {
    var body = body
    body.defaults = [:]
    let got = try call([leaky()], [body], [-100])
    #expect(abs(got[0] + 1) < 1e-5)
  }

  @Test func anOverloadIsTheFunctionOfThatVariant() throws {
    let double = TestFunction(
      name: "Leaky", inputs: ["a"], outputs: ["b"], overload: "double", nodes: [TestNode("Add", ["a", "a"], ["b"])])
    #expect(try call([leaky()], [double, body], [-2]) == [-1])
    #expect(try call([leaky(overload: "double")], [double, body], [-2]) == [-4])
    #expect(message([leaky(overload: "other")], [double, body]).contains("local.Leaky"))
  }

  @Test func aFunctionHandsItsAttributeToTheFunctionItCalls() throws {
    let outer = TestFunction(
      name: "Outer", inputs: ["a"], outputs: ["c"], defaults: ["steepness": .float(0.125)],
      nodes: [
        TestNode("Leaky", ["a"], ["b"], ["slope": .reference("steepness", type: 1)], domain: "local"),
        TestNode("Neg", ["b"], ["c"]),
      ])
    let node = TestNode("Outer", ["x"], ["y"], domain: "local")
    #expect(try call([node], [outer, body], [-8, 1]) == [1, -1])
    var other = node
    other.attributes = ["steepness": .float(1)]
    #expect(try call([other], [outer, body], [-8, 1]) == [8, -1])
  }

  @Test func aBodyMeansTheOpsetThatItImports() throws {
    // `axes` of Squeeze is an attribute up to opset 12.
    let old = TestFunction(
      name: "Flat", inputs: ["a"], outputs: ["c"], opset: 11,
      nodes: [
        TestNode("Unsqueeze", ["a"], ["b"], ["axes": .ints([0])]),
        TestNode("ReduceSum", ["b"], ["c"], ["axes": .ints([1]), "keepdims": .int(0)]),
      ])
    #expect(try call([TestNode("Flat", ["x"], ["y"], domain: "local")], [old]) == [6])
  }

  @Test func aGraphInsideABodySeesItsInputsAndAttributes() throws {
    let then = TestGraph(
      outputs: [TestPort("t")], nodes: [TestNode("LeakyRelu", ["a"], ["t"], ["alpha": .reference("slope", type: 1)])])
    let otherwise = TestGraph(outputs: [TestPort("e")], nodes: [TestNode("Neg", ["a"], ["e"])])
    let choice = TestFunction(
      name: "Choice", inputs: ["a", "k"], outputs: ["b"], defaults: ["slope": .float(0.5)],
      nodes: [
        TestNode("ReduceMax", ["k"], ["most"], ["keepdims": .int(0)]),
        TestNode("Constant", [], ["zero"], ["value": .tensor(.floats([0], []))]),
        TestNode("Greater", ["most", "zero"], ["is"]),
        TestNode("If", ["is"], ["b"], ["then_branch": .graph(then), "else_branch": .graph(otherwise)]),
      ])
    let node = TestNode("Choice", ["x", "x"], ["y"], ["slope": .float(0.25)], domain: "local")
    #expect(try call([node], [choice], [-4, 1]) == [-1, 1])
    #expect(try call([node], [choice], [-4, -1]) == [4, 1])
  }

  @Test func aFunctionIsCalledInsideAGraphOfANode() throws {
    let then = TestGraph(outputs: [TestPort("t")], nodes: [TestNode("Leaky", ["x"], ["t"], domain: "local")])
    let otherwise = TestGraph(outputs: [TestPort("e")], nodes: [TestNode("Identity", ["x"], ["e"])])
    let nodes = [
      TestNode("ReduceMax", ["x"], ["most"], ["keepdims": .int(0)]),
      TestNode("Constant", [], ["zero"], ["value": .tensor(.floats([0], []))]),
      TestNode("Greater", ["most", "zero"], ["is"]),
      TestNode("If", ["is"], ["y"], ["then_branch": .graph(then), "else_branch": .graph(otherwise)]),
    ]
    #expect(try call(nodes, [body], [-4, 1]) == [-2, 1])
    #expect(try call(nodes, [body], [-4, -1]) == [-4, -1])
  }

  @Test func anInputThatACallLeavesOutIsAbsentInTheBody() throws {
    let limited = TestFunction(
      name: "Limited", inputs: ["a", "low", "high"], outputs: ["b"],
      nodes: [TestNode("Clip", ["a", "low", "high"], ["b"])])
    let nodes = [
      TestNode("Constant", [], ["two"], ["value": .tensor(.floats([2], []))]),
      TestNode("Limited", ["x", "", "two"], ["y"], domain: "local"),
    ]
    #expect(try call(nodes, [limited], [-5, 1, 9]) == [-5, 1, 2])
    #expect(try call([TestNode("Limited", ["x"], ["y"], domain: "local")], [limited], [-5, 9]) == [-5, 9])
  }

  @Test func aFunctionThatCallsItselfIsRefused() {
    func calls(_ name: String, _ other: String) -> TestFunction {
      TestFunction(name: name, inputs: ["a"], outputs: ["b"], nodes: [TestNode(other, ["a"], ["b"], domain: "local")])
    }
    let node = TestNode("F", ["x"], ["y"], domain: "local")
    #expect(message([node], [calls("F", "F")]).contains("does it call itself"))
    #expect(message([node], [calls("F", "G"), calls("G", "F")]).contains("does it call itself"))
  }

  @Test func aFunctionThatTheModelLacksIsNamed() {
    #expect(message([TestNode("Missing", ["x"], ["y"], domain: "local")], []).contains("local.Missing"))
  }

  @Test func moreInputsThanAFunctionTakesAreRefused() {
    #expect(message([TestNode("Leaky", ["x", "x"], ["y"], domain: "local")], [body]).contains("takes 1"))
  }
}
