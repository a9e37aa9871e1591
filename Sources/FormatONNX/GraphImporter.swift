import InferenceGraph
import TensorCore

/// Turns a `GraphProto` into a `Graph`, node by node, through `OperatorTable`.
final class GraphImporter {
  var builder = GraphBuilder()
  let model: ModelContext
  /// Values by name; the innermost scope last.
  private var scope: [String: ValueID] = [:]
  /// The importer of the graph around this one, for names that this one does not define.
  private let outer: GraphImporter?
  private var captures: [(outer: ValueID, inner: ValueID)] = []
  /// Names that this graph's own inputs, initializers and nodes have defined.
  private var defined: Set<String> = []
  /// Names that were found in the graph around this one.
  private var captured: [String: ValueID] = [:]
  private var usedNames: [String: Int] = [:]
  private let opsets: [String: Int]
  private var depth: Int

  /// What all graphs of a model share.
  final class ModelContext {
    let functions: [FunctionKey: FunctionProto]
    let limits: ONNXLimits
    let producer: String
    /// Nodes that may still be imported.
    private(set) var nodesLeft: Int

    init(_ model: ModelProto, limits: ONNXLimits) throws {
      var functions: [FunctionKey: FunctionProto] = [:]
      for function in model.functions {
        let key = FunctionKey(domain: function.domain, name: function.name, overload: function.overload)
        guard functions.updateValue(function, forKey: key) == nil else {
          throw ONNXError(.invalidModel, "function \"\(function.domain).\(function.name)\" is defined twice")
        }
      }
      self.functions = functions
      self.limits = limits
      producer = model.producerName
      nodesLeft = model.nodeCount + limits.maxExpandedNodes
    }

    /// Counts nodes that are imported: calls and gradients multiply nodes, so a small file may describe a graph without
    /// end.
    func charge(_ count: Int = 1) throws {
      nodesLeft -= count
      guard nodesLeft >= 0 else {
        throw ONNXError(
          .limit, "calls of functions and gradients expand to more than \(limits.maxExpandedNodes) nodes")
      }
    }
  }

  /// What a node names a model-local function by.
  struct FunctionKey: Hashable {
    var domain: String
    var name: String
    var overload: String
  }

  init(_ model: ModelContext, opsets: [String: Int], outer: GraphImporter? = nil, depth: Int = 0) {
    self.model = model
    self.opsets = opsets
    self.outer = outer
    self.depth = depth
  }

  /// A node name that no other node of this graph has.
  func uniqueName(_ name: String) -> String {
    let n = usedNames[name, default: 0]
    usedNames[name] = n + 1
    return n == 0 ? name : "\(name)#\(n)"
  }

  // MARK: Graphs

  /// Imports the model's own graph.
  func importMain(_ proto: GraphProto) throws -> Graph {
    let initialized = Set(proto.initializers.map(\.name))
    try distinct(proto.inputs, "input", of: proto)
    for info in proto.inputs where !initialized.contains(info.name) {
      defined.insert(info.name)
      scope[info.name] = builder.input(info.name, fact(info.type))
    }
    for (id, name) in try importBody(proto) { builder.output(id, name: name) }
    return builder.graph
  }

  /// Imports a graph attribute of one of this graph's nodes.
  ///
  /// - Parameter formals: what the node knows of the graph's own inputs, by position; what they leave open is taken from
  ///   the graph's declarations.
  func importSubgraph(_ proto: GraphProto, formals: [Fact]) throws -> (graph: Graph, captures: [ValueID]) {
    guard depth < model.limits.maxDepth else { throw ONNXError(.limit, "graphs are nested too deep") }
    let inner = GraphImporter(model, opsets: opsets, outer: self, depth: depth + 1)
    try distinct(proto.inputs, "input", of: proto)
    for (position, info) in proto.inputs.enumerated() {
      inner.defined.insert(info.name)
      var fact = inner.fact(info.type)
      if position < formals.count {
        fact = Fact(type: formals[position].type ?? fact.type, shape: formals[position].shape ?? fact.shape)
      }
      inner.scope[info.name] = inner.builder.input(info.name, fact)
    }
    var proto = proto
    // What the node passes goes before the default that an initializer of the same name is.
    let formal = Set(proto.inputs.map(\.name))
    proto.initializers.removeAll { formal.contains($0.name) }
    for (id, name) in try inner.importBody(proto) { inner.builder.output(id, name: name) }
    return (inner.builder.graph, inner.captures.map(\.outer))
  }

