import InferenceGraph
import TensorCore

/// The domain of operators for training.
let trainingDomain = "ai.onnx.preview.training"

extension OperatorTable {
  /// Single steps of stochastic optimisers. Inputs: the learning rate, the number of updates so far, then for any number
  /// of tensors their values, their gradients and the optimiser's states; outputs: the new values and states.
  static let optimizers: [ONNXOperator] = [
    optimizer("Adagrad", states: 1) { n, step in
      let decay = try n.product(step.count, n.scalar(n.float("decay_factor", default: 0), as: step.dtype))
      let rate = try n.quotient(step.rate, n.sum(n.scalar(1, as: step.dtype), decay))
      let g = try step.regularized(n)
      let h = try n.sum(step.states[0], n.product(g, g))
      let root = try n.sum(n.squareRoot(h), n.scalar(n.float("epsilon", default: 1e-6), as: step.dtype))
      return [try n.difference(step.x, n.quotient(n.product(rate, g), root)), h]
    },
    optimizer("Adam", states: 2) { n, step in
      let one = try n.scalar(1, as: step.dtype)
      let alpha = try n.scalar(n.float("alpha", default: 0.9), as: step.dtype)
      let beta = try n.scalar(n.float("beta", default: 0.999), as: step.dtype)
      let g = try step.regularized(n)
      let v = try n.sum(n.product(alpha, step.states[0]), n.product(n.difference(one, alpha), g))
      let h = try n.sum(n.product(beta, step.states[1]), n.product(n.difference(one, beta), n.product(g, g)))
      let root = try n.sum(n.squareRoot(h), n.scalar(n.float("epsilon", default: 1e-6), as: step.dtype))
      func unbiased(_ base: ValueID) throws -> ValueID {
        try n.difference(one, n.add(Arithmetic(.power), base, step.count))
      }
      let corrected = try n.quotient(n.product(step.rate, n.squareRoot(unbiased(beta))), unbiased(alpha))
      let rate = try n.add(Where(), step.isLater, corrected, step.rate)
      let x = try n.difference(step.x, n.product(rate, n.quotient(v, root)))
      let keep = try n.difference(one, n.scalar(n.float("norm_coefficient_post", default: 0), as: step.dtype))
      return [try n.product(keep, x), v, h]
    },
    optimizer("Momentum", states: 1) { n, step in
      let mode = try n.string("mode", default: "standard")
      guard mode == "standard" || mode == "nesterov" else {
        throw GraphError(.invalidModel, "attribute \"mode\" must be standard or nesterov and is \"\(mode)\"")
      }
      guard let first = try n.float("alpha"), let second = try n.float("beta") else {
        throw GraphError(.invalidModel, "attributes \"alpha\" and \"beta\" are required")
      }
      let alpha = try n.scalar(first, as: step.dtype)
      let g = try step.regularized(n)
      let beta = try n.add(Where(), step.isLater, n.scalar(second, as: step.dtype), n.scalar(1, as: step.dtype))
      let v = try n.sum(n.product(alpha, step.states[0]), n.product(beta, g))
      let direction = mode == "standard" ? v : try n.sum(g, n.product(alpha, v))
      return [try n.difference(step.x, n.product(step.rate, direction)), v]
    },
  ]

  /// What one step of one tensor starts from; numbers have the tensor's type.
  private struct OptimizerStep {
    let dtype: DType
    let rate: ValueID
    /// The number of updates so far.
    let count: ValueID
    /// True from the second update on.
    let isLater: ValueID
    let x: ValueID
    let gradient: ValueID
    let states: [ValueID]

    /// The gradient with that of `norm_coefficient / 2 * |x|^2` added.
    func regularized(_ n: Lowering) throws -> ValueID {
      let factor = try n.scalar(n.float("norm_coefficient", default: 0), as: dtype)
      return try n.sum(n.product(factor, x), gradient)
    }
  }

  private static func optimizer(
    _ name: String, states: Int, _ step: @escaping @Sendable (Lowering, OptimizerStep) throws -> [ValueID]
  ) -> ONNXOperator {
    ONNXOperator(name, domain: trainingDomain, versions: [1]) { n in
      let groups = 2 + states
      let (count, rest) = (n.inputs.count - 2).quotientAndRemainder(dividingBy: groups)
      guard count > 0, rest == 0 else {
        throw GraphError(
          .invalidModel, "\(n.inputs.count) inputs are not a rate, a count and \(groups) for each tensor")
      }
      let (rate, updates) = (try n.required(0), try n.required(1))
      let zero = try n.scalar(0, as: n.elementType(updates, "T"))
      var outputs = [[ValueID]](repeating: [], count: 1 + states)
      for i in 0..<count {
        let x = try n.required(2 + i)
        let dtype = try n.elementType(x, "tensor \(i)")
        let one = OptimizerStep(
          dtype: dtype, rate: try n.cast(rate, to: dtype), count: try n.cast(updates, to: dtype),
          isLater: try n.add(Comparison(.greater), updates, zero), x: x, gradient: try n.required(2 + count + i),
          states: try (0..<states).map { try n.required(2 + (2 + $0) * count + i) })
        for (group, id) in try step(n, one).enumerated() { outputs[group].append(id) }
      }
      return outputs.flatMap { $0 }
    }
  }
}
