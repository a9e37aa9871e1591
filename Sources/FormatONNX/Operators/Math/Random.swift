import InferenceGraph
import TensorCore

extension OperatorTable {
  /// Random numbers. With a seed every run gives the same; without one the system's generator is the source.
  static let random: [ONNXOperator] = [
    random("RandomNormal") { try .normal(mean: $0.float("mean", default: 0), scale: $0.float("scale", default: 1)) },
    random("RandomUniform") { try .uniform(low: $0.float("low", default: 0), high: $0.float("high", default: 1)) },
    randomLike("RandomNormalLike", [1, 22]) {
      try .normal(mean: $0.float("mean", default: 0), scale: $0.float("scale", default: 1))
    },
    randomLike("RandomUniformLike", [1, 22]) {
      try .uniform(low: $0.float("low", default: 0), high: $0.float("high", default: 1))
    },
    randomLike("Bernoulli", [15, 22]) { _ in .bernoulli },
    ONNXOperator("Multinomial", versions: [7, 22]) { n in
      let op = Multinomial(
        dtype: try n.dtype("dtype") ?? .int32, sampleCount: try n.int("sample_size", default: 1),
        seed: try n.float("seed"))
      return try [n.add(op, n.required(0))]
    },
  ]

  private static func random(
    _ name: String, _ distribution: @escaping @Sendable (Lowering) throws -> RandomTensor.Distribution
  ) -> ONNXOperator {
    ONNXOperator(name, versions: [1, 22]) { n in
      guard let shape = try n.ints("shape") else {
        throw GraphError(.invalidModel, "attribute \"shape\" is required and missing")
      }
      let op = RandomTensor(
        try distribution(n), dtype: try n.dtype("dtype") ?? .float32, shape: Shape(shape), seed: try n.float("seed"))
      return try n.add(op, [])
    }
  }

  private static func randomLike(
    _ name: String, _ versions: [Int],
    _ distribution: @escaping @Sendable (Lowering) throws -> RandomTensor.Distribution
  ) -> ONNXOperator {
    ONNXOperator(name, versions: versions) { n in
      let op = RandomTensor(
        try distribution(n), dtype: try n.dtype("dtype"), shape: nil, seed: try n.float("seed"))
      return try [n.add(op, n.required(0))]
    }
  }
}
