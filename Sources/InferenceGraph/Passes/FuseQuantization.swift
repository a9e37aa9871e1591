import Kernels
import TensorCore

/// Computes on 8-bit integers what a model spells with `DequantizeLinear`, an operator on floats and `QuantizeLinear`:
/// convolutions and products with constant weights, and the movement of elements.
///
/// Sums of integers are exact, where the float operators that they replace round: results differ by a unit of the output
/// where those land beside a tie. Runs before constants are folded, as weights are recognised by their `DequantizeLinear`.
struct FuseQuantization: Pass {
  static let name = "fuse-quantization"
  init() {}

  func next(_ graph: Graph, _ constants: Constants) throws -> GraphPatch? {
    guard graph.nodes.contains(where: { $0.operator is DequantizeLinear }) else { return nil }
    var fusion = Fusion(graph, constants)
    for (index, node) in graph.nodes.enumerated() {
      if let conv = node.operator as? Conv {
        try fusion.fuse(conv, index, node)
      } else if node.operator is MatMul || node.operator is Gemm {
        try fusion.fuseProduct(index, node)
      } else if Fusion.moves(node.operator) {
        try fusion.fuseMovement(index, node)
      }
    }
    return fusion.changed ? fusion.patch : nil
  }
}

/// The edits of one run over a graph.
private struct Fusion {
  private let graph: Graph
  private let view: GraphView
  private let constants: Constants
  private(set) var patch: GraphPatch
  private(set) var changed = false

  init(_ graph: Graph, _ constants: Constants) {
    self.graph = graph
    self.constants = constants
    view = GraphView(graph)
    patch = GraphPatch(FuseQuantization.name, of: graph)
  }

  // MARK: What is recognised

  /// One scale and one zero point of 8-bit integers.
  private struct Unit: Equatable {
    var dtype: DType
    var scale: Float
    var zero: Int32

    /// `x` in this unit, within the type's range.
    func quantized(_ x: Float) -> Int32 {
      let range = dtype.quantizedRange ?? 0...0
      let nearest = (x / scale).rounded(.toNearestOrEven) + Float(zero)
      return Int32(Swift.min(Swift.max(nearest, range.lowerBound), range.upperBound))
    }
  }

  /// What a constant matrix or kernel stands for.
  private struct Weights {
    var id: ValueID
    var tensor: Tensor
    var scaleID: ValueID
    var zeroID: ValueID?
    var scales: [Float]
    var zeros: [Int32]
  }

  /// The unit of a `QuantizeLinear` or `DequantizeLinear`.
  private func unit(_ node: Node, _ dtype: DType?) -> Unit? {
    guard let dtype, IntegerMatMul.takes(dtype), node.inputs.count >= 2, let scale = view.scalar(node.inputs[1]),
      Self.isSound(scale)
    else { return nil }
    guard node.inputs.count > 2, let id = node.inputs[2] else { return Unit(dtype: dtype, scale: scale, zero: 0) }
    guard let zeros = zeros(id), zeros.count == 1 else { return nil }
    return Unit(dtype: dtype, scale: scale, zero: zeros[0])
  }

  /// The elements of a constant of 8-bit integers.
  private func zeros(_ id: ValueID) -> [Int32]? {
    guard let tensor = graph.fact(id).tensor, IntegerMatMul.takes(tensor.dtype) else { return nil }
    return tensor.integers?.map { Int32($0) }
  }

  /// Scales for which 255 units are as exact as one.
  private static func isSound(_ scale: Float) -> Bool { scale.isNormal && scale > 1e-30 && scale < 1e30 }

  private func isPlain(_ op: DequantizeLinear) -> Bool { op.blockSize == 0 && op.dtype ?? .float32 == .float32 }

