import InferenceGraph
import TensorCore

extension OperatorTable {
  /// The limits are attributes before opset 11, inputs from then on.
  static let clip = ONNXOperator("Clip", versions: [1, 6, 11, 12, 13]) { n in
    let x = try n.required(0)
    if n.version >= 11 { return [try n.add(Clip(), x, n.optional(1), n.optional(2))] }
    let dtype = n.fact(x).dtype ?? .float32
    func limit(_ name: String) throws -> ValueID? {
      guard let value = try n.float(name) else { return nil }
      return try n.add(Cast(to: dtype), n.constant(Tensor(scalar: value)))
    }
    return [try n.add(Clip(), x, limit("min"), limit("max"))]
  }
}
