import InferenceGraph
import TensorCore

extension OperatorTable {
  /// Conversions of elements.
  static let casting: [ONNXOperator] = [
    ONNXOperator("Cast", versions: [1, 6, 9, 13, 19, 21, 23, 24, 25, 28]) { n in
      guard let dtype = n.version == 1 ? try n.dtypeByName("to") : try n.dtype("to") else {
        throw GraphError(.invalidModel, "attribute \"to\" is required and missing")
      }
      return try [n.add(n.cast(to: dtype), n.required(0))]
    },
    ONNXOperator("CastLike", versions: [15, 19, 21, 23, 24, 25]) { n in
      guard let dtype = n.fact(try n.required(1)).dtype else {
        throw GraphError(.unsupported, "the type of input 1 (target_type) is not known")
      }
      return try [n.add(n.cast(to: dtype), n.required(0))]
    },
    ONNXOperator("BitCast", versions: [26]) { n in
      guard let dtype = try n.dtype("to") else {
        throw GraphError(.invalidModel, "attribute \"to\" is required and missing")
      }
      return try [n.add(BitCast(to: dtype), n.required(0))]
    },
  ]
}

extension Lowering {
  fileprivate func cast(to dtype: DType) throws -> Cast {
    let mode = try string("round_mode", default: "up")
    guard let rounding = MiniFloat.PowerRounding(rawValue: mode) else {
      throw GraphError(.invalidModel, "attribute \"round_mode\" must be up, down or nearest and is \"\(mode)\"")
    }
    return Cast(to: dtype, saturates: try int("saturate", default: 1) != 0, rounding: rounding)
  }

  /// The dtype that a string attribute names (`FLOAT`, `INT64`), as in opset 1.
  fileprivate func dtypeByName(_ name: String) throws -> DType? {
    let codes = [
      "FLOAT": 1, "UINT8": 2, "INT8": 3, "UINT16": 4, "INT16": 5, "INT32": 6, "INT64": 7, "STRING": 8, "BOOL": 9,
      "FLOAT16": 10, "DOUBLE": 11, "UINT32": 12, "UINT64": 13,
    ]
    guard let text = try string(name) else { return nil }
    guard let dtype = codes[text].flatMap({ DType(onnx: $0) }) else {
      throw GraphError(.invalidModel, "attribute \"\(name)\": \"\(text)\" is no tensor element type")
    }
    return dtype
  }
}