  /// The 8-bit integers that a value stands for.
  private func dequantized(_ id: ValueID?) -> (node: Node, x: ValueID, unit: Unit)? {
    guard let producer = view.producer(id), let op = producer.node.operator as? DequantizeLinear, isPlain(op),
      let x = producer.node.inputs[0], let unit = unit(producer.node, graph.fact(x).dtype)
    else { return nil }
    return (producer.node, x, unit)
  }

  /// Constant 8-bit integers with one scale, or one for every index of `axis`.
  private func weights(_ id: ValueID?, axis: Int) -> Weights? {
    guard let node = view.producer(id)?.node, let op = node.operator as? DequantizeLinear, isPlain(op),
      let x = node.inputs[0], let tensor = graph.fact(x).tensor, IntegerMatMul.takes(tensor.dtype),
      tensor.count > 0, axis < tensor.shape.rank,
      let scaleID = node.inputs[1], let scales = view.floats(scaleID)?.array(of: Float.self),
      scales.allSatisfy(Self.isSound)
    else { return nil }
    let isOne = scales.count == 1
    guard isOne || scales.count == tensor.shape[axis] && (try? tensor.shape.checkedAxis(op.axis)) == axis else {
      return nil
    }
    let zeroID = node.inputs.count > 2 ? node.inputs[2] : nil
    var zeros: [Int32] = [0]
    if let zeroID {
      guard let values = self.zeros(zeroID), values.count == scales.count else { return nil }
      zeros = values
    }
    return Weights(id: x, tensor: tensor, scaleID: scaleID, zeroID: zeroID, scales: scales, zeros: zeros)
  }

  /// The floats of a constant, plain or as quantised ones.
  private func floats(_ id: ValueID) throws -> Tensor? {
    if let tensor = view.floats(id) { return tensor }
    guard let node = view.producer(id)?.node, let op = node.operator as? DequantizeLinear, isPlain(op) else {
      return nil
    }
    var values: [Value?] = []
    for input in node.inputs {
      guard let input else {
        values.append(nil)
        continue
      }
      guard let constant = graph.fact(input).constant else { return nil }
      values.append(constant)
    }
    guard let count = values.first??.tensor?.count, count <= Self.maxBias else { return nil }
    let context = EvaluationContext(pool: .inline, arena: .forConstants, maxTensorBytes: 4 * Self.maxBias)
    return try op.evaluate(&values, context)[0].tensor
  }

  private static let maxBias = 1 << 20

  /// What follows a value up to its `QuantizeLinear`: limits that an activation sets, and the nodes.
  private struct Tail {
    var node: Node
    var unit: Unit
    var low = -Float.infinity
    var high = Float.infinity
    var nodes: [Int]
    var result: ValueID { node.outputs[0] }
    var last: Int { nodes[nodes.count - 1] }
  }

  private func tail(of value: ValueID) -> Tail? {
    guard let first = view.onlyReader(value), first.node.inputs.first == value else { return nil }
    guard let limits = limits(first.node) else {
      guard let op = first.node.operator as? QuantizeLinear, op.blockSize == 0, op.precision ?? .float32 == .float32,
        let unit = unit(first.node, op.dtype)
      else { return nil }
      return Tail(node: first.node, unit: unit, nodes: [first.index])
    }
    guard let output = first.node.outputs.first, var rest = tail(of: output), rest.nodes.count == 1 else { return nil }
    (rest.low, rest.high) = limits
    rest.nodes.insert(first.index, at: 0)
    return rest
  }

  /// The limits that a node keeps its first input within; nil: it does something else.
  private func limits(_ node: Node) -> (low: Float, high: Float)? {
    if let unary = node.operator as? Unary, unary.kind == .relu { return (0, .infinity) }
    guard node.operator is Clip else { return nil }
    var limits: [Float] = [-.infinity, .infinity]
    for position in 1..<Swift.max(1, node.inputs.count) {
      guard let id = node.inputs[position] else { continue }
      guard let limit = view.scalar(id), !limit.isNaN else { return nil }
      limits[position - 1] = limit
    }
    return (limits[0], limits[1])
  }

  // MARK: What is made of it

