import ServingCore
import TensorCore

extension FuzzTarget {
  static let csv = codec("csv", CSVCodec())
  static let jsonBody = codec("json-body", JSONCodec())
  static let jsonLines = codec("jsonlines", JSONLinesCodec())
  static let npy = codec("npy", NpyCodec())
  static let npz = codec("npz", NpzCodec())

  /// Request bodies for models of several signatures; what is taken is written as an answer.
  private static func codec(_ name: String, _ codec: any Codec) -> FuzzTarget {
    let layouts = signatures.map { InputLayout($0) }
    return FuzzTarget(name) { bytes in
      guard !bytes.isEmpty else { return }
      for layout in layouts {
        do {
          let request = try codec.decode(bytes, for: layout, limits: CodecLimits(inflatedBytes: 1 << 20))
          let values = request.inputs.compactMap { $0 }
          guard !values.isEmpty else { continue }
          var sink = ByteSink()
          let answer = Answer(names: values.indices.map { "v\($0)" }, values: values, isNamed: request.isNamed)
          try codec.encode(answer, into: &sink)
        } catch {}
      }
    }
  }

  private typealias Port = ModelSignature.Port

  private static let signatures: [ModelSignature] = [
    ModelSignature(
      inputs: [Port(name: "x", type: .tensor(.float32), dims: [nil, 4])],
      outputs: [Port(name: "y", type: .tensor(.float32), dims: [nil, 1])]),
    ModelSignature(
      inputs: [
        Port(name: "a", type: .tensor(.float64), dims: [nil, 1]),
        Port(name: "b", type: .tensor(.string), dims: [nil, 1]),
        Port(name: "c", type: .tensor(.int64), dims: [nil, 1]), Port(name: "d", type: .tensor(.bool), dims: [nil, 1]),
      ], outputs: [Port(name: "y", type: .tensor(.float32), dims: [nil, 1])], columns: ["a", "b", "c", "d"]),
    ModelSignature(
      inputs: [
        Port(name: "ids", type: .tensor(.int64), dims: [nil, nil]),
        Port(name: "mask", type: .tensor(.uint8), dims: [nil, nil]),
      ], outputs: [Port(name: "y", type: .tensor(.float16), dims: nil)]),
    ModelSignature(
      inputs: [Port(name: "image", type: .tensor(.float16), dims: [nil, 3, 2, 2])],
      outputs: [Port(name: "y", type: .tensor(.float32), dims: nil)]),
  ]
}
