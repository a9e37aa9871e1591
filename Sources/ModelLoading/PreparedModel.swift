public import InferenceGraph
public import Kernels
public import ModelFormats

/// A model ready to run: the graph as loaded, the optimised one, and a session over its plan.
public struct PreparedModel: Sendable {
  public let loaded: LoadedModel
  public let optimized: Graph
  public let session: Session

  /// Optimises and plans `loaded`.
  ///
  /// - Throws: `GraphError` with the node named.
  public init(_ loaded: LoadedModel, pool: ComputePool = .inline) throws {
    self.loaded = loaded
    optimized = try PassTable.optimize(loaded.graph)
    session = Session(try Plan(optimized), pool: pool)
  }
}
