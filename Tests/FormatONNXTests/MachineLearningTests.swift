import FormatONNX
import InferenceGraph
import ModelFormats
import TensorCore
import Testing

/// One line of Fixtures-ml/cases.jsonl.
private struct MachineLearningCase {
  var name: String
  var model: [UInt8]
  var inputs: [[UInt8]]
  var outputs: [[UInt8]]

  /// The lines are written by our own script: objects of strings and lists of strings, without escapes but in names.
  init?(line: Substring) {
    func strings(_ key: String) -> [Substring]? {
      guard let range = line.firstRange(of: "\"\(key)\": ") else { return nil }
      let rest = line[range.upperBound...]
      let end = rest.first == "[" ? rest.firstIndex(of: "]") : rest.dropFirst().firstIndex(of: "\"")
      return end.map { rest[..<$0].split(whereSeparator: { "[\", ".contains($0) }) }
    }
    guard let name = strings("name")?.first, let model = strings("model")?.first, let inputs = strings("inputs"),
      let outputs = strings("outputs")
    else { return nil }
    self.name = String(name)
    self.model = Self.decode(model)
    self.inputs = inputs.map(Self.decode)
    self.outputs = outputs.map(Self.decode)
  }

  private static func decode(_ base64: Substring) -> [UInt8] {
    var out: [UInt8] = []
    var bits: UInt32 = 0
    var count = 0
    for c in base64.utf8 {
      let digit: UInt8
      switch c {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit = c - 65
      case UInt8(ascii: "a")...UInt8(ascii: "z"): digit = c - 71
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = c + 4
      case UInt8(ascii: "+"): digit = 62
      case UInt8(ascii: "/"): digit = 63
      default: continue
      }
      bits = bits << 6 | UInt32(digit)
      count += 6
      if count >= 8 {
        count -= 8
        out.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
      }
    }
    return out
  }

  static let all: [MachineLearningCase] = {
    let path = #filePath.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/Fixtures-ml/cases.jsonl"
    guard let file = try? MappedFile(path: path) else { return [] }
    return String(decoding: file.contents(), as: UTF8.self).split(separator: "\n").compactMap {
      MachineLearningCase(line: $0)
    }
  }()
}

@Suite struct MachineLearningTests {
  /// Cases in which this engine and ONNX Runtime give different numbers: the float32 formula of PROBIT cancels near a score
  /// of 1/2 (they differ by 1e-5), and ONNX Runtime leaves out the base value of a MIN or MAX target that no leaf speaks of.
  private static let different: Set<String> = [
    "linear_classifier_3_probit", "tree_classifier_3_positive_probit_base0", "tree_regressor_min_3_base",
  ]

