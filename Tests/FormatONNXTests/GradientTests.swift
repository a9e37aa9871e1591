import InferenceGraph
import TensorCore
import Testing

/// `Gradient` of `ai.onnx.preview.training` against central differences of the same graph in double precision.
@Suite struct GradientTests {
  private static let training = "ai.onnx.preview.training"

  /// Nodes that compute `f` from `x` and, where it has extents, `w`.
  struct Function: Sendable, CustomStringConvertible {
    var name: String
    var nodes: [TestNode]
    var x: [Int] = [2, 3]
    var w: [Int]?
    var constants: [String: TestTensor] = [:]

    init(
      _ op: String, x: [Int] = [2, 3], w: [Int]? = nil, _ attributes: [String: TestAttribute] = [:],
      constants: [(String, TestTensor)] = [], leading: [String] = []
    ) {
      name = "\(op) \(x) \(w ?? []) \(attributes.keys.sorted())"
      nodes = [TestNode(op, leading + ["x"] + (w == nil ? [] : ["w"]) + constants.map(\.0), ["f"], attributes)]
      self.x = x
      self.w = w
      self.constants = Dictionary(constants) { $1 }
    }

    var description: String { name }
  }

  static let functions: [Function] =
    [
      "Abs", "Neg", "Relu", "Sqrt", "Reciprocal", "Exp", "Log", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh",
      "Cosh", "Tanh", "Asinh", "Atanh", "Sigmoid", "Erf", "Softplus", "Softsign", "Gelu", "Swish", "Elu", "LeakyRelu",
      "Floor", "Flatten", "Transpose", "Identity",
    ].map { Function($0) }
    + ["Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "PRelu"].flatMap {
      [Function($0, w: [2, 3]), Function($0, w: [3]), Function($0, x: [2, 1, 3], w: $0 == "PRelu" ? [1] : [2, 1])]
    }
    + [
      Function("MatMul", w: [3, 4]), Function("MatMul", x: [3], w: [3, 4]), Function("MatMul", w: [3]),
      Function("MatMul", x: [3], w: [3]), Function("MatMul", x: [2, 2, 3], w: [3, 4]),
      Function("MatMul", x: [2, 1, 2, 3], w: [2, 3, 2]),
      Function("Gemm", w: [3, 4], ["alpha": .float(0.5)]),
      Function("Gemm", w: [4, 3], ["transB": .int(1)]),
      Function("Gemm", x: [3, 2], w: [3, 4], ["transA": .int(1), "alpha": .float(2)]),
      Function("Gemm", x: [3, 2], w: [4, 3], ["transA": .int(1), "transB": .int(1)]),
      Function(
        "Gemm", w: [3, 4], ["beta": .float(0.5)], constants: [("c", .doubles([1, 2, 3, 4]))]),
    ]
    + [
      "ReduceSum", "ReduceMean", "ReduceSumSquare", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp",
      "ReduceMax", "ReduceMin",
    ].flatMap {
      [
        Function($0), Function($0, ["keepdims": .int(0)]), Function($0, constants: [("axes", .ints([1]))]),
        Function($0, ["keepdims": .int(0)], constants: [("axes", .ints([-2]))]),
      ]
    }
    + [
      Function("Reshape", constants: [("shape", .ints([3, -1]))]),
      Function("Unsqueeze", constants: [("axes", .ints([0, 2]))]),
      Function("Squeeze", x: [1, 3], constants: [("axes", .ints([0]))]),
      Function("Expand", x: [2, 1], constants: [("shape", .ints([3, 2, 4]))]),
      Function("Concat", w: [2, 2], ["axis": .int(-1)]), Function("Concat", w: [1, 3], ["axis": .int(0)]),
      Function("Transpose", x: [2, 3, 2], ["perm": .ints([2, 0, 1])]),
      Function("Softmax", ["axis": .int(0)]), Function("LogSoftmax", ["axis": .int(-1)]),
      Function("Clip", constants: [("low", .doubles([0.2], [])), ("high", .doubles([0.6], []))]),
    ]

  private func values(_ dims: [Int], _ first: Double) -> [Double] {
    (0..<dims.reduce(1, *)).map { first + 0.07 * Double($0) }
  }

  private func port(_ name: String, _ dims: [Int]?) -> TestPort { TestPort(name, 11, dims?.map { "\($0)" }) }

  /// The sum of `[f * f]` is differentiated, so that not every element has the same gradient.
  private func model(_ f: Function, _ rest: [TestNode], outputs: [String]) -> TestGraph {
    TestGraph(
      inputs: [port("x", f.x)] + (f.w.map { [port("w", $0)] } ?? []), outputs: outputs.map { port($0, nil) },
      initializers: f.constants, nodes: f.nodes + [TestNode("Mul", ["f", "f"], ["z"])] + rest)
  }

  private func tensor(_ values: [Double], _ dims: [Int]) throws -> Tensor { try Tensor(values, shape: Shape(dims)) }

