/// A growing byte buffer that answers are written to: a bounds check and a store a byte, no array machinery in between.
///
/// The type is noncopyable and frees what `finish` has not handed over.
public struct ByteSink: ~Copyable {
  private var base: UnsafeMutablePointer<UInt8>
  private var capacity: Int
  /// Bytes written so far.
  public private(set) var count = 0

  public init(capacity: Int = 256) {
    self.capacity = max(capacity, 64)
    base = .allocate(capacity: self.capacity)
  }

  deinit { base.deallocate() }

  /// Everything written.
  public consuming func finish() -> [UInt8] {
    Array(UnsafeBufferPointer(start: base, count: count))
  }

  /// Makes room for `extra` bytes and returns where they go; `advance` says how many were written.
  @inline(__always)
  mutating func room(_ extra: Int) -> UnsafeMutablePointer<UInt8> {
    if capacity &- count < extra { grow(extra) }
    return base + count
  }

  @inline(__always)
  mutating func advance(_ written: Int) { count &+= written }

  @inline(never)
  private mutating func grow(_ extra: Int) {
    let larger = max(capacity * 2, count + extra)
    let next = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
    next.update(from: base, count: count)
    base.deallocate()
    base = next
    capacity = larger
  }

  /// Appends one byte.
  @inline(__always)
  public mutating func append(_ byte: UInt8) {
    room(1).pointee = byte
    count &+= 1
  }

  /// Appends text that needs no escaping.
  @inline(__always)
  public mutating func append(_ text: StaticString) {
    let length = text.utf8CodeUnitCount
    room(length).update(from: text.utf8Start, count: length)
    count &+= length
  }

  /// Appends bytes.
  public mutating func append(_ bytes: UnsafeRawBufferPointer) {
    guard let from = bytes.baseAddress else { return }
    UnsafeMutableRawPointer(room(bytes.count)).copyMemory(from: from, byteCount: bytes.count)
    count &+= bytes.count
  }

  /// Appends bytes.
  public mutating func append(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { append($0) }
  }

  /// Appends the UTF-8 bytes of `text`.
  public mutating func append(utf8 text: String) {
    var text = text
    text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
  }

  /// Appends a decimal integer.
  @inline(__always)
  public mutating func append(integer value: some FixedWidthInteger) {
    if value < 0 { append(UInt8(ascii: "-")) }
    appendDigits(UInt64(truncatingIfNeeded: value.magnitude))
  }

  @inline(__always)
  private mutating func appendDigits(_ value: UInt64) {
    if value < 10 { return append(0x30 &+ UInt8(truncatingIfNeeded: value)) }
    var digits = 1
    var bound: UInt64 = 10
    while value >= bound {
      digits &+= 1
      if digits == 20 { break }
      bound = bound &* 10
    }
    let to = room(20)
    var rest = value
    for i in stride(from: digits &- 1, through: 0, by: -1) {
      let quotient = rest / 10
      let remainder = rest &- quotient &* 10
      to[i] = 0x30 &+ UInt8(truncatingIfNeeded: remainder)
      rest = quotient
    }
    count &+= digits
  }

  /// Appends `text` as a JSON string: quotes, and escapes for quotes, backslashes and control characters.
  public mutating func append(jsonString text: String) {
    append(UInt8(ascii: "\""))
    var text = text
    text.withUTF8 { bytes in
      var start = 0
      for i in bytes.indices where bytes[i] < 0x20 || bytes[i] == UInt8(ascii: "\"") || bytes[i] == UInt8(ascii: "\\") {
        append(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[start..<i])))
        append(escaped: bytes[i])
        start = i + 1
      }
      append(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[start...])))
    }
    append(UInt8(ascii: "\""))
  }

  private mutating func append(escaped byte: UInt8) {
    switch byte {
    case UInt8(ascii: "\""): append("\\\"")
    case UInt8(ascii: "\\"): append("\\\\")
    case 0x0A: append("\\n")
    case 0x0D: append("\\r")
    case 0x09: append("\\t")
    default:
      append("\\u00")
      let hex: StaticString = "0123456789abcdef"
      append(hex.utf8Start[Int(byte >> 4)])
      append(hex.utf8Start[Int(byte & 15)])
    }
  }

  /// Appends `text` as a CSV field (RFC 4180): quoted when it holds a comma, a quote, a line break or is empty.
  public mutating func append(csvField text: String) {
    var text = text
    text.withUTF8 { bytes in
      let needsQuotes =
        bytes.isEmpty
        || bytes.contains { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") || $0 == 0x0A || $0 == 0x0D }
      guard needsQuotes else { return append(UnsafeRawBufferPointer(bytes)) }
      append(UInt8(ascii: "\""))
      for byte in bytes {
        if byte == UInt8(ascii: "\"") { append(byte) }
        append(byte)
      }
      append(UInt8(ascii: "\""))
    }
  }
}
