import FormatONNX
import InferenceGraph
import ModelFormats
import TensorCore
import Testing

@Suite struct GraphReaderTests {
  private let files = TestFiles()

  private func failure(_ model: [UInt8]) -> String { message { _ = try files.load(model) } }

  private let x = ProtoWriter.value("x", [2])
  private let y = ProtoWriter.value("y", [2])

  // MARK: Names

  @Test func aNameDefinedTwiceIsRefused() {
    let twice = ProtoWriter.graph(
      nodes: [.node("Relu", ["x"], ["y"], name: "first"), .node("Abs", ["x"], ["y"], name: "second")],
      inputs: [x], outputs: [y])
    let got = failure(.model(twice))
    #expect(got.contains("second") && got.contains("\"y\""), "\(got)")
    let input = ProtoWriter.graph(nodes: [.node("Relu", ["x"], ["x"])], inputs: [x], outputs: [x])
    #expect(failure(.model(input)).contains("\"x\""))
    let inputs = ProtoWriter.graph(nodes: [.node("Relu", ["x"], ["y"])], inputs: [x, x], outputs: [y])
    #expect(failure(.model(inputs)).contains("declared twice"))
    let constants = ProtoWriter.graph(
      nodes: [.node("Add", ["x", "c"], ["y"])], inputs: [x], outputs: [y],
      initializers: [
        .tensor("c", type: 1, dims: []) { $0.float(4, 1) }, .tensor("c", type: 1, dims: []) { $0.float(4, 2) },
      ]
    )
    #expect(failure(.model(constants)).contains("\"c\""))
    let outputs = ProtoWriter.graph(
      nodes: [.node("Split", ["x"], ["y", "y"], name: "halves")], inputs: [x], outputs: [y])
    #expect(failure(.model(outputs)).contains("\"y\""))
  }

  @Test func anInitializerMayBeTheDefaultOfAnInput() throws {
    // IR below 4 lists every initializer among the inputs.
    let graph = ProtoWriter.graph(
      nodes: [.node("Add", ["x", "c"], ["y"])], inputs: [x, .value("c", [])], outputs: [y],
      initializers: [.tensor("c", type: 1, dims: []) { $0.float(4, 1) }])
    let loaded = try files.load(.model(graph, ir: 3)).graph
    #expect(loaded.inputs.map { loaded[$0].name } == ["x"])
  }

  @Test func nodesOutOfOrderAreSorted() throws {
    let graph = ProtoWriter.graph(
      nodes: [
        .node("Relu", ["h"], ["y"], name: "late"), .node("Neg", ["g"], ["h"], name: "middle"),
        .node("Abs", ["x"], ["g"], name: "early"),
      ], inputs: [x], outputs: [y])
    let loaded = try files.load(.model(graph)).graph
    #expect(loaded.nodes.map(\.name) == ["early", "middle", "late"])
  }

  @Test func cyclesNameANode() {
    let cycle = ProtoWriter.graph(
      nodes: [.node("Relu", ["b"], ["a"], name: "one"), .node("Abs", ["a"], ["b"], name: "two")],
      outputs: [.value("b", [])])
    #expect(failure(.model(cycle)).contains("one"))
    let own = ProtoWriter.graph(nodes: [.node("Relu", ["a"], ["a"], name: "self")], outputs: [.value("a", [])])
    #expect(failure(.model(own)).contains("self"))
  }

  @Test func missingValuesAreNamed() {
    let input = ProtoWriter.graph(nodes: [.node("Relu", ["gone"], ["y"], name: "r")], outputs: [y])
    let got = failure(.model(input))
    #expect(got.contains("\"gone\"") && got.contains("\"r\""), "\(got)")
    let output = ProtoWriter.graph(nodes: [.node("Relu", ["x"], ["h"])], inputs: [x], outputs: [y])
    #expect(failure(.model(output)).contains("\"y\""))
    let required = ProtoWriter.graph(nodes: [.node("Add", ["x"], ["y"], name: "sum")], inputs: [x], outputs: [y])
    #expect(failure(.model(required)).contains("sum"))
    let surplus = ProtoWriter.graph(
      nodes: [.node("Relu", ["x"], ["y", "z"], name: "r")], inputs: [x], outputs: [y])
    #expect(failure(.model(surplus)).contains("\"z\""))
  }

