/// Changes a protobuf message at a random field, at a random depth, and writes it back with right lengths.
struct ProtobufMutator {
  private enum Payload {
    case number(UInt64)
    case fixed([UInt8])
    case bytes([UInt8])
    case message([Field])
  }

  private struct Field {
    var number: UInt64
    var payload: Payload
  }

  private var state: UInt64

  init(seed: UInt32) { state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1 }

  private mutating func random(_ bound: Int) -> Int {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return Int(state >> 1) % max(bound, 1)
  }

  mutating func mutated(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    guard var fields = Self.parse(bytes[...], depth: 0) else { return [] }
    for _ in 0...random(3) { change(&fields) }
    return Self.write(fields)
  }

  // MARK: Changes

  private static let numbers: [UInt64] = [
    0, 1, 2, 3, 4, 7, 8, 9, 10, 11, 15, 16, 17, 31, 32, 63, 64, 127, 128, 255, 256, 1023, 1024, 65535, 65536,
    1 << 20, 1 << 31 - 1, 1 << 31, 1 << 32, 1 << 40, 1 << 61, 1 << 62, UInt64(Int64.max), 1 << 63, .max, .max - 1,
    .max - 2, .max - 7,
  ]

  private static let texts = [
    "", "NHWC", "linear", "nearest", "cubic", "reflect", "edge", "wrap", "constant", "mean", "sum", "none",
    "SAME_UPPER",
    "SAME_LOWER", "VALID", "bidirectional", "reverse", "forward", "Relu", "SOFTMAX", "PROBIT", "BRANCH_LEQ", "LEAF",
    "...ij,jk->ik", "ai.onnx.ml", "x", "y", "Constant", "Identity", "Reshape", "Slice", "Concat", "Gather", "Conv",
    "Loop",
    "axis", "axes", "perm", "pads", "to", "value", "body", "keepdims", "kernel_shape", "strides", "dilations", "group",
  ]

  private mutating func change(_ fields: inout [Field]) {
    guard !fields.isEmpty else { return }
    let i = random(fields.count)
    if random(5) != 0, case .message(var inner) = fields[i].payload, !inner.isEmpty {
      change(&inner)
      fields[i].payload = .message(inner)
      return
    }
    switch random(12) {
    case 0: fields.remove(at: i)
    case 1: fields.insert(fields[i], at: random(fields.count + 1))
    case 2: fields.swapAt(i, random(fields.count))
    case 3: fields[i].number = UInt64(1 + random(26))
    case 4: fields[i].payload = fields[random(fields.count)].payload
    default: change(&fields[i].payload)
    }
  }

  private mutating func change(_ payload: inout Payload) {
    switch payload {
    case .number(let n):
      switch random(4) {
      case 0: payload = .number(Self.numbers[random(Self.numbers.count)])
      case 1: payload = .number(n &+ UInt64(bitPattern: Int64(random(9) - 4)))
      case 2: payload = .number(0 &- n)
      default: payload = .number(n ^ (1 << UInt64(random(64))))
      }
    case .fixed(var bytes):
      let floats: [[UInt8]] = [
        [0, 0, 0x80, 0x7F], [0, 0, 0xC0, 0x7F], [0, 0, 0, 0], [0, 0, 0x80, 0xBF], [1, 0, 0, 0],
      ]
      if bytes.count == 4, random(2) == 0 {
        bytes = floats[random(floats.count)]
      } else {
        bytes[random(bytes.count)] = UInt8(random(256))
      }
      payload = .fixed(bytes)
    case .bytes(var bytes):
      switch random(5) {
      case 0: bytes = Array(Self.texts[random(Self.texts.count)].utf8)
      case 1: if !bytes.isEmpty { bytes.removeLast(1 + random(min(bytes.count, 8))) }
      case 2: bytes += bytes.prefix(16)
      case 3:
        bytes = []
        for _ in 0...random(5) { Self.varint(Self.numbers[random(Self.numbers.count)], &bytes) }
      default: if !bytes.isEmpty { bytes[random(bytes.count)] = UInt8(random(256)) }
      }
      payload = .bytes(bytes)
    case .message(let fields): payload = random(2) == 0 ? .message([]) : .bytes(Self.write(fields).suffix(8))
    }
  }

  // MARK: Wire format

  private static func parse(_ bytes: Slice<UnsafeRawBufferPointer>, depth: Int) -> [Field]? {
    guard depth < 24 else { return nil }
    var fields: [Field] = []
    var at = bytes.startIndex
    func varint() -> UInt64? {
      var value: UInt64 = 0
      var shift: UInt64 = 0
      while at < bytes.endIndex, shift < 64 {
        let byte = bytes[at]
        at += 1
        value |= UInt64(byte & 0x7F) << shift
        if byte < 0x80 { return value }
        shift += 7
      }
      return nil
    }
    while at < bytes.endIndex {
      guard let tag = varint(), tag >> 3 > 0, tag >> 3 < 64 else { return nil }
      switch tag & 7 {
      case 0:
        guard let n = varint() else { return nil }
        fields.append(Field(number: tag >> 3, payload: .number(n)))
      case 1, 5:
        let width = tag & 7 == 1 ? 8 : 4
        guard bytes.endIndex - at >= width else { return nil }
        fields.append(Field(number: tag >> 3, payload: .fixed(Array(bytes[at..<(at + width)]))))
        at += width
      case 2:
        guard let length = varint(), length <= UInt64(bytes.endIndex - at) else { return nil }
        let body = bytes[at..<(at + Int(length))]
        at += Int(length)
        if body.count > 1, let inner = parse(body, depth: depth + 1) {
          fields.append(Field(number: tag >> 3, payload: .message(inner)))
        } else {
          fields.append(Field(number: tag >> 3, payload: .bytes(Array(body))))
        }
      default: return nil
      }
    }
    return fields
  }

  private static func varint(_ value: UInt64, _ out: inout [UInt8]) {
    var value = value
    while value >= 0x80 {
      out.append(UInt8(value & 0x7F) | 0x80)
      value >>= 7
    }
    out.append(UInt8(value))
  }

  private static func write(_ fields: [Field]) -> [UInt8] {
    var out: [UInt8] = []
    for field in fields {
      switch field.payload {
      case .number(let n):
        varint(field.number << 3, &out)
        varint(n, &out)
      case .fixed(let bytes):
        varint(field.number << 3 | (bytes.count == 8 ? 1 : 5), &out)
        out += bytes
      case .bytes(let bytes): write(bytes, field.number, &out)
      case .message(let inner): write(write(inner), field.number, &out)
      }
    }
    return out
  }

  private static func write(_ bytes: [UInt8], _ number: UInt64, _ out: inout [UInt8]) {
    varint(number << 3 | 2, &out)
    varint(UInt64(bytes.count), &out)
    out += bytes
  }
}
