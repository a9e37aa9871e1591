public import TensorCore

/// Limits that a model file is read under.
public struct ONNXLimits: Sendable {
  /// Nodes in all graphs together.
  public var maxNodes = 1_000_000
  /// Graphs inside graphs, types inside types, functions inside functions.
  public var maxDepth = 32
  /// Nodes that calls of functions and gradients may add to those that the file has.
  public var maxExpandedNodes = 250_000
  /// Bytes of tensors that are stored element by element and so must be copied.
  public var maxCopiedBytes = 1 << 34
  /// Bytes that sparse tensors take once they are dense: a few bytes of a file may ask for any number of them.
  public var maxDenseBytes = 1 << 28

  public init() {}
}

/// Reads ONNX protobuf messages from mapped bytes. Tensors stored as raw little-endian data are borrowed, not copied.
///
/// Field numbers: `onnx.proto` of ONNX 1.23 (IR version 14).
public final class ModelReader {
  private let owner: MappedFile
  /// The folder that external data paths are relative to.
  private let externalData: ExternalData
  private let limits: ONNXLimits
  private var nodeCount = 0
  private var copiedBytes = 0
  private var denseBytes = 0

  /// A reader of `file`, whose bytes it borrows and keeps alive.
  public init(_ file: MappedFile, limits: ONNXLimits = ONNXLimits()) {
    owner = file
    externalData = ExternalData(modelPath: file.path)
    self.limits = limits
  }

  /// Reads the whole file as a model.
  ///
  /// - Throws: `ONNXError` that gives the byte and the field.
  public func model() throws -> ModelProto {
    do {
      return try withExtendedLifetime(owner) { try model(ProtobufReader(owner.bytes)) }
    } catch let error as ProtobufReader.Failure {
      throw ONNXError(.malformed, "\(owner.path) is no ONNX model: \(error.description)")
    }
  }

  /// Reads the whole file as a `TensorProto`, `SequenceProto` or `OptionalProto` of the given type.
  ///
  /// - Throws: `ONNXError`.
  public func value(_ type: ValueType) throws -> (name: String, value: Value) {
    do {
      return try withExtendedLifetime(owner) { try value(ProtobufReader(owner.bytes), type, depth: 0) }
    } catch let error as ProtobufReader.Failure {
      throw ONNXError(.malformed, "\(owner.path): \(error.description)")
    }
  }

  /// The files beside the model that tensors were read from, by name.
  var externalFiles: [MappedFile] { externalData.all }

  // MARK: Messages

  private func model(_ reader: ProtobufReader) throws -> ModelProto {
    var r = reader
    var model = ModelProto()
    while let tag = try r.tag() {
      switch (tag.field, tag.wire) {
      case (1, .varint): model.irVersion = Int(truncatingIfNeeded: try r.varint())
      case (2, .lengthDelimited): model.producerName = try r.string()
      case (3, .lengthDelimited): model.producerVersion = try r.string()
      case (4, .lengthDelimited): model.domain = try r.string()
      case (5, .varint): model.modelVersion = Int(truncatingIfNeeded: try r.varint())
      case (6, .lengthDelimited): model.docString = try r.string()
      case (7, .lengthDelimited): model.graph = try graph(try r.message(), depth: 0)
      case (8, .lengthDelimited): try opset(try r.message(), into: &model.opsets)
      case (14, .lengthDelimited):
        let (key, value) = try entry(try r.message())
        model.metadata[key] = value
      case (25, .lengthDelimited): model.functions.append(try function(try r.message()))
      default: try r.skip(tag.wire)
      }
    }
    model.nodeCount = nodeCount
    return model
  }

  private func opset(_ reader: ProtobufReader, into opsets: inout [String: Int]) throws {
    var r = reader
    var domain = ""
    var version = 0
    while let tag = try r.tag() {
      switch (tag.field, tag.wire) {
      case (1, .lengthDelimited): domain = try r.string()
      case (2, .varint): version = Int(truncatingIfNeeded: try r.varint())
      default: try r.skip(tag.wire)
      }
    }
    let key = domain == "ai.onnx" ? "" : domain
    if let other = opsets.updateValue(version, forKey: key), other != version {
      throw ONNXError(
        .invalidModel, "opsets \(other) and \(version) of domain \"\(key.isEmpty ? "ai.onnx" : key)\" are both imported"
      )
    }
  }