  /// Adds the nodes of a graph attribute to this graph and returns its outputs.
  ///
  /// - Parameter arguments: the values of the graph's inputs, by position.
  func inlineSubgraph(_ proto: GraphProto, arguments: [ValueID]) throws -> [ValueID] {
    guard depth < model.limits.maxDepth else { throw ONNXError(.limit, "graphs are nested too deep") }
    try distinct(proto.inputs, "input", of: proto)
    guard proto.inputs.count == arguments.count else {
      throw ONNXError(
        .invalidModel, "graph \"\(proto.name)\" has \(proto.inputs.count) inputs, \(arguments.count) are passed")
    }
    var proto = proto
    let formal = Set(proto.inputs.map(\.name))
    proto.initializers.removeAll { formal.contains($0.name) }
    let saved = (scope, defined)
    defined = []
    depth += 1
    defer {
      depth -= 1
      (scope, defined) = saved
      for (name, id) in captured where scope[name] == nil { scope[name] = id }
    }
    for (info, id) in zip(proto.inputs, arguments) {
      defined.insert(info.name)
      scope[info.name] = id
    }
    return try importBody(proto).map(\.id)
  }

  /// Adds a graph's initializers and nodes and returns its outputs.
  private func importBody(_ proto: GraphProto) throws -> [(id: ValueID, name: String)] {
    for (name, tensor) in proto.initializers {
      try define(name) { "an initializer of graph \"\(proto.name)\"" }
      scope[name] = builder.constant(.tensor(tensor), name: name)
    }
    var declared: [String: TypeProto] = [:]
    for info in proto.valueInfos + proto.outputs { if let type = info.type { declared[info.name] = type } }
    try importNodes(proto.nodes, declared: declared)
    return try proto.outputs.map { info in
      guard let id = try resolve(info.name) else {
        throw ONNXError(.invalidModel, "output \"\(info.name)\" of graph \"\(proto.name)\" is never computed")
      }
      return (id, info.name)
    }
  }

  private func importNodes(_ nodes: [NodeProto], declared: [String: TypeProto]) throws {
    let nodes = NodeOrder(nodes).sorted ?? nodes
    for (index, node) in nodes.enumerated() {
      try model.charge()
      for name in node.inputs where !name.isEmpty {
        if try resolve(name) == nil { throw unresolved(name, node, later: nodes[index...]) }
      }
      try importNode(node, declared: declared)
    }
  }

  /// Adds the gradients of `y` to the graph: see `GraphBuilder.gradients`.
  func addGradients(
    of y: ValueID, withRespectTo count: Int, cuts: [ValueID], values: [ValueID]
  ) throws -> [ValueID] {
    let before = builder.graph.nodes.count
    let gradients = try builder.gradients(
      of: y, withRespectTo: count, cuts: cuts, values: values, maxNodes: model.nodesLeft)
    try model.charge(builder.graph.nodes.count - before)
    return gradients
  }

  /// Throws when two of a graph's inputs or outputs have one name.
  private func distinct(_ infos: [ValueInfoProto], _ what: String, of proto: GraphProto) throws {
    var seen = Set<String>()
    for info in infos where !seen.insert(info.name).inserted {
      throw ONNXError(.invalidModel, "\(what) \"\(info.name)\" of graph \"\(proto.name)\" is declared twice")
    }
  }

  /// Notes that this graph defines `name`, which may happen once (ONNX IR specification: graphs are in single-assignment
  /// form).
  private func define(_ name: String, by: () -> String) throws {
    guard !name.isEmpty, !defined.insert(name).inserted else { return }
    throw ONNXError(.invalidModel, "\(by()) defines \"\(name)\", which the graph has defined before")
  }

  private func unresolved(_ name: String, _ node: NodeProto, later: ArraySlice<NodeProto>) -> ONNXError {
    let message = "\(label(node)) reads \"\(name)\", which nothing before it computes"
    guard let maker = later.first(where: { $0.outputs.contains(name) }) else {
      return ONNXError(.invalidModel, message)
    }
    return ONNXError(
      .invalidModel,
      "\(message): \(label(maker)) does, and needs what comes of it: the graph has a cycle")
  }

  // MARK: Nodes

  private func importNode(_ node: NodeProto, declared: [String: TypeProto]) throws {
    var inputs: [ValueID?] = []
    for name in node.inputs {
      if name.isEmpty {
        inputs.append(nil)
      } else {
        inputs.append(try resolve(name))
      }
    }
    let outputs: [ValueID]
    do {
      outputs = try lower(node, inputs)
    } catch let error as ONNXError {
      throw error
    } catch {
      throw GraphError.wrapping(error, node: label(node))
    }
    for (name, id) in zip(node.outputs, outputs) where !name.isEmpty {
      try define(name) { label(node) }
      scope[name] = id
      if let type = declared[name] { builder.refine(id, with: fact(type)) }
    }
    for name in node.outputs.dropFirst(outputs.count) where !name.isEmpty {
      throw ONNXError(.invalidModel, "\(label(node)) has no output \"\(name)\"")
    }
  }

