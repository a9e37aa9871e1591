import Kernels
import TensorCore

/// Replaces what follows from constants by constants.
struct FoldConstants: Pass {
  static let name = "fold-constants"
  init() {}

  /// The largest value in bytes that folding makes.
  private static let maxBytes = 1 << 28
  /// All values that folding makes take at most this many bytes, or a multiple of what the model's own constants take: a
  /// small file may ask for any number of large values.
  private static let maxTotalBytes = 1 << 28
  private static let maxGrowth = 8

  /// Bytes that this run of the pass may still make; nil before its first edit.
  private var remaining: Int?

  mutating func next(_ graph: Graph, _ constants: Constants) throws -> GraphPatch? {
    var patch = GraphPatch(Self.name, of: graph)
    var known: [ValueID: ValueID] = [:]
    var values: [ValueID: Value] = [:]
    var changed = false
    let context = EvaluationContext(pool: .inline, arena: .forConstants, maxTensorBytes: Self.maxBytes)
    var budget = remaining ?? Self.budget(graph)
    defer { remaining = budget }
    for (index, node) in graph.nodes.enumerated() where node.operator.isPure && node.operator.subgraphs.isEmpty {
      func constant(_ id: ValueID) -> Value? { values[id] ?? graph.fact(id).constant }
      var outputs: [Value] = []
      let facts = node.outputs.compactMap { constant($0) }
      if facts.count == node.outputs.count {
        outputs = facts
      } else {
        var inputs: [Value?] = []
        var all = true
        for id in node.inputs {
          guard let id else {
            inputs.append(nil)
            continue
          }
          guard let value = constant(id) else {
            all = false
            break
          }
          inputs.append(value)
        }
        guard all, fits(node, graph), budget > 0 else { continue }
        do {
          outputs = try Self.evaluate(node, &inputs, context, constants.part("\(index)"))
        } catch let error as GraphError where error.code == .limit {
          continue
        } catch {
          throw GraphError.wrapping(error, node: "\(node.operator.name) node \"\(node.name)\"")
        }
        budget -= outputs.reduce(0) { $0 + $1.heldBytes }
        for id in node.inputs { if let id { constant(id)?.tensor?.dropMappedPages() } }
      }
      for (id, value) in zip(node.outputs, outputs) {
        values[id] = value
        let new = patch.constant(value, name: graph[id].name)
        known[id] = new
        patch.replace(id, with: new)
      }
      patch.drop(index)
      changed = true
    }
    return changed ? patch : nil
  }

  /// The outputs of a node, from `constants` where they are all there.
  private static func evaluate(
    _ node: Node, _ inputs: inout [Value?], _ context: EvaluationContext, _ constants: Constants
  ) throws -> [Value] {
    guard constants.areKept else { return try node.operator.evaluate(&inputs, context) }
    let found = node.outputs.indices.compactMap { constants.find("\($0)") }
    if !found.isEmpty, found.count == node.outputs.count { return found.map { .tensor($0) } }
    let isSmall = inputs.allSatisfy { ($0?.heldBytes ?? 0) < Constants.minBytes }
    let outputs = try node.operator.evaluate(&inputs, context)
    // Views of a file's tensors cost nothing to make again.
    let tensors = outputs.compactMap(\.tensor).filter(\.storage.isWritable)
    if tensors.count == outputs.count, !isSmall || tensors.contains(where: { $0.byteCount >= Constants.minBytes }) {
      for (index, tensor) in tensors.enumerated() { constants.keep(tensor, as: "\(index)") }
    }
    return outputs
  }

  private static func budget(_ graph: Graph) -> Int {
    let own = graph.values.reduce(0) { $0 &+ ($1.fact.constant?.heldBytes ?? 0) }
    let (grown, overflow) = own.multipliedReportingOverflow(by: maxGrowth)
    return Swift.max(maxTotalBytes, overflow ? Int.max : grown)
  }

  private func fits(_ node: Node, _ graph: Graph) -> Bool {
    for id in node.outputs {
      guard let shape = graph.fact(id).shape else { continue }
      var n = 16
      for d in shape {
        let (p, overflow) = n.multipliedReportingOverflow(by: Swift.max(d.value ?? 1, 1))
        if overflow || p > Self.maxBytes { return false }
        n = p
      }
    }
    return true
  }
}
