public import TensorCore

/// A rewrite of graphs. A pass looks at a graph and returns edits; the driver applies them until none comes.
public protocol Pass: Sendable {
  /// The name in dumps.
  static var name: String { get }
  init()
  /// The next edit, or nil when there is nothing (more) to do. Large constants that it adds, it makes in `constants`.
  mutating func next(_ graph: Graph, _ constants: Constants) throws -> GraphPatch?
}

/// The passes, in the order in which they run.
public enum PassTable {
  public static let passes: [any Pass.Type] = [
    FuseQuantization.self,
    DropDeadNodes.self,
    FoldConstants.self,
    DropDeadNodes.self,
    FoldBatchNormalization.self,
    FuseGelu.self,
    PackConstantProducts.self,
    FuseEpilogues.self,
    DropDeadNodes.self,
  ]

  /// Runs every pass to its end over `graph`.
  public static func optimize(
    _ graph: Graph, passes: [any Pass.Type] = PassTable.passes, _ constants: Constants = .inMemory
  ) throws -> Graph {
    var graph = graph
    for (index, type) in passes.enumerated() {
      var pass = type.init()
      var edits = 0
      while let patch = try pass.next(graph, constants.part("\(index) \(type.name) \(edits)")) {
        patch.apply(to: &graph)
        edits += 1
        if edits > maxEdits {
          throw GraphError(.limit, "pass \(type.name) made more than \(maxEdits) edits")
        }
      }
    }
    return graph
  }

  private static let maxEdits = 1_000_000
}
