import InferenceGraph
import TensorCore

extension OperatorTable {
  static let pad = ONNXOperator("Pad", versions: [1, 2, 11, 13, 18, 19, 21, 23, 24, 25]) { n in
    let name = try n.string("mode", default: "constant")
    // PyTorch writes "wrap" at opset 18, though the standard has it from 19 on.
    guard let mode = PadMode(rawValue: name) else {
      throw GraphError(.invalidModel, "mode \"\(name)\" is none of constant, reflect, edge, wrap")
    }
    guard n.version < 11 else {
      return try n.add(Pad(mode: mode), [n.required(0), n.required(1), n.optional(2), n.optional(3)])
    }
    let attribute = n.version < 2 ? "paddings" : "pads"
    guard let pads = try n.ints(attribute) else {
      throw GraphError(.invalidModel, "attribute \"\(attribute)\" is required and missing")
    }
    let data = try n.required(0)
    var value: Tensor?
    if let number = try n.float("value"), number != 0 {
      switch n.fact(data).dtype {
      case .float64: value = Tensor(scalar: Double(number))
      #if !(os(macOS) && arch(x86_64))
      case .float16: value = Tensor(scalar: Float16(number))
      #endif
      default: value = Tensor(scalar: number)
      }
    }
    return try n.add(Pad(mode: mode), [data, n.integers(pads), value.map { n.constant($0) }])
  }

  static let centerCropPad = ONNXOperator("CenterCropPad", versions: [18]) { n in
    [try n.add(CenterCropPad(axes: n.ints("axes")), n.required(0), n.required(1))]
  }
}