  private func entry(_ reader: ProtobufReader) throws -> (String, String) {
    var r = reader
    var key = ""
    var value = ""
    while let tag = try r.tag() {
      switch (tag.field, tag.wire) {
      case (1, .lengthDelimited): key = try r.string()
      case (2, .lengthDelimited): value = try r.string()
      default: try r.skip(tag.wire)
      }
    }
    return (key, value)
  }

  private func graph(_ reader: ProtobufReader, depth: Int) throws -> GraphProto {
    guard depth < limits.maxDepth else {
      throw ONNXError(.limit, "graphs are nested more than \(limits.maxDepth) deep")
    }
    var r = reader
    var graph = GraphProto()
    while let tag = try r.tag() {
      switch (tag.field, tag.wire) {
      case (1, .lengthDelimited): graph.nodes.append(try node(try r.message(), depth: depth))
      case (2, .lengthDelimited): graph.name = try r.string()
      case (5, .lengthDelimited):
        let body = try r.message()
        graph.initializers.append(try named("initializer") { try tensor(body) })
      case (11, .lengthDelimited): graph.inputs.append(try valueInfo(try r.message()))
      case (12, .lengthDelimited): graph.outputs.append(try valueInfo(try r.message()))
      case (13, .lengthDelimited): graph.valueInfos.append(try valueInfo(try r.message()))
      case (15, .lengthDelimited):
        let body = try r.message()
        graph.initializers.append(try named("sparse initializer") { try sparseTensor(body) })
      default: try r.skip(tag.wire)
      }
    }
    return graph
  }

  private func named<T>(_ what: String, _ body: () throws -> T) throws -> T {
    do { return try body() } catch let error as TensorError {
      throw ONNXError(.malformed, "\(what): \(error.description)")
    }
  }

  private func node(_ reader: ProtobufReader, depth: Int) throws -> NodeProto {
    nodeCount += 1
    guard nodeCount <= limits.maxNodes else {
      throw ONNXError(.limit, "the model has more than \(limits.maxNodes) nodes")
    }
    var r = reader
    var node = NodeProto()
    while let tag = try r.tag() {
      switch (tag.field, tag.wire) {
      case (1, .lengthDelimited): node.inputs.append(try r.string())
      case (2, .lengthDelimited): node.outputs.append(try r.string())
      case (3, .lengthDelimited): node.name = try r.string()
      case (4, .lengthDelimited): node.opType = try r.string()
      case (5, .lengthDelimited): node.attributes.append(try attribute(try r.message(), depth: depth))
      case (7, .lengthDelimited): node.domain = try r.string()
      case (8, .lengthDelimited): node.overload = try r.string()
      default: try r.skip(tag.wire)
      }
    }
    if node.domain == "ai.onnx" { node.domain = "" }
    return node
  }

