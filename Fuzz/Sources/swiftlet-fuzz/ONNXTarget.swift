import FormatONNX
import InferenceGraph
import ModelFormats
import ModelLoading
import ModelTools
import TensorCore

extension FuzzTarget {
  /// A model file: loaded, optimised, planned, and run once on small made-up inputs.
  static let onnx = FuzzTarget("onnx", isProtobuf: true) { bytes in
    let path = ScratchFile.write(bytes, as: "model.onnx")
    guard let loaded = try? ONNXFormat.load(path: path) else { return }
    _ = loaded.graph.dump()
    guard let model = try? PreparedModel(loaded), inputs(model).allSatisfy({ $0 <= 4096 }) else { return }
    guard let values = try? SyntheticInputs(batch: 2, free: 3).values(for: model) else { return }
    _ = try? model.session.run(values, until: .now + .seconds(2))
  }

  /// The element count of each input under `SyntheticInputs(batch: 2, free: 3)`, saturating.
  private static func inputs(_ model: PreparedModel) -> [Int] {
    model.optimized.inputs.map { id in
      (model.optimized.fact(id).shape ?? []).reduce(1) { n, dim in
        let (product, overflow) = n.multipliedReportingOverflow(by: max(dim.value ?? 3, 0))
        return overflow ? .max : product
      }
    }
  }

  /// A `TensorProto`, `SequenceProto` or `OptionalProto` file; the first byte chooses.
  static let tensor = FuzzTarget("tensor", isProtobuf: true) { bytes in
    let path = ScratchFile.write(bytes, as: "tensor.pb")
    let map = ValueType.map(key: .int64, value: .tensor(.float32))
    let types: [ValueType] = [
      .tensor(.float32), .sequence(.tensor(.float32)), .optional(.tensor(.float32)), map, .sequence(map),
      .map(key: .string, value: .tensor(.float64)), .optional(.sequence(.tensor(.string))),
    ]
    for type in types {
      guard let file = try? MappedFile(path: path) else { return }
      _ = try? ModelReader(file).value(type)
    }
  }
}
