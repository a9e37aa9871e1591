import InferenceGraph
import TensorCore

/// The domain of ONNX Runtime's own operators, which its optimiser and its converters put into models. What they mean:
/// `docs/ContribOperators.md` of microsoft/onnxruntime.
let contribDomain = "com.microsoft"

extension OperatorTable {
  static func contrib(
    _ name: String, _ lower: @escaping @Sendable (Lowering) throws -> [ValueID]
  ) -> ONNXOperator {
    ONNXOperator(name, domain: contribDomain, versions: [1], lower: lower)
  }
}

extension Lowering {
  /// Lowers the node as the standard operator whose attributes it shares.
  ///
  /// - Parameter inputs: the operator's inputs where they are not the node's.
  func asStandard(_ name: String, version: Int, inputs: [ValueID?]? = nil) throws -> [ValueID] {
    guard let entry = OperatorTable.find(domain: "", name: name) else {
      throw GraphError(.unsupported, "operator ai.onnx.\(name) is not supported")
    }
    return try entry.lower(
      Lowering(node: node, inputs: inputs ?? self.inputs, opset: version, version: version, importer: importer))
  }

  /// The function that a fused operator names, with its parameters in the order of the standard operator's attributes.
  func activated(_ x: ValueID, _ name: String, _ parameters: [Float]) throws -> ValueID {
    func parameter(_ index: Int, _ value: Float) -> Float { index < parameters.count ? parameters[index] : value }
    switch name {
    case "": return x
    case "Relu": return try add(Unary(.relu), x)
    case "Tanh": return try add(Unary(.tanh), x)
    case "Sigmoid": return try add(Unary(.sigmoid), x)
    case "Softplus": return try add(Unary(.softplus), x)
    case "Softsign": return try add(Unary(.softsign), x)
    case "LeakyRelu": return try add(Unary(.leakyRelu, alpha: parameter(0, 0.01)), x)
    case "Elu": return try add(Unary(.elu, alpha: parameter(0, 1)), x)
    case "ThresholdedRelu": return try add(Unary(.thresholdedRelu, alpha: parameter(0, 1)), x)
    case "HardSigmoid": return try add(Unary(.hardSigmoid, alpha: parameter(0, 0.2), beta: parameter(1, 0.5)), x)
    case "Clip":
      let dtype = try elementType(x, "the input")
      let least = try scalar(parameter(0, -.greatestFiniteMagnitude), as: dtype)
      return try add(Clip(), x, least, scalar(parameter(1, .greatestFiniteMagnitude), as: dtype))
    default: throw GraphError(.unsupported, "activation \"\(name)\" is not supported")
    }
  }

  /// Throws where the node gives an input that has a meaning which is not supported.
  func refuse(input index: Int, _ what: String) throws {
    if optional(index) != nil { throw GraphError(.unsupported, "input \(index) (\(what)) is not supported") }
  }

  /// Throws where the node sets a flag that has a meaning which is not supported.
  func refuse(flag name: String) throws {
    if try int(name, default: 0) != 0 { throw GraphError(.unsupported, "attribute \"\(name)\" is not supported") }
  }

  /// The rank of a value.
  ///
  /// - Throws: `GraphError` when it is not known while the model is loaded.
  func rank(_ id: ValueID, _ what: String) throws -> Int {
    guard let rank = fact(id).rank else {
      throw GraphError(.unsupported, "the rank of \(what) is not known when the model is loaded")
    }
    return rank
  }

  /// `[batch, channels, ...]` as `[batch, ..., channels]`, or back.
  func channels(last: Bool, _ id: ValueID) throws -> ValueID {
    let rank = try rank(id, "the input")
    guard rank >= 3 else { throw GraphError(.invalidModel, "rank \(rank) leaves no spatial axes") }
    return try transposed(id, last ? [0] + Array(2..<rank) + [1] : [0, rank - 1] + Array(1..<(rank - 1)))
  }
}