  private func attribute(_ reader: ProtobufReader, depth: Int) throws -> AttributeProto {
    var r = reader
    var out = AttributeProto()
    var type = 0
    var floats: [Float] = []
    var ints: [Int] = []
    var strings: [String] = []
    var tensors: [Tensor] = []
    var graphs: [GraphProto] = []
    var types: [TypeProto] = []
    while let tag = try r.tag() {
      switch (tag.field, tag.wire) {
      case (1, .lengthDelimited): out.name = try r.string()
      case (2, .fixed32): out.value = .float(try r.float())
      case (3, .varint): out.value = .int(Int(truncatingIfNeeded: try r.varint()))
      case (4, .lengthDelimited): out.value = .string(try r.string())
      case (5, .lengthDelimited): out.value = .tensor(try tensor(try r.message()).tensor)
      case (6, .lengthDelimited): out.value = .graph(try graph(try r.message(), depth: depth + 1))
      case (7, _): try r.repeated(tag, .fixed32, into: &floats) { try $0.float() }
      case (8, _): try r.repeated(tag, .varint, into: &ints) { Int(truncatingIfNeeded: try $0.varint()) }
      case (9, .lengthDelimited): strings.append(try r.string())
      case (10, .lengthDelimited): tensors.append(try tensor(try r.message()).tensor)
      case (11, .lengthDelimited): graphs.append(try graph(try r.message(), depth: depth + 1))
      case (14, .lengthDelimited): if let t = try self.type(try r.message(), depth: 0) { out.value = .type(t) }
      case (15, .lengthDelimited): if let t = try self.type(try r.message(), depth: 0) { types.append(t) }
      case (20, .varint): type = Int(truncatingIfNeeded: try r.varint())
      case (21, .lengthDelimited): out.value = .reference(try r.string())
      case (22, .lengthDelimited): out.value = .tensor(try sparseTensor(try r.message()).tensor)
      default: try r.skip(tag.wire)
      }
    }
    if case .reference = out.value { return out }
    switch type {
    case 1: if case .none = out.value { out.value = .float(0) }
    case 2: if case .none = out.value { out.value = .int(0) }
    case 3: if case .none = out.value { out.value = .string("") }
    case 6: out.value = .floats(floats)
    case 7: out.value = .ints(ints)
    case 8: out.value = .strings(strings)
    case 9: out.value = .tensors(tensors)
    case 10: out.value = .graphs(graphs)
    case 14: out.value = .types(types)
    case 0:
      // Files of IR versions 1 and 2 leave the type out.
      if !floats.isEmpty { out.value = .floats(floats) }
      if !ints.isEmpty { out.value = .ints(ints) }
      if !strings.isEmpty { out.value = .strings(strings) }
      if !tensors.isEmpty { out.value = .tensors(tensors) }
      if !graphs.isEmpty { out.value = .graphs(graphs) }
    default: break
    }
    return out
  }

  private func valueInfo(_ reader: ProtobufReader) throws -> ValueInfoProto {
    var r = reader
    var info = ValueInfoProto()
    while let tag = try r.tag() {
      switch (tag.field, tag.wire) {
      case (1, .lengthDelimited): info.name = try r.string()
      case (2, .lengthDelimited): info.type = try type(try r.message(), depth: 0)
      default: try r.skip(tag.wire)
      }
    }
    return info
  }

  private func type(_ reader: ProtobufReader, depth: Int) throws -> TypeProto? {
    guard depth < limits.maxDepth else {
      throw ONNXError(.limit, "types are nested more than \(limits.maxDepth) deep")
    }
    var r = reader
    var out: TypeProto?
    while let tag = try r.tag() {
      switch (tag.field, tag.wire) {
      case (1, .lengthDelimited), (8, .lengthDelimited): out = try tensorType(try r.message())
      case (4, .lengthDelimited): out = try element(try r.message(), field: 1, depth).map { .sequence($0) }
      case (9, .lengthDelimited): out = try element(try r.message(), field: 1, depth).map { .optional($0) }
      case (5, .lengthDelimited):
        var body = try r.message()
        let copy = body
        var key: DType?
        while let tag = try body.tag() {
          if tag.field == 1, tag.wire == .varint {
            key = DType(onnx: Int(truncatingIfNeeded: try body.varint()))
          } else {
            try body.skip(tag.wire)
          }
        }
        if let key, let value = try element(copy, field: 2, depth) { out = .map(key: key, value: value) }
      default: try r.skip(tag.wire)
      }
    }
    return out
  }

  private func element(_ reader: ProtobufReader, field: Int, _ depth: Int) throws -> TypeProto? {
    var r = reader
    var out: TypeProto?
    while let tag = try r.tag() {
      if tag.field == field, tag.wire == .lengthDelimited {
        out = try type(try r.message(), depth: depth + 1)
      } else {
        try r.skip(tag.wire)
      }
    }
    return out
  }

