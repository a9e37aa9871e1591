import Kernels
import TensorCore

/// Moves what is done element by element to the result of a product or a convolution (a constant bias, one addition of
/// a tensor of the same shape, an activation) into its epilogue, where the result is still in registers or cache.
struct FuseEpilogues: Pass {
  static let name = "fuse-epilogues"
  init() {}

  func next(_ graph: Graph, _ constants: Constants) throws -> GraphPatch? {
    let view = GraphView(graph)
    var patch = GraphPatch(Self.name, of: graph)
    var used = Set<Int>()
    for (index, node) in graph.nodes.enumerated() where !used.contains(index) {
      guard var fused = Fused(node) else { continue }
      var chain = [index]
      var value = node.outputs[0]
      while let reader = view.onlyReader(value), !used.contains(reader.index), reader.node.outputs.count == 1,
        fused.absorb(reader.node, value, view)
      {
        chain.append(reader.index)
        value = reader.node.outputs[0]
      }
      guard chain.count > 1, let last = chain.last else { continue }
      let out = try patch.add(fused.operator, fused.inputs, name: graph.nodes[last].name, before: last, in: graph)
      patch.replace(value, with: out[0])
      for dead in chain {
        patch.drop(dead)
        used.insert(dead)
      }
    }
    return used.isEmpty ? nil : patch
  }

  /// A product or a convolution with what it has absorbed.
  private struct Fused {
    private enum Base {
      case linear(Linear)
      case conv(Conv)
    }

    private var base: Base
    private(set) var inputs: [ValueID?]

    init?(_ node: Node) {
      inputs = node.inputs
      if let linear = node.operator as? Linear {
        base = .linear(linear)
      } else if let conv = node.operator as? Conv {
        base = .conv(conv)
      } else {
        return nil
      }
    }

    var `operator`: any Operator {
      switch base {
      case .linear(let op): op
      case .conv(let op): op
      }
    }

    private var activation: Activation {
      switch base {
      case .linear(let op): op.activation
      case .conv(let op): op.activation
      }
    }

    private var addsResidual: Bool {
      switch base {
      case .linear(let op): op.addsResidual
      case .conv(let op): op.addsResidual
      }
    }

    mutating func absorb(_ node: Node, _ value: ValueID, _ view: GraphView) -> Bool {
      guard activation == .none, view.graph.fact(value).dtype == .float32 else { return false }
      if view.arithmetic(node) == .add, let other = view.other(node, than: value), other != value {
        return absorbBias(other, value, view) || absorbResidual(other, value, node, view)
      }
      guard let activation = FuseEpilogues.activation(node, value, view) else { return false }
      switch base {
      case .linear(var op):
        op.activation = activation
        base = .linear(op)
      case .conv(var op):
        op.activation = activation
        base = .conv(op)
      }
      return true
    }

    private mutating func absorbBias(_ other: ValueID, _ value: ValueID, _ view: GraphView) -> Bool {
      guard case .linear(var op) = base, op.bias == nil, !op.addsResidual, let bias = view.floats(other),
        bias.count == op.matrix.n, bias.shape.dims.last == op.matrix.n,
        bias.shape.rank <= view.graph.fact(value).rank ?? 1
      else { return false }
      op.bias = bias
      base = .linear(op)
      return true
    }

    private mutating func absorbResidual(_ other: ValueID, _ value: ValueID, _ node: Node, _ view: GraphView) -> Bool {
      guard !addsResidual, view.haveSameShape(value, other), view.graph.fact(other).dtype == .float32 else {
        return false
      }
      switch base {
      case .linear(var op):
        op.addsResidual = true
        base = .linear(op)
        inputs = [inputs[0], other]
      case .conv(var op):
        op.addsResidual = true
        base = .conv(op)
        inputs = [inputs[0], inputs[1], inputs.count > 2 ? inputs[2] : nil, other]
      }
      return true
    }
  }

  /// The activation that a node is.
  private static func activation(_ node: Node, _ value: ValueID, _ view: GraphView) -> Activation? {
    if let unary = node.operator as? Unary {
      switch unary.kind {
      case .relu: return Activation(.relu)
      case .gelu: return Activation(.gelu)
      case .geluTanh: return Activation(.geluTanh)
      case .sigmoid: return Activation(.sigmoid)
      case .tanh: return Activation(.tanh)
      case .leakyRelu: return Activation(.leakyRelu, p: unary.alpha)
      case .swish: return unary.alpha == 1 ? Activation(.silu) : nil
      default: return nil
      }
    }
    if node.operator is Clip, node.inputs.first == value {
      let low = node.inputs.count > 1 ? node.inputs[1] : nil
      let high = node.inputs.count > 2 ? node.inputs[2] : nil
      if low != nil && view.scalar(low) == nil || high != nil && view.scalar(high) == nil { return nil }
      return Activation(.clip, p: view.scalar(low) ?? -.infinity, q: view.scalar(high) ?? .infinity)
    }
    return nil
  }
}
