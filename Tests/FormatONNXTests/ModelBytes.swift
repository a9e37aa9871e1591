import FormatONNX
import InferenceGraph
import ModelFormats
import TensorCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Writes the protobuf of small ONNX models, so that a test states its model.
struct Message {
  var bytes: [UInt8] = []

  mutating func varint(_ field: Int, _ value: Int) {
    raw(UInt64(field) << 3)
    raw(UInt64(bitPattern: Int64(value)))
  }

  mutating func text(_ field: Int, _ value: String) { data(field, Array(value.utf8)) }

  mutating func message(_ field: Int, _ value: Message) { data(field, value.bytes) }

  mutating func data(_ field: Int, _ value: [UInt8]) {
    raw(UInt64(field) << 3 | 2)
    raw(UInt64(value.count))
    bytes += value
  }

  mutating func float(_ field: Int, _ value: Float) {
    raw(UInt64(field) << 3 | 5)
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
  }

  private mutating func raw(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}

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

  static func bool(_ value: Bool) -> TestTensor { TestTensor(code: 9, dims: [], bytes: [value ? 1 : 0]) }

  func message(_ name: String) -> Message {
    var m = Message()
    for d in dims { m.varint(1, d) }
    m.varint(2, code)
    if !name.isEmpty { m.text(8, name) }
    m.data(9, bytes)
    return m
  }
}

/// An attribute of a test model.
enum TestAttribute: Sendable {
  case int(Int), ints([Int]), float(Float), text(String), tensor(TestTensor), graph(TestGraph)

  func message(_ name: String) -> Message {
    var m = Message()
    m.text(1, name)
    switch self {
    case .int(let v):
      m.varint(3, v)
      m.varint(20, 2)
    case .ints(let list):
      for v in list { m.varint(8, v) }
      m.varint(20, 7)
    case .float(let v):
      m.float(2, v)
      m.varint(20, 1)
    case .text(let v):
      m.text(4, v)
      m.varint(20, 3)
    case .tensor(let v):
      m.message(5, v.message(""))
      m.varint(20, 4)
    case .graph(let v):
      m.message(6, v.message)
      m.varint(20, 5)
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

  init(_ op: String, _ inputs: [String], _ outputs: [String], _ attributes: [String: TestAttribute] = [:]) {
    self.op = op
    self.inputs = inputs
    self.outputs = outputs
    self.attributes = attributes
  }

  var message: Message {
    var m = Message()
    for name in inputs { m.text(1, name) }
    for name in outputs { m.text(2, name) }
    m.text(4, op)
    for (name, value) in attributes.sorted(by: { $0.key < $1.key }) { m.message(5, value.message(name)) }
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

  var message: Message {
    var tensor = Message()
    tensor.varint(1, code)
    if let dims {
      var shape = Message()
      for dim in dims {
        var d = Message()
        if let value = Int(dim) { d.varint(1, value) } else if dim != "?" { d.text(2, dim) }
        shape.message(1, d)
      }
      tensor.message(2, shape)
    }
    var type = Message()
    type.message(1, tensor)
    var m = Message()
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

  var message: Message {
    var m = Message()
    for node in nodes { m.message(1, node.message) }
    m.text(2, "test")
    for (name, tensor) in initializers.sorted(by: { $0.key < $1.key }) { m.message(5, tensor.message(name)) }
    for port in inputs { m.message(11, port.message) }
    for port in outputs { m.message(12, port.message) }
    return m
  }

  /// The graph as the importer reads it.
  func load(opset: Int = 21) throws -> Graph {
    var version = Message()
    version.varint(2, opset)
    var model = Message()
    model.varint(1, 10)
    model.message(7, message)
    model.message(8, version)
    let path = "/tmp/swiftlet-test-\(getpid())-\(UInt64.random(in: 0...UInt64.max)).onnx"
    guard let file = fopen(path, "wb") else { throw CannotWrite(path: path) }
    fwrite(model.bytes, 1, model.bytes.count, file)
    fclose(file)
    defer { unlink(path) }
    return try ONNXFormat.load(path: path).graph
  }

  /// Loads, optimises and runs.
  func run(_ inputs: [Tensor], opset: Int = 21) throws -> [Value] {
    let graph = try PassTable.optimize(load(opset: opset))
    return try Session(Plan(graph)).run(inputs.map { .tensor($0) })
  }

  /// Runs; every output must be a tensor of `T`.
  func elements<T: TensorElement>(_ inputs: [Tensor], opset: Int = 21, of type: T.Type = T.self) throws -> [[T]] {
    try run(inputs, opset: opset).map { $0.tensor?.array(of: T.self) ?? [] }
  }
}

/// The folder for temporary files takes no file.
struct CannotWrite: Error {
  var path: String
}