  private func tensorType(_ reader: ProtobufReader) throws -> TypeProto? {
    var r = reader
    var dtype: DType?
    var dims: [TypeProto.DimProto]?
    while let tag = try r.tag() {
      switch (tag.field, tag.wire) {
      case (1, .varint): dtype = DType(onnx: Int(truncatingIfNeeded: try r.varint()))
      case (2, .lengthDelimited):
        var shape = try r.message()
        var list: [TypeProto.DimProto] = []
        while let tag = try shape.tag() {
          guard tag.field == 1, tag.wire == .lengthDelimited else {
            try shape.skip(tag.wire)
            continue
          }
          list.append(try dim(try shape.message()))
        }
        dims = list
      default: try r.skip(tag.wire)
      }
    }
    return dtype.map { .tensor($0, dims) }
  }

  private func dim(_ reader: ProtobufReader) throws -> TypeProto.DimProto {
    var r = reader
    var out = TypeProto.DimProto.unknown
    while let tag = try r.tag() {
      switch (tag.field, tag.wire) {
      case (1, .varint):
        let value = Int(truncatingIfNeeded: try r.varint())
        out = value >= 0 ? .value(value) : .unknown
      case (2, .lengthDelimited):
        let name = try r.string()
        out = name.isEmpty ? .unknown : .parameter(name)
      default: try r.skip(tag.wire)
      }
    }
    return out
  }

  private func function(_ reader: ProtobufReader) throws -> FunctionProto {
    var r = reader
    var out = FunctionProto()
    while let tag = try r.tag() {
      switch (tag.field, tag.wire) {
      case (1, .lengthDelimited): out.name = try r.string()
      case (4, .lengthDelimited): out.inputs.append(try r.string())
      case (5, .lengthDelimited): out.outputs.append(try r.string())
      case (7, .lengthDelimited): out.nodes.append(try node(try r.message(), depth: 0))
      case (9, .lengthDelimited): try opset(try r.message(), into: &out.opsets)
      case (10, .lengthDelimited): out.domain = try r.string()
      case (11, .lengthDelimited): out.defaults.append(try attribute(try r.message(), depth: 0))
      case (13, .lengthDelimited): out.overload = try r.string()
      default: try r.skip(tag.wire)
      }
    }
    if out.domain == "ai.onnx" { out.domain = "" }
    return out
  }

  // MARK: Tensors and other values

  private func tensor(_ reader: ProtobufReader) throws -> (name: String, tensor: Tensor) {
    var r = reader
    var proto = TensorProto()
    while let tag = try r.tag() {
      switch (tag.field, tag.wire) {
      case (1, _): try r.repeated(tag, .varint, into: &proto.dims) { Int(truncatingIfNeeded: try $0.varint()) }
      case (2, .varint): proto.dataType = Int(truncatingIfNeeded: try r.varint())
      case (4, _): try r.repeated(tag, .fixed32, into: &proto.floatData) { try $0.float() }
      case (5, _): try r.repeated(tag, .varint, into: &proto.int32Data) { Int32(truncatingIfNeeded: try $0.varint()) }
      case (6, .lengthDelimited): proto.stringData.append(try r.string())
      case (7, _): try r.repeated(tag, .varint, into: &proto.int64Data) { Int64(truncatingIfNeeded: try $0.varint()) }
      case (8, .lengthDelimited): proto.name = try r.string()
      case (9, .lengthDelimited): proto.rawData = try r.payload()
      case (10, _): try r.repeated(tag, .fixed64, into: &proto.doubleData) { Double(bitPattern: try $0.fixed64()) }
      case (11, _): try r.repeated(tag, .varint, into: &proto.uint64Data) { try $0.varint() }
      case (13, .lengthDelimited):
        let (key, value) = try entry(try r.message())
        proto.externalData[key] = value
      case (14, .varint): proto.isExternal = try r.varint() == 1
      default: try r.skip(tag.wire)
      }
    }
    var owner: AnyObject = self.owner
    if proto.isExternal {
      let (bytes, file) = try externalData.bytes(proto)
      proto.rawData = bytes
      owner = file
    }
    return (proto.name, try proto.tensor(owner: owner, copied: &copiedBytes, limit: limits.maxCopiedBytes))
  }

