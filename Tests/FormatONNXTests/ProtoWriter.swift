/// Writes protobuf wire format for tests.
struct ProtoWriter {
  private(set) var bytes: [UInt8] = []

  init(_ fields: (inout ProtoWriter) -> Void = { _ in }) { fields(&self) }

  private mutating func raw(_ value: UInt64) {
    var value = value
    while value >= 0x80 {
      bytes.append(UInt8(value & 0x7F) | 0x80)
      value >>= 7
    }
    bytes.append(UInt8(value))
  }

  mutating func int(_ field: Int, _ value: Int) {
    raw(UInt64(field) << 3)
    raw(UInt64(bitPattern: Int64(value)))
  }

  mutating func data(_ field: Int, _ payload: [UInt8]) {
    raw(UInt64(field) << 3 | 2)
    raw(UInt64(payload.count))
    bytes += payload
  }

  mutating func text(_ field: Int, _ value: String) { data(field, Array(value.utf8)) }

  mutating func message(_ field: Int, _ body: (inout ProtoWriter) -> Void) { data(field, ProtoWriter(body).bytes) }

  mutating func message(_ field: Int, _ body: ProtoWriter) { data(field, body.bytes) }

  /// A packed list of varints.
  mutating func packed(_ field: Int, _ values: [Int]) {
    var body = ProtoWriter()
    for value in values { body.raw(UInt64(bitPattern: Int64(value))) }
    data(field, body.bytes)
  }

  mutating func float(_ field: Int, _ value: Float) {
    raw(UInt64(field) << 3 | 5)
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
  }

  // MARK: ONNX messages

  static func tensor(_ name: String, type: Int, dims: [Int], _ rest: (inout ProtoWriter) -> Void = { _ in })
    -> ProtoWriter
  {
    ProtoWriter {
      $0.packed(1, dims)
      $0.int(2, type)
      $0.text(8, name)
      rest(&$0)
    }
  }

  /// An `int64` tensor of one axis.
  static func integers(_ name: String, _ values: [Int]) -> ProtoWriter {
    tensor(name, type: 7, dims: [values.count]) { $0.packed(7, values) }
  }

  static func node(
    _ type: String, _ inputs: [String], _ outputs: [String], name: String = "", domain: String = "",
    _ attributes: [ProtoWriter] = []
  ) -> ProtoWriter {
    ProtoWriter {
      for input in inputs { $0.text(1, input) }
      for output in outputs { $0.text(2, output) }
      $0.text(3, name)
      $0.text(4, type)
      for attribute in attributes { $0.message(5, attribute) }
      if !domain.isEmpty { $0.text(7, domain) }
    }
  }

  static func attribute(graph: ProtoWriter, _ name: String) -> ProtoWriter {
    ProtoWriter {
      $0.text(1, name)
      $0.message(6, graph)
      $0.int(20, 5)
    }
  }

  static func attribute(tensor: ProtoWriter, _ name: String) -> ProtoWriter {
    ProtoWriter {
      $0.text(1, name)
      $0.message(5, tensor)
      $0.int(20, 4)
    }
  }

  /// A float value of known extents; -1 leaves one open.
  static func value(_ name: String, _ dims: [Int], type: Int = 1) -> ProtoWriter {
    ProtoWriter {
      $0.text(1, name)
      $0.message(2) {
        $0.message(1) {
          $0.int(1, type)
          $0.message(2) { for dim in dims { $0.message(1) { if dim >= 0 { $0.int(1, dim) } } } }
        }
      }
    }
  }

  static func graph(
    nodes: [ProtoWriter], inputs: [ProtoWriter] = [], outputs: [ProtoWriter] = [], initializers: [ProtoWriter] = [],
    sparse: [ProtoWriter] = []
  ) -> ProtoWriter {
    ProtoWriter {
      for node in nodes { $0.message(1, node) }
      $0.text(2, "g")
      for tensor in initializers { $0.message(5, tensor) }
      for input in inputs { $0.message(11, input) }
      for output in outputs { $0.message(12, output) }
      for tensor in sparse { $0.message(15, tensor) }
    }
  }

  static func function(
    _ name: String, _ inputs: [String], _ outputs: [String], _ nodes: [ProtoWriter], domain: String = "local"
  ) -> ProtoWriter {
    ProtoWriter {
      $0.text(1, name)
      for input in inputs { $0.text(4, input) }
      for output in outputs { $0.text(5, output) }
      for node in nodes { $0.message(7, node) }
      $0.message(9) {
        $0.text(1, "")
        $0.int(2, 17)
      }
      $0.text(10, domain)
    }
  }
}

extension [UInt8] {
  /// A whole model file.
  static func model(
    _ graph: ProtoWriter, opsets: [(String, Int)] = [("", 17)], functions: [ProtoWriter] = [], ir: Int = 8
  ) -> [UInt8] {
    ProtoWriter {
      $0.int(1, ir)
      $0.message(7, graph)
      for (domain, version) in opsets {
        $0.message(8) {
          $0.text(1, domain)
          $0.int(2, version)
        }
      }
      for function in functions { $0.message(25, function) }
    }.bytes
  }
}
