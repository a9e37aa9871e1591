import InferenceGraph
import TensorCore
import Testing

/// Operators over images, regions and windows; the values come from Fixtures-vision/generate.py.
@Suite struct VisionTests {
  private static func numbers(_ shape: Shape, step: Int = 7919, scale: Float = 1) throws -> Tensor {
    let values = (0..<shape.elementCount).map { i in
      Float(Double((i * step + 13) % 101) / 10 - 5) * scale
    }
    return try Tensor(values, shape: shape)
  }

  private static let values: [String: [Float]] = {
    let path = #filePath.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/Fixtures-vision/values.txt"
    guard let file = try? MappedFile(path: path) else { return [:] }
    var out: [String: [Float]] = [:]
    for line in String(decoding: file.contents(), as: UTF8.self).split(separator: "\n") {
      let words = line.split(separator: " ")
      if let name = words.first { out[String(name)] = words.dropFirst().compactMap { Float($0) } }
    }
    return out
  }()

  /// Runs one node; nil inputs are left out, integers are declared as int64.
  private func run(
    _ op: String, _ inputs: [Tensor?], opset: Int, _ attributes: [String: TestAttribute] = [:],
    dims: [[String]?] = []
  ) throws -> [Value] {
    let names = inputs.indices.map { inputs[$0] == nil ? "" : "x\($0)" }
    let ports = inputs.enumerated().compactMap { i, tensor in
      tensor.map { tensor in
        let code = tensor.dtype == .int64 ? 7 : tensor.dtype == .uint8 ? 2 : 1
        let known = i < dims.count ? dims[i] : nil
        return TestPort("x\(i)", code, known ?? tensor.shape.dims.map { "\($0)" })
      }
    }
    return try TestGraph(
      inputs: ports, outputs: [TestPort("y")], nodes: [TestNode(op, names, ["y"], attributes)]
    ).run(inputs.compactMap { $0 }, opset: opset)
  }

  private func check(_ name: String, _ outputs: [Value], sourceLocation: SourceLocation = #_sourceLocation) throws {
    let got = try #require(outputs.first?.tensor?.array(of: Float.self), sourceLocation: sourceLocation)
    let want = try #require(Self.values[name], sourceLocation: sourceLocation)
    #expect(got.count == want.count, sourceLocation: sourceLocation)
    for (a, b) in zip(got, want) where abs(a - b) > 1e-4 + 1e-4 * abs(b) {
      Issue.record("\(name): \(a), expected \(b)", sourceLocation: sourceLocation)
      return
    }
  }

  private let rois: [Float] = [0, 0, 4, 3, 1.5, 0.5, 5, 6, -2, 1, 3, 9, 3, 3, 3, 3]
  private let images: [Int64] = [0, 1, 1, 0]

  @Test func regionsArePooledAsONNXRuntimeDoes() throws {
    let x = try Self.numbers([2, 3, 7, 6])
    let regions = try Tensor(
      (0..<4).flatMap { r in [Float(images[r])] + rois[(4 * r)..<(4 * r + 4)] }, shape: [4, 5])
    try check(
      "max_roi_pool",
      run("MaxRoiPool", [x, regions], opset: 21, ["pooled_shape": .ints([3, 2]), "spatial_scale": .float(0.75)]))
    let boxes = try Tensor(rois, shape: [4, 4])
    let size: [String: TestAttribute] = ["output_height": .int(2), "output_width": .int(3)]
    try check(
      "roi_align_10",
      run(
        "RoiAlign", [x, boxes, Tensor(images)], opset: 10,
        size.merging(["sampling_ratio": .int(2), "spatial_scale": .float(0.5)]) { $1 }))
    try check("roi_align_16", run("RoiAlign", [x, boxes, Tensor(images)], opset: 16, size))
  }

  @Test func deformedWindowsReadBetweenElements() throws {
    try check(
      "deform_conv",
      run(
        "DeformConv",
        [
          Self.numbers([1, 4, 5, 6]), Self.numbers([2, 2, 3, 3], step: 31),
          Self.numbers([1, 36, 3, 2], step: 17, scale: 0.5), nil, Self.numbers([1, 18, 3, 2], step: 5),
        ], opset: 19,
        ["group": .int(2), "offset_group": .int(2), "strides": .ints([2, 2]), "pads": .ints([1, 0, 1, 0])]))
  }

  @Test func gridsAndBlocksAreTheReferences() throws {
    try check(
      "affine_grid", run("AffineGrid", [Self.numbers([2, 3, 4]), Tensor([Int64(2), 1, 2, 3, 4])], opset: 20))
    try check(
      "col2im",
      run(
        "Col2Im", [Self.numbers([1, 8, 6]), Tensor([Int64(4), 5]), Tensor([Int64(2), 2])], opset: 18,
        ["strides": .ints([2, 2]), "pads": .ints([0, 0, 1, 1])]))
  }

