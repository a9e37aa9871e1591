/// Where and why a text is not JSON.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Bytes before the fault.
  public let offset: Int
  public let reason: String
  public var description: String { "not JSON at byte \(offset): \(reason)" }
}

extension JSONDocument {
  /// Parses one JSON text (RFC 8259, strictly: no comments, no trailing commas, no duplicate names).
  ///
  /// - Throws: `JSONError`.
  public init(parsing bytes: [UInt8], maxDepth: Int = 64) throws(JSONError) {
    var parser = Parser(bytes: bytes, maxDepth: maxDepth)
    self = try parser.document()
  }

  private struct Parser {
    let bytes: [UInt8]
    let maxDepth: Int
    var at = 0

    init(bytes: [UInt8], maxDepth: Int) {
      self.bytes = bytes
      self.maxDepth = maxDepth
    }

    func fail(_ reason: String) -> JSONError { JSONError(offset: at, reason: reason) }
    var peek: UInt8? { at < bytes.count ? bytes[at] : nil }

    mutating func skipBlanks() {
      while let c = peek, c == 0x20 || c == 0x0A || c == 0x0D || c == 0x09 { at += 1 }
    }

    mutating func document() throws(JSONError) -> JSONDocument {
      let value = try self.value(0)
      skipBlanks()
      if peek != nil { throw fail("text after the end of the document") }
      return value
    }

    mutating func value(_ depth: Int) throws(JSONError) -> JSONDocument {
      guard depth < maxDepth else { throw fail("nested more than \(maxDepth) deep") }
      skipBlanks()
      switch peek {
      case UInt8(ascii: "{"): return try object(depth)
      case UInt8(ascii: "["): return try array(depth)
      case UInt8(ascii: "\""): return .string(try string())
      case UInt8(ascii: "t"): return try word("true", .bool(true))
      case UInt8(ascii: "f"): return try word("false", .bool(false))
      case UInt8(ascii: "n"): return try word("null", .null)
      case nil: throw fail("the text ends where a value should begin")
      default: return try number()
      }
    }

    mutating func word(_ text: StaticString, _ value: JSONDocument) throws(JSONError) -> JSONDocument {
      let count = text.utf8CodeUnitCount
      guard bytes.count - at >= count, text.withUTF8Buffer({ $0.elementsEqual(bytes[at..<(at + count)]) }) else {
        throw fail("expected \(text)")
      }
      at += count
      return value
    }

    mutating func number() throws(JSONError) -> JSONDocument {
      let start = at
      func isDigit(_ c: UInt8?) -> Bool { c.map { $0 >= 0x30 && $0 <= 0x39 } ?? false }
      if peek == UInt8(ascii: "-") { at += 1 }
      guard isDigit(peek) else { throw fail("expected a value") }
      if peek == UInt8(ascii: "0") { at += 1 } else { while isDigit(peek) { at += 1 } }
      if peek == UInt8(ascii: ".") {
        at += 1
        guard isDigit(peek) else { throw fail("expected a digit after the point") }
        while isDigit(peek) { at += 1 }
      }
      if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
        at += 1
        if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { at += 1 }
        guard isDigit(peek) else { throw fail("expected a digit in the exponent") }
        while isDigit(peek) { at += 1 }
      }
      return .number(String(decoding: bytes[start..<at], as: UTF8.self))
    }

    mutating func array(_ depth: Int) throws(JSONError) -> JSONDocument {
      at += 1
      var items: [JSONDocument] = []
      skipBlanks()
      if peek == UInt8(ascii: "]") {
        at += 1
        return .array([])
      }
      while true {
        items.append(try value(depth + 1))
        skipBlanks()
        if peek == UInt8(ascii: "]") {
          at += 1
          return .array(items)
        }
        guard peek == UInt8(ascii: ",") else { throw fail("expected , or ]") }
        at += 1
      }
    }

    mutating func object(_ depth: Int) throws(JSONError) -> JSONDocument {
      at += 1
      var members: [(name: String, value: JSONDocument)] = []
      var names = Set<String>()
      skipBlanks()
      if peek == UInt8(ascii: "}") {
        at += 1
        return .object([])
      }
      while true {
        skipBlanks()
        guard peek == UInt8(ascii: "\"") else { throw fail("expected a member name") }
        let name = try string()
        guard names.insert(name).inserted else { throw fail("the name \"\(name)\" occurs twice") }
        skipBlanks()
        guard peek == UInt8(ascii: ":") else { throw fail("expected :") }
        at += 1
        members.append((name, try value(depth + 1)))
        skipBlanks()
        if peek == UInt8(ascii: "}") {
          at += 1
          return .object(members)
        }
        guard peek == UInt8(ascii: ",") else { throw fail("expected , or }") }
        at += 1
      }
    }

    mutating func string() throws(JSONError) -> String {
      at += 1
      var out: [UInt8] = []
      while let c = peek {
        switch c {
        case UInt8(ascii: "\""):
          at += 1
          guard let text = String(validating: out, as: UTF8.self) else { throw fail("a string is not UTF-8") }
          return text
        case UInt8(ascii: "\\"):
          at += 1
          try escape(&out)
        case 0..<0x20: throw fail("a control character inside a string")
        default:
          out.append(c)
          at += 1
        }
      }
      throw fail("the text ends inside a string")
    }

    mutating func escape(_ out: inout [UInt8]) throws(JSONError) {
      guard let c = peek else { throw fail("the text ends inside a string") }
      at += 1
      switch c {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(c)
      case UInt8(ascii: "b"): out.append(8)
      case UInt8(ascii: "f"): out.append(12)
      case UInt8(ascii: "n"): out.append(10)
      case UInt8(ascii: "r"): out.append(13)
      case UInt8(ascii: "t"): out.append(9)
      case UInt8(ascii: "u"):
        var code = try hex4()
        if code >= 0xD800 && code < 0xDC00 {
          guard peek == UInt8(ascii: "\\"), at + 1 < bytes.count, bytes[at + 1] == UInt8(ascii: "u") else {
            throw fail("a lone surrogate")
          }
          at += 2
          let low = try hex4()
          guard low >= 0xDC00 && low < 0xE000 else { throw fail("a lone surrogate") }
          code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw fail("a lone surrogate") }
        out += UTF8.encode(scalar)!
      default: throw fail("\\ before a character that needs none")
      }
    }

    mutating func hex4() throws(JSONError) -> UInt32 {
      guard bytes.count - at >= 4 else { throw fail("expected four hexadecimal digits") }
      var value: UInt32 = 0
      for _ in 0..<4 {
        guard let digit = Character(Unicode.Scalar(bytes[at])).hexDigitValue else {
          throw fail("expected four hexadecimal digits")
        }
        value = value << 4 | UInt32(digit)
        at += 1
      }
      return value
    }
  }
}