  @Test func anUnknownOperatorIsNamedWithItsNodeInputsAndOpset() {
    let graph = ProtoWriter.graph(
      nodes: [.node("Frobnicate", ["x"], ["y"], name: "f1", domain: "com.example")], inputs: [x], outputs: [y])
    let got = failure(.model(graph, opsets: [("", 17), ("com.example", 3)]))
    for part in ["com.example.Frobnicate", "opset 3", "f1", "float32[2]"] { #expect(got.contains(part), "\(got)") }
  }

  @Test func opsetsThatContradictEachOtherAreRefused() throws {
    let graph = ProtoWriter.graph(nodes: [.node("Relu", ["x"], ["y"])], inputs: [x], outputs: [y])
    #expect(failure(.model(graph, opsets: [("", 17), ("ai.onnx", 11)])).contains("opsets 17 and 11"))
    _ = try files.load(.model(graph, opsets: [("", 17), ("ai.onnx", 17)]))
  }

  // MARK: Depth

  @Test func graphsNestedTooDeepAreRefused() {
    var chain = ProtoWriter.graph(nodes: [])
    for _ in 0..<500 {
      let body = chain
      chain = ProtoWriter.graph(nodes: [.node("If", ["c"], ["r"], [.attribute(graph: body, "then_branch")])])
    }
    #expect(failure(.model(chain)).contains("nested more than"))
  }

  @Test func typesNestedTooDeepAreRefused() {
    var type = ProtoWriter { $0.message(1) { $0.int(1, 1) } }
    for _ in 0..<2000 {
      let element = type
      type = ProtoWriter { $0.message(4) { $0.message(1, element) } }
    }
    let nested = type
    let input = ProtoWriter {
      $0.text(1, "x")
      $0.message(2, nested)
    }
    let graph = ProtoWriter.graph(nodes: [], inputs: [input])
    #expect(failure(.model(graph)).contains("types are nested"))
  }

  @Test func aBranchReadsTheGraphAroundIt() throws {
    let branch = ProtoWriter.graph(nodes: [.node("Relu", ["x"], ["b"])], outputs: [.value("b", [2])])
    let graph = ProtoWriter.graph(
      nodes: [
        .node("If", ["c"], ["y"], [.attribute(graph: branch, "then_branch"), .attribute(graph: branch, "else_branch")])
      ], inputs: [x, .value("c", [], type: 9)], outputs: [y])
    _ = try files.load(.model(graph))
    let lost = ProtoWriter.graph(nodes: [.node("Relu", ["nowhere"], ["b"], name: "in")], outputs: [.value("b", [2])])
    let bad = ProtoWriter.graph(
      nodes: [
        .node("If", ["c"], ["y"], [.attribute(graph: lost, "then_branch"), .attribute(graph: lost, "else_branch")])
      ], inputs: [x, .value("c", [], type: 9)], outputs: [y])
    #expect(failure(.model(bad)).contains("nowhere"))
  }

  // MARK: Functions

  private func calling(_ functions: [ProtoWriter], _ name: String, _ inputs: [String] = ["x"]) -> [UInt8] {
    .model(
      .graph(nodes: [.node(name, inputs, ["y"], name: "call", domain: "local")], inputs: [x], outputs: [y]),
      opsets: [("", 17), ("local", 1)], functions: functions)
  }

  @Test func functionsTakeTheirAttributesFromTheCall() throws {
    let leaky = ProtoWriter.node(
      "LeakyRelu", ["a"], ["b"],
      [
        ProtoWriter {
          $0.text(1, "alpha")
          $0.text(21, "slope")
          $0.int(20, 1)
        }
      ])
    _ = try files.load(calling([.function("F", ["a"], ["b"], [leaky])], "F"))
  }

  @Test func aFunctionThatCallsItselfIsRefused() {
    let own = ProtoWriter.function("F", ["a"], ["b"], [.node("F", ["a"], ["b"], domain: "local")])
    #expect(failure(calling([own], "F")).contains("call itself"))
    let pair = [
      ProtoWriter.function("F", ["a"], ["b"], [.node("G", ["a"], ["b"], domain: "local")]),
      ProtoWriter.function("G", ["a"], ["b"], [.node("F", ["a"], ["b"], domain: "local")]),
    ]
    #expect(failure(calling(pair, "F")).contains("call itself"))
  }

  @Test func functionsThatMultiplyEachOtherAreRefused() {
    // 30 functions of two calls each: 2^30 nodes out of two kilobytes.
    var functions = [ProtoWriter.function("F0", ["a"], ["b"], [.node("Relu", ["a"], ["b"])])]
    for i in 1...30 {
      functions.append(
        .function(
          "F\(i)", ["a"], ["b"],
          [
            .node("F\(i - 1)", ["a"], ["h"], domain: "local"), .node("F\(i - 1)", ["h"], ["b"], domain: "local"),
          ]))
    }
    #expect(failure(calling(functions, "F30")).contains("expand to more than"))
  }

  @Test func unsoundFunctionsAreRefused() {
    let body = [ProtoWriter.node("Relu", ["a"], ["b"])]
    #expect(
      failure(calling([.function("F", ["a"], ["b"], body), .function("F", ["a"], ["b"], body)], "F"))
        .contains("defined twice"))
    #expect(failure(calling([.function("F", ["a"], ["b"], body)], "F", ["x", "x"])).contains("takes 1"))
    #expect(failure(calling([.function("F", ["a"], ["gone"], body)], "F")).contains("\"gone\""))
    #expect(failure(calling([.function("F", ["a", "a"], ["b"], body)], "F")).contains("\"a\""))
    #expect(failure(calling([.function("F", ["a"], ["b"], body + body)], "F")).contains("\"b\""))
  }
}