  @Test func hostileRegionsAreErrors() throws {
    let x = try Self.numbers([1, 1, 4, 4])
    for bad: Float in [.nan, .infinity, -.infinity, .greatestFiniteMagnitude] {
      let boxes = try Tensor([0, 0, bad, 1], shape: [1, 4])
      #expect(throws: GraphError.self) { try run("RoiAlign", [x, boxes, Tensor([Int64(0)])], opset: 16) }
      let regions = try Tensor([0, 0, 0, bad, 1], shape: [1, 5])
      #expect(throws: GraphError.self) {
        try run("MaxRoiPool", [x, regions], opset: 21, ["pooled_shape": .ints([2, 2])])
      }
    }
    let box = try Tensor([Float(0), 0, 1, 1], shape: [1, 4])
    for image: Int64 in [1, .max, -2, .min] {
      #expect(throws: GraphError.self) { try run("RoiAlign", [x, box, Tensor([image])], opset: 16) }
    }
    #expect(throws: GraphError.self) {
      try run(
        "MaxRoiPool", [x, Tensor([Float(1), 0, 0, 1, 1], shape: [1, 5])], opset: 21, ["pooled_shape": .ints([1, 1])])
    }
  }

  @Test func hostileOffsetsReadZeros() throws {
    let x = try Self.numbers([1, 1, 2, 2])
    let w = try Tensor([Float(1)], shape: [1, 1, 1, 1])
    for bad: Float in [.nan, .infinity, -.infinity, .greatestFiniteMagnitude] {
      let offset = try Tensor([Float](repeating: bad, count: 8), shape: [1, 2, 2, 2])
      #expect(try run("DeformConv", [x, w, offset], opset: 19).first?.tensor?.array(of: Float.self) == [0, 0, 0, 0])
    }
  }

  @Test func indicesOutsideAnUnpooledTensorAreErrors() throws {
    let x = try Tensor([Float(5)], shape: [1, 1, 1, 1])
    let window: [String: TestAttribute] = ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])]
    func unpool(_ index: Int64, _ shape: [Int64]? = nil) throws -> [Float]? {
      try run(
        "MaxUnpool", [x, Tensor([index], shape: [1, 1, 1, 1]), shape.map { Tensor($0) }], opset: 11, window
      ).first?.tensor?.array(of: Float.self)
    }
    #expect(try unpool(2) == [0, 0, 5, 0])
    for index: Int64 in [4, -1, .max, .min] { #expect(throws: GraphError.self) { try unpool(index) } }
    #expect(throws: GraphError.self) { try unpool(0, [1, 1, 1, 2]) }
    #expect(throws: GraphError.self) { try unpool(0, [1, 1, .max, .max]) }
  }

  @Test func shapesThatCannotBeRightAreErrorsAtLoad() throws {
    let graphs = [
      TestGraph(
        inputs: [TestPort("x", 1, ["n", "3", "4", "4"]), TestPort("r", 1, ["k", "5"]), TestPort("b", 7, ["k"])],
        outputs: [TestPort("y")], nodes: [TestNode("RoiAlign", ["x", "r", "b"], ["y"])]),
      TestGraph(
        inputs: [TestPort("x", 1, ["n", "2", "2"])], outputs: [TestPort("y")],
        initializers: ["s": .ints([1, 1, 2, 2])], nodes: [TestNode("AffineGrid", ["x", "s"], ["y"])]),
      TestGraph(
        inputs: [TestPort("x", 1, ["n", "7", "6"])], outputs: [TestPort("y")],
        initializers: ["i": .ints([4, 4]), "b": .ints([2, 2])], nodes: [TestNode("Col2Im", ["x", "i", "b"], ["y"])]),
      TestGraph(
        inputs: [
          TestPort("x", 1, ["n", "3", "4", "4"]), TestPort("w", 1, ["2", "3", "3", "3"]),
          TestPort("o", 1, ["n", "17", "2", "2"]),
        ],
        outputs: [TestPort("y")], nodes: [TestNode("DeformConv", ["x", "w", "o"], ["y"])]),
      TestGraph(
        inputs: [TestPort("x", 2, ["4", "4"])], outputs: [TestPort("y", 2)],
        nodes: [TestNode("ImageDecoder", ["x"], ["y"])]),
      TestGraph(
        inputs: [TestPort("a", 1, ["2", "n"]), TestPort("b", 1, ["3", "n"])], outputs: [TestPort("y")],
        nodes: [TestNode("SwiGLU", ["a", "b"], ["y"])]),
    ]
    for graph in graphs { #expect(throws: GraphError.self) { try graph.load(opset: 28) } }
  }

  @Test func damagedImagesAreEmpty() throws {
    let y = try run("ImageDecoder", [Tensor([UInt8(1), 2, 3])], opset: 20).first?.tensor
    #expect(y?.shape == [0, 0, 3])
  }
}
