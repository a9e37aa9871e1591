package import NIOCore

/// The header fields of a request, kept as positions in the bytes that arrived: a look-up makes one string, nothing
/// is copied before.
public struct HTTPHeaderFields: Sendable {
  /// Where one field's name and value (surrounding white space removed) lie in `bytes`.
  package struct Field: Sendable {
    package var name: Range<UInt32>
    package var value: Range<UInt32>

    package init(name: Range<UInt32>, value: Range<UInt32>) {
      self.name = name
      self.value = value
    }
  }

  /// The request head; positions count from its reader index.
  package var bytes: ByteBuffer
  package var fields: [Field]

  package init(bytes: ByteBuffer, fields: [Field]) {
    self.bytes = bytes
    self.fields = fields
  }

  /// Fields made from text, for tests and for requests that did not come over a socket.
  public init(_ pairs: [(String, String)] = []) {
    bytes = ByteBuffer()
    fields = []
    for (name, value) in pairs {
      let start = UInt32(bytes.writerIndex)
      bytes.writeString(name)
      let middle = UInt32(bytes.writerIndex)
      bytes.writeString(value)
      fields.append(Field(name: start..<middle, value: middle..<UInt32(bytes.writerIndex)))
    }
  }

  public var count: Int { fields.count }

  /// The value of the first field called `name`, in any case; nil where there is none. Bytes that are no UTF-8 come
  /// out as U+FFFD.
  public subscript(_ name: StaticString) -> String? {
    guard let field = firstField(name) else { return nil }
    return text(field.value)
  }

  /// All fields in order of arrival.
  public var all: [(name: String, value: String)] { fields.map { (text($0.name), text($0.value)) } }

  package func firstField(_ name: StaticString) -> Field? {
    let span = bytes.readableBytesSpan
    for field in fields where HTTPCharacters.equals(span, field.name, name) { return field }
    return nil
  }

  package func text(_ range: Range<UInt32>) -> String {
    bytes.getString(at: bytes.readerIndex + Int(range.lowerBound), length: range.count) ?? ""
  }
}
