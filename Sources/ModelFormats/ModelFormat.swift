public import InferenceGraph
public import TensorCore

/// A file format that models come in.
public protocol ModelFormat: Sendable {
  /// The name in messages and `swiftlet inspect`, such as `onnx`.
  static var name: String { get }
  /// File name extensions without the dot, lower case, in order of preference.
  static var extensions: [String] { get }
  /// True when a file with these first bytes (up to 512) may be of this format.
  static func probe(_ head: UnsafeRawBufferPointer) -> Bool
  /// Reads a model.
  ///
  /// - Throws: an error whose description names the file, the fault and the remedy.
  static func load(path: String) throws -> LoadedModel
}

/// A model as its format read it: the graph before optimisation and what the file says about itself.
public struct LoadedModel: Sendable {
  public var format: String
  public var path: String
  public var graph: Graph
  /// Who made the file, such as `skl2onnx 1.19`.
  public var producer: String
  /// Key-value pairs that the file carries.
  public var metadata: [String: String]
  /// Versions that inspection shows, such as `ai.onnx 17`.
  public var versions: [(name: String, version: Int)]
  /// Operators as the file counts them, before lowering.
  public var operatorCounts: [(name: String, count: Int)]
  /// Learned numbers in the file: elements of its numeric tensors and of the number lists that operators carry.
  public var parameterCount: Int
  /// The files that the model was read from, in an order that depends on the model alone.
  public var files: [MappedFile]

  public init(
    format: String, path: String, graph: Graph, producer: String = "", metadata: [String: String] = [:],
    versions: [(name: String, version: Int)] = [], operatorCounts: [(name: String, count: Int)] = [],
    parameterCount: Int = 0, files: [MappedFile] = []
  ) {
    self.format = format
    self.path = path
    self.graph = graph
    self.producer = producer
    self.metadata = metadata
    self.versions = versions
    self.operatorCounts = operatorCounts
    self.parameterCount = parameterCount
    self.files = files
  }
}
