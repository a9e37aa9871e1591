import InferenceGraph
public import JSONDocument
import ModelFormats
public import ModelLoading
import ServingCore
import TensorCore

/// What `swiftlet inspect` says of a model.
public struct Inspection: Sendable {
  private let model: PreparedModel

  public init(_ model: PreparedModel) { self.model = model }

  /// Bytes of weights as they are run: constants and what operators packed.
  public var weightBytes: Int { model.session.plan.constantBytes }

  private func ports(_ ports: [ModelSignature.Port]) -> JSONDocument {
    .array(
      ports.map { port in
        [
          "name": .string(port.name), "type": .string("\(port.type)"),
          "shape": port.dims.map { dims in
            .array(
              dims.enumerated().map { axis, d in
                d.map { .number($0) } ?? port.dimNames[axis].map { .string($0) } ?? .null
              })
          } ?? .null,
        ]
      })
  }

  /// The report as JSON.
  public var json: JSONDocument {
    let signature = ModelSignature(model)
    let loaded = model.loaded
    return [
      "format": .string(loaded.format), "path": .string(loaded.path), "producer": .string(loaded.producer),
      "versions": .object(loaded.versions.map { ($0.name, .number($0.version)) }),
      "inputs": ports(signature.inputs), "outputs": ports(signature.outputs),
      "columns": signature.columns.map { .array($0.map { .string($0) }) } ?? .null,
      "operators": .object(loaded.operatorCounts.map { ($0.name, .number($0.count)) }),
      "parameters": .number(loaded.parameterCount),
      "memory": ["weights_bytes": .number(weightBytes)],
      "steps": .array(model.session.plan.operatorNames.map { .string($0) }),
      "metadata": .object(loaded.metadata.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }),
    ]
  }

  /// The report for a person.
  public var text: String {
    let signature = ModelSignature(model)
    let loaded = model.loaded
    var out = "\(loaded.path)\n"
    func line(_ name: String, _ value: String) {
      out += name + String(repeating: " ", count: Swift.max(1, 12 - name.utf8.count)) + value + "\n"
    }
    line("format", ([loaded.format] + loaded.versions.map { "\($0.name) \($0.version)" }).joined(separator: ", "))
    if !loaded.producer.isEmpty { line("producer", loaded.producer) }
    for port in signature.inputs { line("input", "\(port.name)  \(describe(port))") }
    for port in signature.outputs { line("output", "\(port.name)  \(describe(port))") }
    if let columns = signature.columns { line("columns", columns.joined(separator: ", ")) }
    line("operators", loaded.operatorCounts.map { "\($0.name) x\($0.count)" }.joined(separator: ", "))
    line("steps", "\(model.session.plan.operatorNames.count) after optimisation")
    line("parameters", "\(loaded.parameterCount)")
    line("weights", Inspection.size(weightBytes))
    return out
  }

  private func describe(_ port: ModelSignature.Port) -> String {
    let shape = port.dims.map { dims in
      "["
        + dims.enumerated().map { axis, d in d.map(String.init) ?? port.dimNames[axis] ?? "?" }.joined(separator: ", ")
        + "]"
    }
    if let dtype = port.type.dtype { return "\(dtype)\(shape ?? "")" }
    return "\(port.type)"
  }

  static func size(_ bytes: Int) -> String {
    if bytes < 10_000 { return "\(bytes) B" }
    if bytes < 10_000_000 { return "\((bytes + 500) / 1000) kB" }
    return "\((bytes + 500_000) / 1_000_000) MB"
  }
}
