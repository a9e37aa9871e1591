import InferenceGraph

extension OperatorTable {
  static let recurrent: [ONNXOperator] = [
    ONNXOperator("LSTM", versions: [1, 7, 14, 22]) { try lower($0, .lstm, ["Sigmoid", "Tanh", "Tanh"]) },
    ONNXOperator("GRU", versions: [1, 3, 7, 14, 22]) { try lower($0, .gru, ["Sigmoid", "Tanh"]) },
    ONNXOperator("RNN", versions: [1, 7, 14, 22]) { try lower($0, .plain, ["Tanh"]) },
  ]

  private static func lower(_ n: Lowering, _ cell: Recurrent.Cell, _ defaults: [String]) throws -> [ValueID] {
    let direction: Recurrent.Direction
    switch try n.string("direction", default: "forward") {
    // Version 1 of GRU spells its own default "foward".
    case "forward", "foward": direction = .forward
    case "reverse": direction = .reverse
    case "bidirectional": direction = .both
    case let other:
      throw GraphError(.invalidModel, "direction \"\(other)\" is none of forward, reverse, bidirectional")
    }
    let names = try n.strings("activations") ?? (direction == .both ? defaults + defaults : defaults)
    let count = Recurrent.functionCount(cell) * (direction == .both ? 2 : 1)
    guard names.count >= count else {
      throw GraphError(.invalidModel, "\(count) activations are needed, \(names.count) came")
    }
    var alphas = (try n.floats("activation_alpha") ?? [])[...]
    var betas = (try n.floats("activation_beta") ?? [])[...]
    let functions = try names.prefix(count).map { name in
      guard var found = RecurrentFunction.named(name) else {
        throw GraphError(.invalidModel, "activation \"\(name)\" is not known")
      }
      if found.usesAlpha, let alpha = alphas.popFirst() { found.function.alpha = alpha }
      if found.usesBeta, let beta = betas.popFirst() { found.function.beta = beta }
      return found.function
    }
    let op = Recurrent(
      cell, hidden: try n.int("hidden_size"), direction: direction, functions: Array(functions),
      clip: try n.float("clip"), isBatchFirst: try n.int("layout", default: 0) != 0,
      resetsAfterProduct: try n.int("linear_before_reset", default: 0) != 0,
      couplesForgetGate: try n.int("input_forget", default: 0) != 0)
    let inputs = try [n.required(0), n.required(1), n.required(2)] + (3..<(cell == .lstm ? 8 : 6)).map(n.optional)
    return try n.add(op, inputs)
  }
}
