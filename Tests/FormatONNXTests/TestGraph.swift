import InferenceGraph
import ModelFormats
import TensorCore

/// A tensor of a test model.
struct TestTensor: Sendable {
  var code: Int
  var dims: [Int]
  var bytes: [UInt8]

  static func ints(_ values: [Int], _ dims: [Int]? = nil) -> TestTensor {
    TestTensor(
      code: 7, dims: dims ?? [values.count],
      bytes: values.flatMap { v in
        withUnsafeBytes(of: Int64(v).littleEndian) { Array($0) }
      })
  }

  static func floats(_ values: [Float], _ dims: [Int]? = nil) -> TestTensor {
    TestTensor(
      code: 1, dims: dims ?? [values.count],
      bytes: values.flatMap { v in
        withUnsafeBytes(of: v.bitPattern.littleEndian) { Array($0) }
      })
  }

  static func doubles(_ values: [Double], _ dims: [Int]? = nil) -> TestTensor {
    TestTensor(
      code: 11, dims: dims ?? [values.count],
      bytes: values.flatMap { v in
        withUnsafeBytes(of: v.bitPattern.littleEndian) { Array($0) }
      })
  }

  static func bool(_ value: Bool) -> TestTensor { TestTensor(code: 9, dims: [], bytes: [value ? 1 : 0]) }

  func message(_ name: String) -> ProtoWriter {
    var m = ProtoWriter()
    for d in dims { m.int(1, d) }
    m.int(2, code)
    if !name.isEmpty { m.text(8, name) }
    m.data(9, bytes)
    return m
  }
}

/// An attribute of a test model.
enum TestAttribute: Sendable {
  case int(Int), ints([Int]), float(Float), text(String), texts([String]), tensor(TestTensor), graph(TestGraph)
  /// In a function's body: the caller's attribute of that name, with its type's code.
  case reference(String, type: Int)

  func message(_ name: String) -> ProtoWriter {
    var m = ProtoWriter()
    m.text(1, name)
    switch self {
    case .int(let v):
      m.int(3, v)
      m.int(20, 2)
    case .ints(let list):
      for v in list { m.int(8, v) }
      m.int(20, 7)
    case .float(let v):
      m.float(2, v)
      m.int(20, 1)
    case .text(let v):
      m.text(4, v)
      m.int(20, 3)
    case .texts(let list):
      for v in list { m.text(9, v) }
      m.int(20, 8)
    case .reference(let name, let type):
      m.text(21, name)
      m.int(20, type)
    case .tensor(let v):
      m.message(5, v.message(""))
      m.int(20, 4)
    case .graph(let v):
      m.message(6, v.message)
      m.int(20, 5)
    }
    return m
  }
}

/// A node of a test model.
struct TestNode: Sendable {
  var op: String
  var inputs: [String]
  var outputs: [String]
  var attributes: [String: TestAttribute] = [:]
  var domain = ""
  /// Which of a function's variants is meant.
  var overload = ""

  init(
    _ op: String, _ inputs: [String], _ outputs: [String], _ attributes: [String: TestAttribute] = [:],
    domain: String = "", overload: String = ""
  ) {
    self.domain = domain
    self.overload = overload
    self.op = op
    self.inputs = inputs
    self.outputs = outputs
    self.attributes = attributes
  }

  var message: ProtoWriter {
    var m = ProtoWriter()
    for name in inputs { m.text(1, name) }
    for name in outputs { m.text(2, name) }
    m.text(4, op)
    for (name, value) in attributes.sorted(by: { $0.key < $1.key }) { m.message(5, value.message(name)) }
    if !domain.isEmpty { m.text(7, domain) }
    if !overload.isEmpty { m.text(8, overload) }
    return m
  }
}

/// A function of a test model, in the domain `local`.
struct TestFunction: Sendable {
  var name: String
  var inputs: [String]
  var outputs: [String]
  var defaults: [String: TestAttribute] = [:]
  var overload = ""
  var opset = 21
  var nodes: [TestNode]

  var message: ProtoWriter {
    var m = ProtoWriter()
    m.text(1, name)
    for name in inputs { m.text(4, name) }
    for name in outputs { m.text(5, name) }
    for node in nodes { m.message(7, node.message) }
    for (domain, version) in [("", opset), ("local", 1)] {
      m.message(9) {
        $0.text(1, domain)
        $0.int(2, version)
      }
    }
    m.text(10, "local")
    for (name, value) in defaults { m.message(11, value.message(name)) }
    if !overload.isEmpty { m.text(13, overload) }
    return m
  }
}

/// A declared input or output: element type code and extents, each a number, a name or `?`.
struct TestPort: Sendable {
  var name: String
  var code: Int
  var dims: [String]?

  init(_ name: String, _ code: Int = 1, _ dims: [String]? = nil) {
    self.name = name
    self.code = code
    self.dims = dims
  }

  var message: ProtoWriter {
    var tensor = ProtoWriter()
    tensor.int(1, code)
    if let dims {
      var shape = ProtoWriter()
      for dim in dims {
        var d = ProtoWriter()
        if let value = Int(dim) { d.int(1, value) } else if dim != "?" { d.text(2, dim) }
        shape.message(1, d)
      }
      tensor.message(2, shape)
    }
    var type = ProtoWriter()
    type.message(1, tensor)
    var m = ProtoWriter()
    m.text(1, name)
    m.message(2, type)
    return m
  }
}

/// A graph of a test model.
struct TestGraph: Sendable {
  var inputs: [TestPort] = []
  var outputs: [TestPort]
  var initializers: [String: TestTensor] = [:]
  var nodes: [TestNode]

  var message: ProtoWriter {
    var m = ProtoWriter()
    for node in nodes { m.message(1, node.message) }
    m.text(2, "test")
    for (name, tensor) in initializers.sorted(by: { $0.key < $1.key }) { m.message(5, tensor.message(name)) }
    for port in inputs { m.message(11, port.message) }
    for port in outputs { m.message(12, port.message) }
    return m
  }

  /// The graph as the importer reads it.
  func load(opset: Int = 21, domains: [String] = [], functions: [TestFunction] = []) throws -> Graph {
    var model = ProtoWriter()
    model.int(1, 10)
    model.message(7, message)
    for (domain, version) in [("", opset)] + domains.map({ ($0, 1) }) {
      model.message(8) {
        $0.text(1, domain)
        $0.int(2, version)
      }
    }
    for function in functions { model.message(25, function.message) }
    return try TestFiles().load(model.bytes).graph
  }

  /// Loads, optimises and runs.
  func run(
    _ inputs: [Tensor], opset: Int = 21, domains: [String] = [], functions: [TestFunction] = []
  ) throws -> [Value] {
    let graph = try PassTable.optimize(load(opset: opset, domains: domains, functions: functions))
    return try Session(Plan(graph)).run(inputs.map { .tensor($0) })
  }

  /// Runs; every output must be a tensor of `T`.
  func elements<T: TensorElement>(_ inputs: [Tensor], opset: Int = 21, of type: T.Type = T.self) throws -> [[T]] {
    try run(inputs, opset: opset).map { $0.tensor?.array(of: T.self) ?? [] }
  }
}
