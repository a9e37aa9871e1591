import CAllocator
public import InferenceGraph
public import Kernels
public import ModelFormats
import TensorCore

/// A model ready to run: a session over its plan, and what its file and its graph say.
public struct PreparedModel: Sendable {
  /// What the file says. Its graph is held whole where the graphs were asked for, else its inputs and outputs alone.
  public let loaded: LoadedModel
  /// The optimised graph, held like that of `loaded`.
  public let optimized: Graph
  public let session: Session
  /// Where the weights are.
  public let weights: WeightsPlace

  /// Optimises and plans `loaded`, with weights in this process's own memory. The graphs are held, so that they can be
  /// printed.
  ///
  /// - Throws: `GraphError` with the node named.
  public init(_ loaded: LoadedModel, pool: ComputePool = .inline) throws {
    try self.init(loaded, pool: pool, weights: nil, keepsGraphs: true)
  }

  /// Optimises and plans `loaded`, with weights in a file of `folder` that all processes map which prepare the same model:
  /// written by the first, found by the others and by later ones. What they compute is the same to the bit.
  ///
  /// Where the file can be neither read nor written the weights are in memory, and `weights` says why.
  ///
  /// - Parameters:
  ///   - folder: where weights files are; nil: memory.
  ///   - keepsGraphs: hold the graphs, as loaded and optimised, for printing; they hold what they are made of.
  /// - Throws: `GraphError` with the node named.
  public init(
    _ loaded: consuming LoadedModel, pool: ComputePool = .inline, weights folder: WeightsFolder?,
    keepsGraphs: Bool = false
  ) throws {
    let preparation = Preparation(graph: loaded.graph, files: loaded.files, keepsGraphs: keepsGraphs)
    let result = try preparation.run(in: folder)
    if !keepsGraphs { loaded.graph = loaded.graph.interface }
    loaded.files = []
    self.loaded = loaded
    optimized = result.optimized
    weights = result.place
    session = Session(result.plan, pool: pool)
  }

  /// The memory that the model takes: its constants and what runs have kept for the next ones.
  ///
  /// Constants are counted to the byte. Private memory is what goes back when the last reference to the model goes; mapped
  /// memory is shared by all processes that map it, and the system takes it back when it needs room.
  public var memory: ModelMemory {
    var held = HeldMemory()
    session.addHeld(to: &held)
    return ModelMemory(mappedBytes: held.mappedBytes, privateBytes: held.privateBytes)
  }
}

/// Bytes of memory that a model takes.
public struct ModelMemory: Sendable, Hashable {
  /// Of mapped files: the model's own and that of its prepared weights.
  public var mappedBytes: Int
  /// Of this process alone.
  public var privateBytes: Int

  public init(mappedBytes: Int, privateBytes: Int) {
    self.mappedBytes = mappedBytes
    self.privateBytes = privateBytes
  }

  public var totalBytes: Int { mappedBytes + privateBytes }

  /// Gives memory that the allocator holds free back to the system: for after the last reference to a model has gone. Takes
  /// milliseconds.
  public static func giveBackFreed() { allocator_give_back() }
}

/// A folder for files of prepared weights.
public struct WeightsFolder: Sendable, Hashable {
  /// The folder, which is there already.
  public var path: String
  /// What tells the model from all others, such as a digest of its archive; nil: a digest of its files is computed, and
  /// remembered in the folder for as long as the files are not touched.
  public var modelDigest: String?

  public init(_ path: String, modelDigest: String? = nil) {
    self.path = path
    self.modelDigest = modelDigest
  }
}

extension WeightsFolder {
  /// The file that a model's weights are looked for in: `<model>-<kernels>-<build>.weights`, of which the first part is the
  /// same for all files of a model. nil where there can be none.
  public func file(for model: LoadedModel, kernels: KernelTable = .current) -> String? {
    (try? WeightsKey(self, model.files, kernels)).map { "\(path)/\($0.fileName)" }
  }
}

/// Where a model's weights are.
public enum WeightsPlace: Sendable, Hashable, CustomStringConvertible {
  /// In memory of this process alone; `reason`: why, where a file was asked for.
  case memory(reason: String?)
  /// In a mapped file; `isNew`: this process has written it.
  case file(path: String, isNew: Bool)

  /// For logs, such as `weights mapped from /var/x.weights`.
  public var description: String {
    switch self {
    case .memory(nil): "weights in memory"
    case .memory(let reason?): "weights in memory: \(reason)"
    case .file(let path, let isNew): "weights \(isNew ? "written to and " : "")mapped from \(path)"
    }
  }
}