  @Test("every operator of ai.onnx.ml answers as ONNX Runtime does")
  func sameAsONNXRuntime() throws {
    let files = TestFiles()
    #expect(MachineLearningCase.all.count > 300)
    for (number, one) in MachineLearningCase.all.enumerated() where !Self.different.contains(one.name) {
      do {
        let graph = try PassTable.optimize(files.load(one.model).graph)
        let session = Session(try Plan(graph))
        func value(_ bytes: [UInt8], _ id: ValueID, _ name: String) throws -> Value {
          let type = graph.fact(id).type ?? .tensor(.float32)
          return try ModelReader(MappedFile(path: files.write(bytes, as: name))).value(type).value
        }
        // Tensors are borrowed from the mapped file: a file of its own for each.
        let inputs = try zip(one.inputs, graph.inputs).enumerated().map { i, one in
          try value(one.0, one.1, "\(number)-in\(i).pb")
        }
        let outputs = try session.run(inputs)
        for (i, (bytes, id)) in zip(one.outputs, graph.outputs).enumerated() {
          let want = try #require(try value(bytes, id, "\(number)-out\(i).pb").tensor)
          let got = try #require(outputs[i].tensor)
          #expect(got.dtype == want.dtype && got.shape == want.shape, "\(one.name), output \(i)")
          #expect(differences(got, want) == 0, "\(one.name), output \(i)")
          // What was said of the shape before running holds.
          if let shape = graph.fact(id).shape {
            for (known, extent) in zip(shape, got.shape.dims) { #expect(known.value == nil || known.value == extent) }
          }
        }
      } catch {
        Issue.record("\(one.name): \(error)")
      }
    }
  }

  private func differences(_ got: Tensor, _ want: Tensor) -> Int {
    if got.dtype == .string { return zip(got.strings, want.strings).count { $0 != $1 } }
    func numbers(_ t: Tensor) -> [Double] {
      t.array(of: Float.self).map { $0.map { Double($0) } } ?? t.array(of: Double.self)
        ?? (t.integers ?? []).map { Double($0) }
    }
    return zip(numbers(got), numbers(want)).count { a, b in
      !(a == b || a.isNaN && b.isNaN || abs(a - b) <= 2e-6 + 2e-5 * abs(b))
    }
  }

  // MARK: Hostile trees

  /// A tree of three nodes whose attributes a test changes.
  private struct Trees {
    var ints: [String: [Int]] = [
      "nodes_treeids": [0, 0, 0], "nodes_nodeids": [0, 1, 2], "nodes_featureids": [1, 0, 0],
      "nodes_truenodeids": [1, 0, 0], "nodes_falsenodeids": [2, 0, 0], "target_treeids": [0, 0],
      "target_nodeids": [1, 2], "target_ids": [0, 0],
    ]
    var modes = ["BRANCH_LEQ", "LEAF", "LEAF"]
    var values: [Float] = [0.5, 0, 0]
    var weights: [Float] = [1, 2]
    var transform = "NONE"

    var model: [UInt8] {
      func attribute(_ name: String, _ type: Int, _ body: @escaping (inout ProtoWriter) -> Void) -> ProtoWriter {
        ProtoWriter {
          $0.text(1, name)
          body(&$0)
          $0.int(20, type)
        }
      }
      let attributes =
        ints.sorted { $0.key < $1.key }.map { name, values in attribute(name, 7) { $0.packed(8, values) } } + [
          attribute("nodes_modes", 8) { w in modes.forEach { w.text(9, $0) } },
          attribute("nodes_values", 6) { w in values.forEach { w.float(7, $0) } },
          attribute("target_weights", 6) { w in weights.forEach { w.float(7, $0) } },
          attribute("post_transform", 3) { $0.text(4, transform) },
        ]
      func tensor(_ name: String, _ columns: Int) -> ProtoWriter {
        ProtoWriter {
          $0.text(1, name)
          $0.message(2) {
            $0.message(1) {
              $0.int(1, 1)
              $0.message(2) {
                $0.message(1) { $0.text(2, "n") }
                $0.message(1) { $0.int(1, columns) }
              }
            }
          }
        }
      }
      return ProtoWriter {
        $0.int(1, 8)
        $0.message(7) {
          $0.message(1) { node in
            node.text(1, "x")
            node.text(2, "y")
            node.text(3, "ensemble")
            node.text(4, "TreeEnsembleRegressor")
            attributes.forEach { node.message(5, $0) }
            node.text(7, "ai.onnx.ml")
          }
          $0.text(2, "g")
          $0.message(11, tensor("x", 2))
          $0.message(12, tensor("y", 1))
        }
        $0.message(8) {
          $0.text(1, "ai.onnx.ml")
          $0.int(2, 3)
        }
      }.bytes
    }
  }

  @Test("a sound tree loads and runs")
  func soundTree() throws {
    let files = TestFiles()
    let session = Session(try Plan(files.load(Trees().model).graph))
    let out = try session.run([.tensor(Tensor([9, 0.5, 9, 0.75], shape: [2, 2]))])
    #expect(out[0].tensor?.array(of: Float.self) == [1, 2])
  }

  @Test(
    "an unsound tree is refused, naming node and attribute",
    arguments: [
      ("nodes_truenodeids", [7, 0, 0], "nodes_truenodeids"),
      ("nodes_truenodeids", [-1, 0, 0], "nodes_truenodeids"),
      ("nodes_falsenodeids", [Int.max, 0, 0], "nodes_falsenodeids"),
      ("nodes_falsenodeids", [0, 0, 0], "begins with its root"),
      ("nodes_falsenodeids", [2, 0], "nodes_falsenodeids"),
      ("nodes_nodeids", [0, 1, 1], "twice"),
      ("nodes_featureids", [-1, 0, 0], "feature -1"),
      ("nodes_featureids", [Int.max, 0, 0], "feature"),
      ("nodes_featureids", [2, 0, 0], "2 columns"),
      ("target_nodeids", [1, 9], "target_nodeids"),
      ("target_ids", [0, 4], "target_ids"),
      ("target_ids", [0, -1], "target_ids"),
      ("target_treeids", [0, 5], "no node"),
      ("nodes_treeids", [], "nodes_treeids"),
    ])
  func unsoundTree(attribute: String, values: [Int], expected: String) {
    var trees = Trees()
    trees.ints[attribute] = values
    let said = message { _ = try TestFiles().load(trees.model) }
    #expect(said.contains(expected) && said.contains("ensemble"), "\(said)")
  }

  @Test("unknown modes and transforms are refused by name")
  func unknownNames() {
    var trees = Trees()
    trees.modes[0] = "BRANCH_SIDEWAYS"
    #expect(message { _ = try TestFiles().load(trees.model) }.contains("BRANCH_SIDEWAYS"))
    trees = Trees()
    trees.transform = "SHRUG"
    #expect(message { _ = try TestFiles().load(trees.model) }.contains("SHRUG"))
  }

  @Test("a cycle below the root is refused")
  func cycle() {
    var trees = Trees()
    trees.ints = [
      "nodes_treeids": [0, 0, 0, 0], "nodes_nodeids": [0, 1, 2, 3], "nodes_featureids": [0, 0, 0, 0],
      "nodes_truenodeids": [3, 2, 1, 0], "nodes_falsenodeids": [1, 3, 3, 0], "target_treeids": [0],
      "target_nodeids": [3], "target_ids": [0],
    ]
    trees.modes = ["BRANCH_LEQ", "BRANCH_LEQ", "BRANCH_LEQ", "LEAF"]
    trees.values = [0, 0, 0, 0]
    trees.weights = [1]
    let said = message { _ = try TestFiles().load(trees.model) }
    #expect(said.contains("cycle") && said.contains("tree 0"), "\(said)")
  }

  @Test("an input with too few columns is refused when it comes")
  func narrowInput() throws {
    let session = Session(try Plan(TestFiles().load(Trees().model).graph))
    let said = message { _ = try session.run([.tensor(Tensor([1, 2], shape: [2, 1]))]) }
    #expect(said.contains("feature 1"), "\(said)")
  }
}