  /// Ends an edit: `y` takes the place of what the tail makes. Rounding keeps the order of numbers, so the rounded
  /// limits keep the rounded numbers within them as the limits do the numbers.
  private mutating func finish(_ y: ValueID, _ tail: Tail, dropping nodes: [Int]) throws {
    let unit = tail.unit
    var y = y
    let (low, high) = (unit.quantized(tail.low), unit.quantized(tail.high))
    let range = unit.dtype.quantizedRange ?? 0...0
    if Float(low) > range.lowerBound || Float(high) < range.upperBound {
      let limits = [low, high].map { patch.constant(.tensor(unit.dtype.scalar($0)), name: "\(tail.node.name)/limit") }
      y = try patch.add(Clip(), [y] + limits, name: "\(tail.node.name)/limits", before: tail.last, in: graph)[0]
    }
    patch.replace(tail.result, with: y)
    for dead in nodes + tail.nodes { patch.drop(dead) }
    changed = true
  }

  /// True when sums of `depth` products and a bias stay within 32 bits.
  private func fits(depth: Int, bias: [Float]) -> Bool {
    guard depth <= 1 << 14 else { return false }
    let room = Float(Int32.max) - Float(depth * 255 * 255)
    return bias.allSatisfy { Swift.abs($0) < room }
  }

  mutating func fuse(_ conv: Conv, _ index: Int, _ node: Node) throws {
    guard conv.activation == .none, !conv.addsResidual, let x = dequantized(node.inputs[0]),
      let w = weights(node.inputs[1], axis: 0), w.tensor.shape.rank >= 3, let tail = tail(of: node.outputs[0])
    else { return }
    let channels = w.tensor.shape[0]
    let depth = w.tensor.shape.product(1..<w.tensor.shape.rank)
    // One channel a group has kernels for floats that outrun a product of one row.
    guard conv.group >= 1, channels > conv.group, channels % conv.group == 0 else { return }
    // What a unit of the sums is worth, by channel.
    let units = (0..<channels).map { x.unit.scale * w.scales[w.scales.count == 1 ? 0 : $0] }
    guard units.allSatisfy({ $0.isNormal && ($0 / tail.unit.scale).isNormal }) else { return }
    var bias: ValueID?
    if node.inputs.count > 2, let id = node.inputs[2] {
      guard let values = try floats(id)?.array(of: Float.self), values.count == channels else { return }
      let whole = zip(values, units).map { ($0 / $1).rounded(.toNearestOrEven) }
      let lost = zip(zip(values, whole), units).map { Swift.abs($0.0 - $0.1 * $1) }
      // Only a quantised bias is made of whole units; what rounding another one loses must not show in the output.
      guard fits(depth: depth, bias: whole), lost.allSatisfy({ $0 <= tail.unit.scale / 1024 }) else { return }
      bias = patch.constant(.tensor(try Tensor(whole.map { Int32($0) }, shape: [channels])), name: "\(node.name)/bias")
    }
    guard fits(depth: depth, bias: []) else { return }
    let zero = patch.constant(.tensor(tail.unit.dtype.scalar(tail.unit.zero)), name: "\(node.name)/zero")
    let inputs: [ValueID?] = [
      x.x, x.node.inputs[1], x.node.inputs.count > 2 ? x.node.inputs[2] : nil, w.id, w.scaleID, w.zeroID,
      tail.node.inputs[1], zero, bias,
    ]
    let op = QuantizedConv(window: conv.window, group: conv.group)
    let y = try patch.add(op, inputs, name: node.name, before: tail.last, in: graph)[0]
    try finish(y, tail, dropping: [index])
  }

