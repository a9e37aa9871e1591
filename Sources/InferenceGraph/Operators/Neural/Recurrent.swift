import Kernels
public import TensorCore

/// A recurrent network of one layer: LSTM, GRU or plain.
///
/// Inputs as ONNX has them: X `[t, n, i]`, W `[d, gates*h, i]`, R `[d, gates*h, h]`, B `[d, 2*gates*h]`, sequence lengths
/// `[n]`, initial h `[d, n, h]`, and for LSTM initial c `[d, n, h]` and peepholes P `[d, 3*h]`. Outputs: Y `[t, d, n, h]`,
/// the last h and, for LSTM, the last c. With `isBatchFirst` X is `[n, t, i]`, Y `[n, t, d, h]`, states `[n, d, h]`.
public struct Recurrent: Operator {
  /// The kinds of cell, with the number of gates.
  public enum Cell: Int, Sendable, Hashable {
    case plain = 1
    case gru = 3
    case lstm = 4
  }
  /// The order in which a sequence is read.
  public enum Direction: Sendable, Hashable { case forward, reverse, both }

  public var cell: Cell
  public var hidden: Int?
  public var direction: Direction
  /// For each direction as many as the cell has (1, 2 or 3).
  public var functions: [RecurrentFunction]
  public var clip: Float?
  public var isBatchFirst: Bool
  /// GRU: the reset gate acts after the product with R.
  public var resetsAfterProduct: Bool
  /// LSTM: the forget gate is 1 minus the input gate.
  public var couplesForgetGate: Bool

  public init(
    _ cell: Cell, hidden: Int?, direction: Direction, functions: [RecurrentFunction], clip: Float? = nil,
    isBatchFirst: Bool = false, resetsAfterProduct: Bool = false, couplesForgetGate: Bool = false
  ) {
    self.cell = cell
    self.hidden = hidden
    self.direction = direction
    self.functions = functions
    self.clip = clip
    self.isBatchFirst = isBatchFirst
    self.resetsAfterProduct = resetsAfterProduct
    self.couplesForgetGate = couplesForgetGate
  }

  public var name: String {
    switch cell {
    case .plain: "RNN"
    case .gru: "GRU"
    case .lstm: "LSTM"
    }
  }
  public var attributes: [(name: String, value: String)] {
    [("hidden", hidden.map(String.init) ?? "?"), ("direction", "\(direction)"), ("batchFirst", "\(isBatchFirst)")]
  }

  var directions: Int { direction == .both ? 2 : 1 }
  /// Activations a direction has.
  public static func functionCount(_ cell: Cell) -> Int { cell == .lstm ? 3 : cell == .gru ? 2 : 1 }

