import InferenceGraph
import TensorCore

extension OperatorTable {
  /// What `ai.onnx` had as experiments before ONNX 1.5, and dropped: converters of Core ML, Caffe2 and CNTK have written
  /// them. They are read at any opset, as ONNX Runtime does.
  static let experimental: [ONNXOperator] = [
    experiment("Affine") { n in
      let x = try n.required(0)
      let dtype = try n.elementType(x, "X")
      let scaled = try n.product(x, n.scalar(n.float("alpha", default: 1), as: dtype))
      return [try n.sum(scaled, n.scalar(n.float("beta", default: 0), as: dtype))]
    },
    experiment("Scale") { n in
      let x = try n.required(0)
      return [try n.product(x, n.scalar(n.float("scale", default: 1), as: n.elementType(x, "input")))]
    },
    experiment("ImageScaler") { n in
      let x = try n.required(0)
      guard let bias = try n.floats("bias"), !bias.isEmpty else {
        throw GraphError(.invalidModel, "attribute \"bias\" must have one number a channel")
      }
      let dtype = try n.elementType(x, "input")
      let added = try n.cast(n.reshaped(n.constant(Tensor(bias)), [bias.count, 1, 1]), to: dtype)
      return [try n.sum(n.product(x, n.scalar(n.float("scale", default: 1), as: dtype)), added)]
    },
    experiment("ParametricSoftplus") { n in try scaledFunction(.softplus, n) },
    experiment("ScaledTanh") { n in try scaledFunction(.tanh, n) },
    experiment("Crop") { n in
      guard let border = try n.ints("border"), border.count == 4 else {
        throw GraphError(.invalidModel, "attribute \"border\" must be left, top, right and bottom")
      }
      let x = try n.required(0)
      let size = try n.extents(x, 2, 4)
      let start = [border[1], border[0]]
      let end: ValueID
      if let scale = try n.ints("scale") {
        guard scale.count == 2 else { throw GraphError(.invalidModel, "attribute \"scale\" must be height and width") }
        end = try n.sum(n.integers(start), n.integers(scale))
      } else {
        end = try n.difference(size, n.integers([border[3], border[2]]))
      }
      return [try n.add(Slice(), x, n.integers(start), end, n.integers([2, 3]))]
    },
    experiment("DynamicSlice") { n in try n.asStandard("Slice", version: 10) },
  ]

  private static func experiment(
    _ name: String, _ lower: @escaping @Sendable (Lowering) throws -> [ValueID]
  ) -> ONNXOperator {
    ONNXOperator(name, versions: [1], lower: lower)
  }

  /// `alpha * f(beta * x)`.
  private static func scaledFunction(_ function: Unary.Kind, _ n: Lowering) throws -> [ValueID] {
    let x = try n.required(0)
    let dtype = try n.elementType(x, "X")
    let inner = try n.product(x, n.scalar(n.float("beta", default: 1), as: dtype))
    return [try n.product(n.add(Unary(function), inner), n.scalar(n.float("alpha", default: 1), as: dtype))]
  }
}
