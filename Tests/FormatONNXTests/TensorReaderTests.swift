import FormatONNX
import InferenceGraph
import ModelFormats
import TensorCore
import Testing

@Suite struct TensorReaderTests {
  private let files = TestFiles()

  @Test func packedIntegersSpreadOneAByteFirstInTheLowBits() throws {
    // ONNX "4-bit and 2-bit integers": the first element takes the low bits.
    let uint4 = try files.tensor(.tensor("t", type: 21, dims: [3]) { $0.data(9, [0x2F, 0x07]) })
    #expect(uint4?.unsafeElements(of: UInt8.self).map { $0 } == [15, 2, 7])
    let int4 = try files.tensor(.tensor("t", type: 22, dims: [3]) { $0.packed(5, [0x8F, 0x07]) })
    #expect(int4?.unsafeElements(of: Int8.self).map { $0 } == [-1, -8, 7])
    let int2 = try files.tensor(.tensor("t", type: 26, dims: [5]) { $0.data(9, [0b11_10_01_00, 0b01]) })
    #expect(int2?.unsafeElements(of: Int8.self).map { $0 } == [0, 1, -2, -1, 1])
  }

  @Test func rawAndTypedFieldsGiveTheSameTensor() throws {
    let raw = try files.tensor(.tensor("t", type: 1, dims: [2]) { $0.data(9, [0, 0, 128, 63, 0, 0, 0, 192]) })
    let typed = try files.tensor(
      .tensor("t", type: 1, dims: [2]) {
        $0.float(4, 1)
        $0.float(4, -2)
      })
    #expect(raw?.array(of: Float.self) == [1, -2])
    #expect(typed?.array(of: Float.self) == [1, -2])
  }

  static let contradictions: [(ProtoWriter, String)] = [
    (.tensor("t", type: 1, dims: [3]) { $0.data(9, [0, 0, 0, 0]) }, "needs 12 bytes"),
    (.tensor("t", type: 1, dims: [2]) { $0.float(4, 1) }, "needs 2 elements"),
    (.tensor("t", type: 99, dims: [1]) { $0.data(9, [0]) }, "99 is no element type"),
    (.tensor("t", type: 1, dims: [-1]) { $0.data(9, []) }, "negative"),
    (.tensor("t", type: 1, dims: [1 << 40, 1 << 40]) { $0.data(9, []) }, "overflows"),
    (.tensor("t", type: 7, dims: [.max]) { $0.data(9, []) }, "overflows"),
    (.tensor("t", type: 21, dims: [.max]) { $0.data(9, [1]) }, "needs"),
    (.tensor("t", type: 26, dims: [.max]), "needs"),
    (.tensor("t", type: 1, dims: [1 << 40]), "needs"),
    (.tensor("t", type: 9, dims: [1]) { $0.data(9, [2]) }, "bool"),
    (.tensor("t", type: 8, dims: [2]) { $0.text(6, "one") }, "needs 2 strings"),
    (.tensor("t", type: 1, dims: [1]) { $0.int(4, 5) }, "encoded as"),
  ]

  @Test(arguments: contradictions.indices)
  func shapeAndDataThatContradictEachOtherAreRefused(_ i: Int) {
    let (proto, expected) = Self.contradictions[i]
    let got = message { _ = try files.tensor(proto) }
    #expect(got.contains(expected), "\(got)")
  }

  private func external(_ pairs: [(String, String)], dims: [Int] = [2]) -> ProtoWriter {
    .tensor("w", type: 1, dims: dims) {
      for (key, value) in pairs {
        $0.message(13) {
          $0.text(1, key)
          $0.text(2, value)
        }
      }
      $0.int(14, 1)
    }
  }

  @Test func externalDataIsReadFromTheModelsFolder() throws {
    files.write([9, 9, 9, 9, 0, 0, 128, 63, 0, 0, 0, 192], as: "w.bin")
    let t = try files.tensor(external([("location", "w.bin"), ("offset", "4"), ("length", "8")]))
    #expect(t?.array(of: Float.self) == [1, -2])
  }

  static let badExternal: [([(String, String)], String)] = [
    ([], "names no file"),
    ([("location", "/etc/passwd")], "outside"),
    ([("location", "../w.bin")], "outside"),
    ([("location", "a/../../w.bin")], "outside"),
    ([("location", "../\u{338}w.bin")], "outside"),
    ([("location", "w.bin\0x")], "outside"),
    ([("location", "none.bin")], "No such file"),
    ([("location", ".")], "directory"),
    ([("location", "w.bin"), ("offset", "13")], "ends before offset 13"),
    ([("location", "w.bin"), ("offset", "8"), ("length", "8")], "asked for"),
    ([("location", "w.bin"), ("offset", "-4")], "no size"),
    ([("location", "w.bin"), ("offset", "99999999999999999999")], "no size"),
    ([("location", "w.bin"), ("offset", "four")], "no size"),
    ([("location", "w.bin"), ("length", "4")], "needs 8 bytes"),
  ]

  @Test(arguments: badExternal.indices)
  func externalDataThatLeavesTheFolderOrTheFileIsRefused(_ i: Int) {
    files.write([UInt8](repeating: 0, count: 12), as: "w.bin")
    let (pairs, expected) = Self.badExternal[i]
    let got = message { _ = try files.tensor(external(pairs)) }
    #expect(got.contains(expected) && got.contains("\"w\""), "\(got)")
  }

  // MARK: Sparse

  private func sparse(_ values: [Float], _ indices: [Int], indexDims: [Int], dims: [Int]) -> String {
    let proto = ProtoWriter {
      $0.message(1, .tensor("s", type: 1, dims: [values.count]) { p in for v in values { p.float(4, v) } })
      $0.message(2, .tensor("", type: 7, dims: indexDims) { $0.packed(7, indices) })
      $0.packed(3, dims)
    }
    let model = [UInt8].model(
      .graph(nodes: [.node("Identity", ["s"], ["y"])], outputs: [.value("y", [])], sparse: [proto]))
    var found: [Float] = []
    let failure = message {
      let graph = try files.load(model).graph
      found = graph.fact(graph.outputs[0]).tensor?.array(of: Float.self) ?? []
    }
    return failure == "no error" ? "\(found)" : failure
  }

  @Test func sparseInitializersAreMadeDense() {
    #expect(sparse([5, 7], [1, 3], indexDims: [2], dims: [2, 2]) == "[0.0, 5.0, 0.0, 7.0]")
    #expect(sparse([5, 7], [0, 1, 1, 0], indexDims: [2, 2], dims: [2, 2]) == "[0.0, 5.0, 7.0, 0.0]")
  }

  @Test func unsoundSparseInitializersAreRefused() {
    #expect(sparse([5, 7], [0, 1], indexDims: [2, 1], dims: [2, 2]).contains("indices of shape 2x1"))
    #expect(sparse([5], [4], indexDims: [1], dims: [2, 2]).contains("outside"))
    #expect(sparse([5], [-1], indexDims: [1], dims: [2, 2]).contains("outside"))
    #expect(sparse([5], [2, 0], indexDims: [1, 2], dims: [2, 2]).contains("outside"))
    #expect(sparse([5], [0], indexDims: [1], dims: [1 << 33]).contains("when dense"))
    #expect(sparse([5], [0], indexDims: [1], dims: [-4]).contains("sound shape"))
  }
}