  @Test(arguments: functions)
  func theGradientIsTheLimitOfDifferences(_ f: Function) throws {
    let names = f.w == nil ? ["x"] : ["x", "w"]
    let gradient = TestNode(
      "Gradient", names, names.map { "d\($0)" }, ["xs": .texts(names), "y": .text("z")], domain: Self.training)
    let dims = [f.x] + (f.w.map { [$0] } ?? [])
    let at = [values(f.x, 0.11)] + (f.w.map { [values($0, 0.23)] } ?? [])
    let got = try model(f, [gradient], outputs: names.map { "d\($0)" }).run(
      zip(at, dims).map { try tensor($0, $1) }, opset: 24, domains: [Self.training])
    let plain = try Session(Plan(PassTable.optimize(model(f, [], outputs: ["z"]).load(opset: 24))))
    func total(_ at: [[Double]]) throws -> Double {
      let out = try plain.run(zip(at, dims).map { .tensor(try tensor($0, $1)) })
      return (out[0].tensor?.array(of: Double.self) ?? []).reduce(0, +)
    }
    for (operand, values) in at.enumerated() {
      let slopes = try #require(got[operand].tensor?.array(of: Double.self))
      #expect(got[operand].tensor?.shape == Shape(dims[operand]))
      for i in values.indices {
        var (above, below) = (at, at)
        above[operand][i] += 1e-6
        below[operand][i] -= 1e-6
        let want = (try total(above) - total(below)) / 2e-6
        #expect(abs(slopes[i] - want) <= 1e-6 + 1e-6 * abs(want), "\(names[operand])[\(i)]: \(slopes[i]), \(want)")
      }
    }
  }

  private func run(_ nodes: [TestNode], _ outputs: [String], inputs: [String] = ["x"], at: [Double]) throws
    -> [[Double]]
  {
    let graph = TestGraph(
      inputs: inputs.map { port($0, [1]) }, outputs: outputs.map { port($0, nil) }, nodes: nodes)
    return try graph.run(at.map { Tensor([$0]) }, domains: [Self.training]).map {
      $0.tensor?.array(of: Double.self) ?? []
    }
  }

  private func gradient(_ inputs: [String], _ outputs: [String], xs: [String], zs: [String] = [], y: String) -> TestNode
  {
    var attributes: [String: TestAttribute] = ["xs": .texts(xs), "y": .text(y)]
    if !zs.isEmpty { attributes["zs"] = .texts(zs) }
    return TestNode("Gradient", inputs, outputs, attributes, domain: Self.training)
  }

  private let product = TestNode("Mul", ["x", "w"], ["y"])

  @Test func theGraphIsDifferentiatedAtTheValuesThatAreGiven() throws {
    let nodes = [product, gradient(["v", "u"], ["dx"], xs: ["x"], zs: ["w"], y: "y")]
    #expect(try run(nodes, ["dx", "y"], inputs: ["x", "w", "v", "u"], at: [2, 3, 5, 7]) == [[7], [6]])
  }

  @Test func anIntermediateTensorIsAVariable() throws {
    let nodes = [
      TestNode("Mul", ["x", "x"], ["h"]), TestNode("Mul", ["h", "h"], ["y"]),
      gradient(["h"], ["dh"], xs: ["h"], y: "y"),
    ]
    #expect(try run(nodes, ["dh"], at: [3]) == [[18]])
  }

  @Test func aGradientIsDifferentiatedAgain() throws {
    let nodes = [
      TestNode("Mul", ["x", "x"], ["s"]), TestNode("Mul", ["s", "x"], ["y"]),
      gradient(["x"], ["dx"], xs: ["x"], y: "y"), gradient(["x"], ["ddx"], xs: ["x"], y: "dx"),
    ]
    #expect(try run(nodes, ["dx", "ddx"], at: [2]) == [[12], [12]])
  }

  @Test func whatAResultDoesNotDependOnHasNoSlope() throws {
    let nodes = [TestNode("Neg", ["x"], ["y"]), gradient(["x", "w"], ["dx", "dw"], xs: ["x", "w"], y: "y")]
    #expect(try run(nodes, ["dx", "dw"], inputs: ["x", "w"], at: [2, 3]) == [[-1], [0]])
  }

  @Test func gradientsOfGradientsDoNotGrowWithoutEnd() {
    let nodes =
      [TestNode("Tanh", ["x"], ["d0"])]
      + (0..<64).map { gradient(["x"], ["d\($0 + 1)"], xs: ["x"], y: "d\($0)") }
    do {
      _ = try run(nodes, ["d64"], at: [0.5])
      Issue.record("64 gradients of gradients were imported")
    } catch {
      let message = "\(error)"
      #expect(message.contains("expand to more than") || message.contains("the gradient takes more than"))
    }
  }

  @Test func whatCannotBeDifferentiatedIsNamedWhenTheModelIsLoaded() {
    func message(_ nodes: [TestNode]) -> String {
      do { return "\(try run(nodes, ["dx"], at: [2]))" } catch { return "\(error)" }
    }
    let product = TestNode("ReduceProd", ["x"], ["y"])
    #expect(message([product, gradient(["x"], ["dx"], xs: ["x"], y: "y")]).contains("ReduceProd has no gradient"))
    let sum = TestNode("CumSum", ["x", "axis"], ["y"])
    let axis = TestNode("Constant", [], ["axis"], ["value": .tensor(.ints([0], []))])
    #expect(message([axis, sum, gradient(["x"], ["dx"], xs: ["x"], y: "y")]).contains("CumSum has no gradient"))
    #expect(message([gradient(["x"], ["dx"], xs: ["x"], y: "nothing")]).contains("\"nothing\" is not defined"))
    #expect(message([gradient(["x"], ["dx"], xs: ["x", "x"], y: "x")]).contains("2 tensors"))
  }
}
