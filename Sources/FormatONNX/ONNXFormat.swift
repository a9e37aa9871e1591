import InferenceGraph
public import ModelFormats
import TensorCore

/// ONNX protobuf files (IR versions 1 to 14).
public enum ONNXFormat: ModelFormat {
  public static let name = "onnx"
  public static let extensions = ["onnx"]

  /// A `ModelProto` starts with `ir_version` (field 1, varint) or, from unusual writers, another field below 26.
  public static func probe(_ head: UnsafeRawBufferPointer) -> Bool {
    guard let first = head.first else { return false }
    return first == 0x08 || first == 0x3A || first == 0x42
  }

  public static func load(path: String) throws -> LoadedModel { try load(path: path, limits: ONNXLimits()) }

  /// Reads and imports the model at `path` under `limits`.
  ///
  /// - Throws: `ONNXError`, `GraphError` or `MappedFile.Failure`.
  public static func load(path: String, limits: ONNXLimits) throws -> LoadedModel {
    let file = try MappedFile(path: path)
    guard !file.bytes.isEmpty else { throw ONNXError(.malformed, "\(path) is empty") }
    let reader = ModelReader(file, limits: limits)
    let model = try reader.model()
    guard let proto = model.graph else { throw ONNXError(.malformed, "\(path) is no ONNX model: it has no graph") }
    let context = try GraphImporter.ModelContext(model, limits: limits)
    let opsets = model.opsets.isEmpty ? ["": 1] : model.opsets
    let graph = try GraphImporter(context, opsets: opsets).importMain(proto)
    var counts: [String: Int] = [:]
    for node in proto.nodes {
      counts[node.domain.isEmpty ? node.opType : "\(node.domain).\(node.opType)", default: 0] += 1
    }
    return LoadedModel(
      format: name, path: path, graph: graph,
      producer: [model.producerName, model.producerVersion].filter { !$0.isEmpty }.joined(separator: " "),
      metadata: model.metadata,
      versions: [("IR", model.irVersion)]
        + opsets.sorted { $0.key < $1.key }.map { ($0.key.isEmpty ? "ai.onnx" : $0.key, $0.value) },
      operatorCounts: counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { ($0.key, $0.value) },
      parameterCount: parameters(proto), files: [file] + reader.externalFiles)
  }

  /// Elements of numeric initialisers and tensor attributes, and of float lists: what training found. Integer lists are
  /// axes, pads and tree structure.
  private static func parameters(_ graph: GraphProto) -> Int {
    func count(_ tensor: Tensor) -> Int { tensor.dtype.isFloatingPoint ? tensor.count : 0 }
    var total = graph.initializers.reduce(0) { $0 + count($1.tensor) }
    for attribute in graph.nodes.lazy.flatMap(\.attributes) {
      switch attribute.value {
      case .tensor(let tensor): total += count(tensor)
      case .floats(let list): total += list.count
      case .graph(let inner): total += parameters(inner)
      default: break
      }
    }
    return total
  }
}