  private func lower(_ node: NodeProto, _ inputs: [ValueID?]) throws -> [ValueID] {
    let key = FunctionKey(domain: node.domain, name: node.opType, overload: node.overload)
    if let function = model.functions[key] { return try inline(function, node, inputs) }
    let opset = opsets[node.domain]
    guard let entry = OperatorTable.find(domain: node.domain, name: node.opType) else {
      throw unsupported(node, inputs, opset)
    }
    guard let opset = opset ?? (node.domain.isEmpty ? nil : 1) else {
      throw ONNXError(.invalidModel, "\(label(node)): the model imports no opset of domain \"\(node.domain)\"")
    }
    guard let version = entry.versions.last(where: { $0 <= opset }) else {
      throw unsupported(node, inputs, opset)
    }
    let lowering = Lowering(node: node, inputs: inputs, opset: opset, version: version, importer: self)
    return try entry.lower(lowering)
  }

  private func unsupported(_ node: NodeProto, _ inputs: [ValueID?], _ opset: Int?) -> ONNXError {
    let types = inputs.map { $0.map { builder.fact($0).description } ?? "absent" }.joined(separator: ", ")
    let domain = node.domain.isEmpty ? "ai.onnx" : node.domain
    return ONNXError(
      .unsupported,
      "operator \(domain).\(node.opType) (opset \(opset.map(String.init) ?? "not imported")) is not supported: "
        + "node \"\(node.name)\" with inputs (\(types))")
  }

  private func label(_ node: NodeProto) -> String {
    "\(node.opType) node \"\(node.name.isEmpty ? node.outputs.first ?? "" : node.name)\""
  }

  /// Puts a model-local function's nodes in the place of a call.
  private func inline(_ function: FunctionProto, _ call: NodeProto, _ inputs: [ValueID?]) throws -> [ValueID] {
    guard depth < model.limits.maxDepth else {
      throw ONNXError(.limit, "function \"\(function.name)\" is nested too deep (does it call itself?)")
    }
    let body = GraphImporter(model, opsets: opsets.merging(function.opsets) { $1 }, depth: depth + 1)
    guard inputs.count <= function.inputs.count else {
      throw ONNXError(
        .invalidModel,
        "\(label(call)) gives \(inputs.count) inputs, function \"\(function.name)\" takes \(function.inputs.count)")
    }
    // The graph under construction is handed over, not shared: a shared one would be copied at every call.
    swap(&body.builder, &builder)
    swap(&body.usedNames, &usedNames)
    for name in function.inputs { try body.define(name) { "an input of function \"\(function.name)\"" } }
    for (name, id) in zip(function.inputs, inputs) { if let id { body.scope[name] = id } }
    let absent = Set(
      function.inputs.enumerated().filter { $0.offset >= inputs.count || inputs[$0.offset] == nil }.map(\.element))
    let nodes = try function.nodes.map { try bind($0, call: call, defaults: function.defaults, absent: absent) }
    try body.importNodes(nodes, declared: [:])
    swap(&body.builder, &builder)
    swap(&body.usedNames, &usedNames)
    return try function.outputs.map { name in
      guard let id = body.scope[name] else {
        throw ONNXError(.invalidModel, "function \"\(function.name)\" never computes its output \"\(name)\"")
      }
      return id
    }
  }

  /// A node of a function's body with the call's attributes put in; `absent`: formal inputs that the call leaves out.
  private func bind(
    _ node: NodeProto, call: NodeProto, defaults: [AttributeProto], absent: Set<String>
  ) throws -> NodeProto {
    try model.charge()
    var node = node
    node.inputs = node.inputs.map { absent.contains($0) ? "" : $0 }
    node.attributes = try node.attributes.compactMap { attribute in
      var attribute = attribute
      switch attribute.value {
      case .reference(let name):
        guard let value = (call.attribute(name) ?? defaults.first { $0.name == name })?.value else { return nil }
        attribute.value = value
      case .graph(var graph):
        graph.nodes = try graph.nodes.map { try bind($0, call: call, defaults: defaults, absent: absent) }
        attribute.value = .graph(graph)
      default: break
      }
      return attribute
    }
    return node
  }

  // MARK: Values

  /// The value of that name in this graph or, captured, in one around it; nil where there is none.
  func resolve(_ name: String) throws -> ValueID? {
    if let id = scope[name] { return id }
    guard let outer, let id = try outer.resolve(name) else { return nil }
    let fact = outer.builder.fact(id)
    let inner: ValueID
    if let constant = fact.constant {
      inner = builder.constant(constant, name: name)
    } else {
      inner = builder.input(name, fact)
      captures.append((id, inner))
    }
    scope[name] = inner
    captured[name] = inner
    return inner
  }

  /// What a declaration says. A name of an extent is only believed where the whole model's inputs and values are
  /// declared: in a graph that runs several times it may be another extent each time.
  private func fact(_ type: TypeProto?) -> Fact {
    guard let type else { return Fact(type: nil, shape: nil) }
    guard case .tensor(_, let dims) = type else { return Fact(type: type.valueType, shape: nil) }
    return Fact(
      type: type.valueType,
      shape: dims.map {
        $0.map { dim in
          switch dim {
          case .value(let v): Dim(v)
          // Some converters write a question mark for every extent that they do not know.
          case .parameter(let name): depth == 0 && name != "?" ? .symbol(name) : .unknown
          case .unknown: .unknown
          }
        }
      })
  }
}
