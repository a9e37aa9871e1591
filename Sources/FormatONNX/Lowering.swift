public import InferenceGraph
public import TensorCore

/// One node of a model while it becomes graph primitives: its inputs, its attributes, and the graph under construction.
public final class Lowering {
  /// The node as the model has it.
  public let node: NodeProto
  /// Inputs by position; nil where the node leaves an optional one out.
  public let inputs: [ValueID?]
  /// The opset that the model imports for the operator's domain.
  public let opset: Int
  /// The definition in force: the greatest of the operator's versions that is not above `opset`.
  public let version: Int
  let importer: GraphImporter

  init(node: NodeProto, inputs: [ValueID?], opset: Int, version: Int, importer: GraphImporter) {
    self.node = node
    self.inputs = inputs
    self.opset = opset
    self.version = version
    self.importer = importer
  }

  // MARK: Inputs

  /// Input `index`, or nil when it is not given.
  public func optional(_ index: Int) -> ValueID? { index < inputs.count ? inputs[index] : nil }

  /// Input `index`.
  ///
  /// - Throws: `GraphError` when the node does not give it.
  public func required(_ index: Int) throws -> ValueID {
    guard let id = optional(index) else {
      throw GraphError(.invalidModel, "input \(index) is required and missing")
    }
    return id
  }

  /// What is known of a value.
  public func fact(_ id: ValueID) -> Fact { importer.builder.fact(id) }

  /// The elements of input `index` where it is a constant of integers.
  public func constantIntegers(_ index: Int) -> [Int]? { optional(index).flatMap { fact($0).constantIntegers } }

  /// What wrote the model, where it says so: where the standard and an exporter do not mean the same.
  public var producer: String { importer.model.producer }

  /// True when output `index` has a name, that is, somebody may read it.
  public func wantsOutput(_ index: Int) -> Bool { index < node.outputs.count && !node.outputs[index].isEmpty }

  /// How many outputs the node names, empty names included.
  public var outputCount: Int { node.outputs.count }

  // MARK: Attributes

  /// True when the node has the attribute.
  public func has(_ name: String) -> Bool { node.attribute(name) != nil }

  public func int(_ name: String, default value: Int) throws -> Int { try int(name) ?? value }
  public func int(_ name: String) throws -> Int? {
    try attribute(name) { if case .int(let v) = $0 { v } else { nil } }
  }
  public func ints(_ name: String) throws -> [Int]? {
    try attribute(name) { if case .ints(let v) = $0 { v } else { nil } }
  }
  public func float(_ name: String, default value: Float) throws -> Float { try float(name) ?? value }
  public func float(_ name: String) throws -> Float? {
    try attribute(name) { if case .float(let v) = $0 { v } else { nil } }
  }
  public func floats(_ name: String) throws -> [Float]? {
    try attribute(name) { if case .floats(let v) = $0 { v } else { nil } }
  }
  public func string(_ name: String, default value: String) throws -> String { try string(name) ?? value }
  public func string(_ name: String) throws -> String? {
    try attribute(name) { if case .string(let v) = $0 { v } else { nil } }
  }
  public func strings(_ name: String) throws -> [String]? {
    try attribute(name) { if case .strings(let v) = $0 { v } else { nil } }
  }
  public func tensor(_ name: String) throws -> Tensor? {
    try attribute(name) { if case .tensor(let v) = $0 { v } else { nil } }
  }
  /// A graph attribute imported; values that it reads from outside come back as `captures`, and are the inputs of the
  /// graph after its own (`graph.inputs = formal inputs + captures`).
  ///
  /// - Parameter formals: what is known of the graph's own inputs, by position.
  public func graph(_ name: String, formals: [Fact] = []) throws -> (graph: Graph, captures: [ValueID]) {
    try importer.importSubgraph(graphProto(name), formals: formals)
  }

  /// Adds the nodes of a graph attribute in the place of this node and returns its outputs.
  ///
  /// - Parameter arguments: the values of the graph's inputs, by position.
  public func inlinedGraph(_ name: String, arguments: [ValueID] = []) throws -> [ValueID] {
    try importer.inlineSubgraph(graphProto(name), arguments: arguments)
  }

  private func graphProto(_ name: String) throws -> GraphProto {
    let proto: GraphProto? = try attribute(name) { if case .graph(let v) = $0 { v } else { nil } }
    guard let proto else { throw GraphError(.invalidModel, "attribute \"\(name)\" (a graph) is required and missing") }
    return proto
  }

  public func type(_ name: String) throws -> TypeProto? {
    try attribute(name) { if case .type(let v) = $0 { v } else { nil } }
  }
  /// The dtype that an integer attribute names (`TensorProto.DataType`).
  public func dtype(_ name: String) throws -> DType? {
    guard let code = try int(name) else { return nil }
    guard let dtype = DType(onnx: code) else {
      throw GraphError(.invalidModel, "attribute \"\(name)\": \(code) is no tensor element type")
    }
    return dtype
  }

  private func attribute<T>(_ name: String, _ get: (AttributeProto.Value) -> T?) throws -> T? {
    guard let found = node.attribute(name) else { return nil }
    guard let value = get(found.value) else {
      throw GraphError(.invalidModel, "attribute \"\(name)\" has the wrong type (\(found.value.kind))")
    }
    return value
  }

  // MARK: The graph around the node

  /// The value that the graph knows by `name` where the node stands.
  ///
  /// - Throws: `GraphError` when nothing before the node defines it.
  public func value(named name: String) throws -> ValueID {
    guard let id = try importer.resolve(name) else {
      throw GraphError(.invalidModel, "\"\(name)\" is not defined before the node")
    }
    return id
  }

  /// The gradients of `y` with respect to the first `count` of `cuts`: see `GraphBuilder.gradients`.
  public func gradients(
    of y: ValueID, withRespectTo count: Int, cuts: [ValueID], values: [ValueID]
  ) throws -> [ValueID] {
    try importer.addGradients(of: y, withRespectTo: count, cuts: cuts, values: values)
  }

  // MARK: Building

  /// Adds a primitive and returns its outputs.
  public func add(_ op: any Operator, _ inputs: [ValueID?]) throws -> [ValueID] {
    try importer.builder.add(
      op, inputs, name: importer.uniqueName(node.name.isEmpty ? node.outputs.first ?? "" : node.name))
  }

  /// Adds a primitive with one output.
  public func add(_ op: any Operator, _ inputs: ValueID?...) throws -> ValueID { try add(op, inputs)[0] }

  /// Adds a constant.
  public func constant(_ tensor: Tensor) -> ValueID { importer.builder.constant(tensor) }

  /// Adds a constant that is no tensor.
  public func constant(_ value: Value) -> ValueID { importer.builder.constant(value) }
}
