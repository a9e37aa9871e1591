import InferenceGraph
import TensorCore

extension OperatorTable {
  static let dropout = ONNXOperator("Dropout", versions: [1, 6, 7, 10, 12, 13, 22]) { n in
    let data = try n.required(0)
    if n.version >= 12, let training = n.optional(2) {
      let known = n.fact(training).tensor?.array(of: Bool.self)
      if known != [false] {
        return try n.add(Dropout(seed: n.int("seed")), [data, n.optional(1), training])
      }
    }
    guard n.wantsOutput(1) else { return [data] }
    // The mask had the type of the data before opset 10.
    let one: Tensor
    switch n.version < 10 ? n.fact(data).dtype ?? .bool : .bool {
    case .float32: one = Tensor(scalar: Float(1))
    case .float64: one = Tensor(scalar: Double(1))
    #if !(os(macOS) && arch(x86_64))
    case .float16: one = Tensor(scalar: Float16(1))
    #endif
    default: one = Tensor(scalar: true)
    }
    return [data, try n.add(ConstantOfShape(value: one), n.add(ShapeOf(), data))]
  }
}