  public func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let x = try Operand.fact(inputs, 0, "X")
    let r = try Operand.fact(inputs, 2, "R")
    _ = try Operand.fact(inputs, 1, "W")
    if let dtype = x.dtype, !dtype.isReal { throw Operand.unsupported(dtype, "floating-point numbers") }
    guard functions.count == directions * Recurrent.functionCount(cell) else {
      throw GraphError(
        .invalidModel, "\(directions * Recurrent.functionCount(cell)) activations are needed, \(functions.count) came")
    }
    if let shape = x.shape, shape.count != 3 {
      throw GraphError(.invalidModel, "X must have rank 3 and has shape \(shape.text)")
    }
    if let shape = r.shape {
      guard shape.count == 3, !shape[0].isProvablyDifferent(from: Dim(directions)),
        !shape[1].isProvablyDifferent(from: shape[2] * Dim(cell.rawValue)),
        hidden == nil || !shape[2].isProvablyDifferent(from: Dim(hidden ?? 0))
      else {
        throw GraphError(
          .invalidModel, "R of shape \(shape.text) does not fit \(directions) directions and hidden size \(hidden ?? 0)"
        )
      }
    }
    let h = hidden.map { Dim($0) } ?? r.extent(2) ?? .unknown
    let d = Dim(directions)
    let t = x.extent(isBatchFirst ? 1 : 0) ?? .unknown
    let n = x.extent(isBatchFirst ? 0 : 1) ?? .unknown
    let state = Fact(type: x.type, shape: isBatchFirst ? [n, d, h] : [d, n, h])
    let y = Fact(type: x.type, shape: isBatchFirst ? [n, t, d, h] : [t, d, n, h])
    return cell == .lstm ? [y, state, state] : [y, state]
  }

  public func specialized(
    _ inputs: [Fact?], _ constants: Constants
  ) throws -> (operator: any Operator, kept: [Int])? {
    guard inputs.count >= 3, let w = inputs[1]?.tensor, let r = inputs[2]?.tensor, w.dtype == .float32,
      r.dtype == .float32, inputs[0]?.dtype == .float32,
      let weights = try? RecurrentWeights<Float>(self, w, r, constants)
    else { return nil }
    return (PackedRecurrent(network: self, weights: weights), [0] + Array(3..<Swift.max(3, inputs.count)))
  }

  public func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0, "X")
    guard x.dtype.isReal else { throw Operand.unsupported(x.dtype, "floating-point numbers") }
    guard functions.count == directions * Recurrent.functionCount(cell) else {
      throw GraphError(.invalidModel, "\(functions.count) activations do not fit \(directions) directions")
    }
    return x.dtype == .float64
      ? try run(inputs, context, as: Double.self) : try run(inputs, context, as: Float.self)
  }

  private func run<S: RecurrentScalar & TensorElement>(
    _ inputs: [Value?], _ context: EvaluationContext, as type: S.Type
  ) throws -> [Value] {
    let w = try Recurrent.converted(Operand.tensor(inputs, 1, "W"), S.self)
    let r = try Recurrent.converted(Operand.tensor(inputs, 2, "R"), S.self)
    return try run(inputs, RecurrentWeights<S>(self, w, r, .inMemory), context)
  }

  /// Runs with packed weights; the places of W and R in `inputs` are not read.
  func run<S: RecurrentScalar & TensorElement>(
    _ inputs: [Value?], _ weights: RecurrentWeights<S>, _ context: EvaluationContext
  ) throws -> [Value] {
    let given = try Operand.tensor(inputs, 0, "X")
    let x = try Recurrent.converted(given, S.self)
    guard x.shape.rank == 3, x.shape[2] == weights.input else {
      throw GraphError(.invalidInput, "X of shape \(x.shape) does not fit weights for \(weights.input) inputs")
    }
    let h = weights.hidden
    let t = x.shape[isBatchFirst ? 1 : 0]
    let n = x.shape[isBatchFirst ? 0 : 1]
    let stateShape: Shape = isBatchFirst ? [n, directions, h] : [directions, n, h]
    func state(_ index: Int, _ what: String, _ shape: Shape) throws -> Tensor? {
      guard let tensor = try Operand.optional(inputs, index, what) else { return nil }
      guard tensor.shape == shape else {
        throw GraphError(.invalidInput, "\(what) must have shape \(shape) and has \(tensor.shape)")
      }
      return try Recurrent.converted(tensor, S.self)
    }
    var lengths = [Int](repeating: t, count: n)
    if let given = try Operand.optional(inputs, 4, "sequence_lens") {
      guard let values = given.integers, values.count == n, values.allSatisfy({ $0 >= 0 && $0 <= t }) else {
        throw GraphError(.invalidInput, "sequence_lens must be \(n) numbers in 0...\(t)")
      }
      lengths = values
    }
    let y = try context.allocate(S.dtype, isBatchFirst ? [n, t, directions, h] : [t, directions, n, h])
    let lastH = try context.allocate(S.dtype, stateShape)
    let lastC = try context.allocate(S.dtype, stateShape)
    let run = RecurrentRun<S>(
      network: self, weights: weights, x: x, bias: try state(3, "B", [directions, 2 * cell.rawValue * h]),
      lengths: lengths, initialH: try state(5, "initial_h", stateShape),
      initialC: cell == .lstm ? try state(6, "initial_c", stateShape) : nil,
      peepholes: cell == .lstm ? try state(7, "P", [directions, 3 * h]) : nil, y: y, lastH: lastH, lastC: lastC, t: t,
      n: n, pool: context.pool)
    for d in 0..<directions { run.run(d) }
    let outputs = cell == .lstm ? [y, lastH, lastC] : [y, lastH]
    return try outputs.map { .tensor(try Recurrent.restored($0, given.dtype, context)) }
  }

  /// The tensor with elements of type `S`.
  static func converted<S: TensorElement & RealScalar>(_ tensor: Tensor, _ type: S.Type) throws -> Tensor {
    if tensor.dtype == S.dtype { return tensor }
    guard let values = try tensor.dtype.withReal(ReadDoubles(tensor: tensor)) else {
      throw Operand.unsupported(tensor.dtype, "floating-point numbers")
    }
    let out = Tensor(uninitialized: S.dtype, tensor.shape)
    let to = out.unsafeMutableElements(of: S.self)
    for i in 0..<values.count { to[i] = S(double: values[i]) }
    return out
  }

  /// The tensor with elements of type `dtype`.
  static func restored(_ tensor: Tensor, _ dtype: DType, _ context: EvaluationContext) throws -> Tensor {
    if tensor.dtype == dtype { return tensor }
    let out = try context.allocate(dtype, tensor.shape)
    guard let values = try tensor.dtype.withReal(ReadDoubles(tensor: tensor)) else { return tensor }
    _ = try dtype.withReal(WriteDoubles(tensor: out, values: values))
    return out
  }
}

