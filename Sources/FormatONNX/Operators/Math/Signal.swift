import InferenceGraph
import TensorCore

extension OperatorTable {
  /// Transforms, windows and filters of signals.
  static let signal: [ONNXOperator] = [
    ONNXOperator("DFT", versions: [17, 20]) { n in
      let op = DFT(
        axis: n.version < 20 ? try n.int("axis", default: 1) : nil, isInverse: try n.int("inverse", default: 0) != 0,
        isOneSided: try n.int("onesided", default: 0) != 0)
      return try [n.add(op, n.required(0), n.optional(1), n.version < 20 ? nil : n.optional(2))]
    },
    ONNXOperator("STFT", versions: [17]) { n in
      let op = STFT(isOneSided: try n.int("onesided", default: 1) != 0)
      return try [n.add(op, n.required(0), n.required(1), n.optional(2), n.optional(3))]
    },
    window("HannWindow", .hann), window("HammingWindow", .hamming), window("BlackmanWindow", .blackman),
    ONNXOperator("MelWeightMatrix", versions: [17]) { n in
      let op = MelWeightMatrix(dtype: try n.dtype("output_datatype") ?? .float32)
      return try n.add(op, (0..<5).map { try n.required($0) })
    },
  ]

  private static func window(_ name: String, _ kind: CosineWindow.Kind) -> ONNXOperator {
    ONNXOperator(name, versions: [17]) { n in
      let op = CosineWindow(
        kind, dtype: try n.dtype("output_datatype") ?? .float32, isPeriodic: try n.int("periodic", default: 1) != 0)
      return try [n.add(op, n.required(0))]
    }
  }
}