  private func sparseTensor(_ reader: ProtobufReader) throws -> (name: String, tensor: Tensor) {
    var r = reader
    var values: (name: String, tensor: Tensor)?
    var indices: Tensor?
    var dims: [Int] = []
    while let tag = try r.tag() {
      switch (tag.field, tag.wire) {
      case (1, .lengthDelimited): values = try tensor(try r.message())
      case (2, .lengthDelimited): indices = try tensor(try r.message()).tensor
      case (3, _): try r.repeated(tag, .varint, into: &dims) { Int(truncatingIfNeeded: try $0.varint()) }
      default: try r.skip(tag.wire)
      }
    }
    guard let values, let indices else { throw ONNXError(.malformed, "a sparse tensor lacks values or indices") }
    let dense = try TensorProto.densify(
      values.tensor, indices, Shape(dims), total: &denseBytes, limit: limits.maxDenseBytes)
    return (values.name, dense)
  }

  private func value(_ reader: ProtobufReader, _ type: ValueType, depth: Int) throws -> (name: String, value: Value) {
    guard depth < limits.maxDepth else { throw ONNXError(.limit, "values are nested too deep") }
    switch type {
    case .tensor:
      let t = try tensor(reader)
      return (t.name, .tensor(t.tensor))
    case .sequence(let element):
      var r = reader
      var name = ""
      var items: [Value] = []
      while let tag = try r.tag() {
        switch (tag.field, tag.wire) {
        case (1, .lengthDelimited): name = try r.string()
        case (3...7, .lengthDelimited): items.append(try value(try r.message(), element, depth: depth + 1).value)
        default: try r.skip(tag.wire)
        }
      }
      return (name, .sequence(items, element: element))
    case .optional(let element):
      var r = reader
      var name = ""
      var item: Value?
      while let tag = try r.tag() {
        switch (tag.field, tag.wire) {
        case (1, .lengthDelimited): name = try r.string()
        case (3...7, .lengthDelimited): item = try value(try r.message(), element, depth: depth + 1).value
        default: try r.skip(tag.wire)
        }
      }
      return (name, .optional(item, element: element))
    case .map(let key, let valueType):
      return try map(reader, key, valueType, depth)
    }
  }

  private func map(
    _ reader: ProtobufReader, _ key: DType, _ valueType: ValueType, _ depth: Int
  ) throws -> (name: String, value: Value) {
    var r = reader
    var name = ""
    var integers: [Int64] = []
    var strings: [String] = []
    var items: [Value] = []
    while let tag = try r.tag() {
      switch (tag.field, tag.wire) {
      case (1, .lengthDelimited): name = try r.string()
      case (3, _): try r.repeated(tag, .varint, into: &integers) { Int64(truncatingIfNeeded: try $0.varint()) }
      case (4, .lengthDelimited): strings.append(try r.string())
      case (5, .lengthDelimited):
        if case .sequence(let found, _) = try value(try r.message(), .sequence(valueType), depth: depth + 1).value {
          items = found
        }
      default: try r.skip(tag.wire)
      }
    }
    let keys = key == .string ? try Tensor(strings: strings, shape: [strings.count]) : Tensor(integers)
    let tensors = items.compactMap(\.tensor)
    guard tensors.count == keys.count, let dtype = valueType.dtype, dtype != .string,
      tensors.allSatisfy({ $0.dtype == dtype && $0.count == 1 })
    else {
      throw ONNXError(.malformed, "a map needs as many scalar values as keys")
    }
    let values = Tensor(uninitialized: dtype, [tensors.count])
    let width = dtype.byteWidth
    for (i, t) in tensors.enumerated() {
      UnsafeMutableRawBufferPointer(rebasing: values.unsafeMutableBytes[(i * width)..<((i + 1) * width)])
        .copyMemory(from: t.unsafeBytes)
    }
    return (name, .map(TensorMap(keys: keys, values: values)))
  }
}