  mutating func fuseProduct(_ index: Int, _ node: Node) throws {
    let gemm = node.operator as? Gemm
    let isTransposed = gemm?.transposesB ?? false
    guard gemm.map({ $0.alpha == 1 && $0.beta == 1 && !$0.transposesA }) ?? true,
      let x = dequantized(node.inputs[0]), let w = weights(node.inputs[1], axis: isTransposed ? 0 : 1),
      w.tensor.shape.rank == 2
    else { return }
    let (k, n) = (w.tensor.shape[isTransposed ? 1 : 0], w.tensor.shape[isTransposed ? 0 : 1])
    guard PackedIntegerMatrix.byteCount(k: k, n: n) <= MemoryBudget.bytes / 4 else { return }
    var nodes = [index]
    var value = node.outputs[0]
    var bias: [Float]?
    if node.inputs.count > 2, let id = node.inputs[2] {
      guard let values = try self.bias(id, columns: n, rank: 2) else { return }
      bias = values
    } else if let next = view.onlyReader(value), view.arithmetic(next.node) == .add,
      let other = view.other(next.node, than: value), other != value, let rank = graph.fact(value).rank,
      let values = try self.bias(other, columns: n, rank: rank)
    {
      bias = values
      nodes.append(next.index)
      value = next.node.outputs[0]
    }
    guard fits(depth: k, bias: []) else { return }
    let tail = tail(of: value)
    let unit = tail?.unit.scale ?? 1
    let scales = w.scales.map { x.unit.scale * $0 / unit }
    guard scales.allSatisfy({ $0.isNormal }) else { return }
    let matrix = PackedIntegerMatrix(
      k: k, n: n, isSigned: w.tensor.dtype == .int8, transposed: isTransposed, in: constants, as: "\(index)"
    ) { use in w.tensor.withTransientBytes { use(UnsafePointer($0.assumingMemoryBound(to: UInt8.self))) } }
    w.tensor.dropMappedPages()
    let op = QuantizedLinear(
      matrix, zeros: w.zeros, input: x.unit.dtype, inputZero: x.unit.zero, scales: scales,
      bias: bias?.map { $0 / unit }, output: tail.map { .quantized($0.unit.dtype, zero: $0.unit.zero) } ?? .float32,
      takesMatrix: gemm != nil)
    let last = tail?.last ?? nodes[nodes.count - 1]
    let y = try patch.add(op, [x.x], name: node.name, before: last, in: graph)[0]
    if let tail {
      try finish(y, tail, dropping: nodes)
    } else {
      patch.replace(value, with: y)
      for dead in nodes { patch.drop(dead) }
      changed = true
    }
  }

  /// What is added to every row of `columns` numbers; nil where that is not the same for all rows.
  private func bias(_ id: ValueID, columns: Int, rank: Int) throws -> [Float]? {
    guard let tensor = try floats(id), tensor.shape.rank <= rank,
      tensor.count == 1 || tensor.count == columns && tensor.shape.dims.last == columns
    else { return nil }
    return tensor.array(of: Float.self)
  }

  /// Operators that only move elements of their first input.
  static func moves(_ op: any Operator) -> Bool {
    op is Reshape || op is Flatten || op is Squeeze || op is Unsqueeze || op is Transpose || op is Slice
      || op is Gather || op is Expand || op is Tile || op is DepthToSpace || op is SpaceToDepth
  }

  mutating func fuseMovement(_ index: Int, _ node: Node) throws {
    guard let first = node.inputs.first, let x = dequantized(first), node.outputs.count == 1,
      let tail = tail(of: node.outputs[0]), tail.nodes.count == 1, tail.unit == x.unit
    else { return }
    let inputs: [ValueID?] = [x.x] + node.inputs.dropFirst()
    let y = try patch.add(node.operator, inputs, name: node.name, before: tail.last, in: graph)[0]
    try finish(y, tail, dropping: [index])
  }
}

extension DType {
  /// A tensor of one 8-bit integer.
  fileprivate func scalar(_ value: Int32) -> Tensor {
    self == .int8
      ? Tensor(scalar: Int8(truncatingIfNeeded: value)) : Tensor(scalar: UInt8(truncatingIfNeeded: value))
  }
}
