/// A bounds-checked cursor over protobuf wire format (proto3 encoding specification). Nothing is copied; every read
/// either stays inside the buffer or throws.
///
/// The unsafe part of the module: `bytes` must outlive the reader, which its maker guarantees by holding the file.
struct ProtobufReader {
  /// Why bytes are not the message they should be.
  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  enum WireType: UInt8 {
    case varint = 0
    case fixed64 = 1
    case lengthDelimited = 2
    case fixed32 = 5
  }

  /// A field's number and how it is encoded.
  struct Tag {
    let field: Int
    let wire: WireType
  }

  let bytes: UnsafeRawBufferPointer
  private(set) var position = 0
  /// Where `bytes` begins in the file, for messages.
  let fileOffset: Int

  init(_ bytes: UnsafeRawBufferPointer, fileOffset: Int = 0) {
    self.bytes = bytes
    self.fileOffset = fileOffset
  }

  var isAtEnd: Bool { position >= bytes.count }

  private func fail(_ what: String) -> Failure {
    Failure(description: "byte \(fileOffset + position): \(what)")
  }

  mutating func varint() throws -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      guard position < bytes.count else { throw fail("the file ends inside a number") }
      let byte = bytes[position]
      position += 1
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
      if shift > 63 { throw fail("a number is longer than ten bytes") }
    }
  }

  /// The next field, or nil at the end.
  mutating func tag() throws -> Tag? {
    if isAtEnd { return nil }
    let raw = try varint()
    guard raw >> 3 > 0, raw >> 3 <= 0x1FFF_FFFF, let wire = WireType(rawValue: UInt8(raw & 7)) else {
      throw fail("no protobuf field starts here (tag \(raw))")
    }
    return Tag(field: Int(raw >> 3), wire: wire)
  }

  /// The payload of a length-delimited field.
  mutating func payload() throws -> UnsafeRawBufferPointer {
    let length = try varint()
    guard length <= UInt64(bytes.count - position) else {
      throw fail("a field of \(length) bytes reaches past the end of the file or message")
    }
    let start = position
    position += Int(length)
    return UnsafeRawBufferPointer(rebasing: bytes[start..<position])
  }

  /// A nested message.
  mutating func message() throws -> ProtobufReader {
    let body = try payload()
    return ProtobufReader(body, fileOffset: fileOffset + position - body.count)
  }

  /// UTF-8 text; ill-formed bytes become U+FFFD.
  mutating func string() throws -> String { String(decoding: try payload(), as: UTF8.self) }

  mutating func fixed32() throws -> UInt32 {
    guard bytes.count - position >= 4 else { throw fail("the file ends inside a number") }
    defer { position += 4 }
    return UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self))
  }

  mutating func fixed64() throws -> UInt64 {
    guard bytes.count - position >= 8 else { throw fail("the file ends inside a number") }
    defer { position += 8 }
    return UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
  }

  mutating func float() throws -> Float { Float(bitPattern: try fixed32()) }

  /// Passes over a field.
  mutating func skip(_ wire: WireType) throws {
    switch wire {
    case .varint: _ = try varint()
    case .fixed64: _ = try fixed64()
    case .fixed32: _ = try fixed32()
    case .lengthDelimited: _ = try payload()
    }
  }

  /// A repeated scalar field, packed or one element at a time. `wire` is how one element is encoded.
  mutating func repeated<T>(
    _ tag: Tag, _ wire: WireType, into out: inout [T], _ read: (inout ProtobufReader) throws -> T
  ) throws {
    if tag.wire == .lengthDelimited {
      var body = try message()
      while !body.isAtEnd { out.append(try read(&body)) }
    } else {
      guard tag.wire == wire else {
        throw fail("field \(tag.field) is encoded as \(tag.wire), expected \(wire) or a packed list")
      }
      out.append(try read(&self))
    }
  }
}