/// W and R of every direction, packed.
///
/// Invariant that makes it `Sendable`: nothing is changed after `init`.
final class RecurrentWeights<S: RecurrentScalar>: @unchecked Sendable {
  let input: Int
  let hidden: Int
  let w: [S.Matrix]
  let r: [S.Matrix]
  /// GRU: the last gate's part of R by itself.
  let rLast: [S.Matrix]
  let shapes: (w: Shape, r: Shape)

  /// - Throws: `GraphError` when the shapes do not fit.
  init(_ network: Recurrent, _ w: Tensor, _ r: Tensor, _ constants: Constants) throws {
    let gates = network.cell.rawValue
    let d = network.directions
    guard w.shape.rank == 3, r.shape.rank == 3, w.shape[0] == d, r.shape[0] == d, w.shape[1] == r.shape[1],
      r.shape[1] == gates * r.shape[2], network.hidden == nil || network.hidden == r.shape[2], r.shape[2] > 0
    else {
      throw GraphError(
        .invalidInput, "W of shape \(w.shape) and R of shape \(r.shape) do not fit \(network.name) in \(d) directions")
    }
    let i = w.shape[2]
    let h = r.shape[2]
    input = i
    hidden = h
    shapes = (w.shape, r.shape)
    func pack(_ tensor: Tensor, _ name: String, from start: Int = 0, k: Int, n: Int, each: Int) -> [S.Matrix] {
      (0..<d).map { direction in
        S.pack(k: k, n: n, constants, "\(name) \(direction)") { range, use in
          let first = direction &* each &+ start
          tensor.withElements(first + range.lowerBound..<first + range.upperBound, use)
        }
      }
    }
    self.w = pack(w, "w", k: i, n: gates &* h, each: gates &* h &* i)
    if network.cell == .gru {
      self.r = pack(r, "r", k: h, n: 2 &* h, each: gates &* h &* h)
      rLast = pack(r, "r last", from: 2 &* h &* h, k: h, n: h, each: gates &* h &* h)
    } else {
      self.r = pack(r, "r", k: h, n: gates &* h, each: gates &* h &* h)
      rLast = []
    }
  }

  func addHeld(to memory: inout HeldMemory) {
    for matrix in w + r + rLast { S.addHeld(matrix, to: &memory) }
  }
}

/// A float32 recurrent network with constant weights, packed once. Inputs: those of `Recurrent` without W and R.
struct PackedRecurrent: Operator {
  let network: Recurrent
  let weights: RecurrentWeights<Float>

  var name: String { network.name }
  var attributes: [(name: String, value: String)] { network.attributes }
  func addHeld(to memory: inout HeldMemory) { weights.addHeld(to: &memory) }

  private func spread<T>(_ inputs: [T?], _ w: T?, _ r: T?) -> [T?] {
    Array(inputs.prefix(1)) + [w, r] + Array(inputs.dropFirst(1))
  }

  func outputFacts(_ inputs: [Fact?]) throws -> [Fact] {
    let facts = [weights.shapes.w, weights.shapes.r].map { Fact(.float32, $0.dims.map { Dim($0) }) }
    return try network.outputFacts(spread(inputs, facts[0], facts[1]))
  }

  func evaluate(_ inputs: inout [Value?], _ context: EvaluationContext) throws -> [Value] {
    let x = try Operand.tensor(inputs, 0, "X")
    guard x.dtype == .float32 else { throw Operand.unsupported(x.dtype, "float32") }
    return try network.run(spread(inputs, nil, nil), weights, context)
  }
}
