import FormatONNX
import InferenceGraph
import ModelFormats
import TensorCore
import Testing

#if canImport(Glibc)
import Glibc
#endif

/// Small files that ask for large values: loading and optimising them must stay small.
@Suite(.serialized) struct ExpansionTests {
  private let files = TestFiles()

  /// The most memory that this process has had, in bytes.
  private var peak: Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss << 10
  }

  private func optimize(_ graph: ProtoWriter) -> String {
    message { _ = try PassTable.optimize(try files.load(.model(graph)).graph) }
  }

  private let y = ProtoWriter.value("y", [-1])

  /// Nodes that grow a constant, each into 1 GiB and more.
  static let bombs: [(String, [ProtoWriter], [ProtoWriter])] = [
    ("ConstantOfShape", [.node("ConstantOfShape", ["s"], ["y"])], [.integers("s", [1 << 30])]),
    ("ConstantOfShape, overflowing", [.node("ConstantOfShape", ["s"], ["y"])], [.integers("s", [1 << 40, 1 << 40])]),
    ("ConstantOfShape, negative", [.node("ConstantOfShape", ["s"], ["y"])], [.integers("s", [-1])]),
    (
      "ConstantOfShape of a long shape", [.node("ConstantOfShape", ["s"], ["y"])],
      [.integers("s", [1 << 35] + [Int](repeating: 1, count: 80))]
    ),
    (
      "Expand", [.node("Expand", ["c", "s"], ["y"])],
      [.tensor("c", type: 1, dims: [1]) { $0.float(4, 1) }, .integers("s", [1 << 20, 1 << 12])]
    ),
    (
      "Tile", [.node("Tile", ["c", "s"], ["y"])],
      [.tensor("c", type: 1, dims: [1]) { $0.float(4, 1) }, .integers("s", [1 << 33])]
    ),
    (
      "Range", [.node("Range", ["a", "b", "d"], ["y"])],
      [
        .tensor("a", type: 7, dims: []) { $0.packed(7, [0]) },
        .tensor("b", type: 7, dims: []) { $0.packed(7, [1 << 40]) },
        .tensor("d", type: 7, dims: []) { $0.packed(7, [1]) },
      ]
    ),
    (
      "Pad", [.node("Pad", ["c", "s"], ["y"])],
      [.tensor("c", type: 1, dims: [1]) { $0.float(4, 1) }, .integers("s", [1 << 33, 1 << 33])]
    ),
    (
      "OneHot", [.node("OneHot", ["i", "n", "v"], ["y"])],
      [
        .integers("i", [0, 1, 2]), .tensor("n", type: 7, dims: []) { $0.packed(7, [1 << 34]) }, .integers("v", [0, 1]),
      ]
    ),
    ("many", (0..<64).map { .node("ConstantOfShape", ["s"], [$0 == 0 ? "y" : "y\($0)"]) }, [.integers("s", [1 << 24])]),
    (
      "doubling",
      (0..<40).map {
        .node("Concat", $0 == 0 ? ["c", "c"] : ["h\($0)", "h\($0)"], [$0 == 39 ? "y" : "h\($0 + 1)"], [axis])
      },
      [.tensor("c", type: 1, dims: [1]) { $0.float(4, 1) }]
    ),
  ]

  private static let axis = ProtoWriter {
    $0.text(1, "axis")
    $0.int(3, 0)
    $0.int(20, 2)
  }

  @Test(arguments: bombs.indices)
  func aSmallFileDoesNotMakeLargeConstants(_ i: Int) {
    let (name, nodes, initializers) = Self.bombs[i]
    let outputs =
      name == "many"
      ? (0..<64).map { ProtoWriter.value($0 == 0 ? "y" : "y\($0)", [-1]) } : [ProtoWriter.value("y", [-1])]
    let before = peak
    let result = optimize(.graph(nodes: nodes, outputs: outputs, initializers: initializers))
    #expect(peak - before < 700 << 20, "\(name): \(result)")
  }

  @Test func anOutputThatNoMachineHoldsIsAnErrorWhenRun() throws {
    let graph = ProtoWriter.graph(
      nodes: [.node("ConstantOfShape", ["s"], ["y"], name: "huge")], inputs: [.value("s", [1], type: 7)], outputs: [y])
    let session = Session(try Plan(try PassTable.optimize(try files.load(.model(graph)).graph)))
    for extent in [Int64(1) << 45, .max, -1] {
      let got = message { _ = try session.run([.tensor(Tensor([extent]))]) }
      #expect(got.contains("huge"), "\(got)")
    }
  }
}
