/// Limits that an XML text is read under.
public struct XMLLimits: Sendable {
  /// Bytes of the whole text.
  public var bytes = 8 << 20
  /// Elements inside each other.
  public var depth = 16
  /// Bytes of one element's or attribute's name.
  public var nameBytes = 256
  /// Bytes of one element's text.
  public var textBytes = 64 << 10

  public init() {}
}

/// Where and why a text is not XML that is read here.
public struct XMLError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Bytes before the fault.
  public let offset: Int
  public let reason: String
  public var description: String { "at byte \(offset) of the XML: \(reason)" }
}

/// One step through an XML text.
public enum XMLEvent: Hashable, Sendable {
  /// An element begins; its name without a namespace prefix.
  case start(String)
  case end(String)
  case text(String)
}

/// Reads XML in UTF-8, step by step, as far as the answers of S3 and STS need it (XML 1.0): elements, text, CDATA,
/// character references and the five predefined entities. Attributes, comments and processing instructions are passed
/// over. A document type is refused, and with it every entity that a text could define: nothing is fetched or expanded.
public struct XMLReader: Sendable {
  private let bytes: [UInt8]
  private let limits: XMLLimits
  private var at = 0
  private var open: [String] = []
  private var isSelfClosed = false
  private var hasRoot = false

  /// - Throws: `XMLError` where the text is longer than the limit.
  public init(_ bytes: [UInt8], limits: XMLLimits = XMLLimits()) throws(XMLError) {
    guard bytes.count <= limits.bytes else {
      throw XMLError(offset: limits.bytes, reason: "more than \(limits.bytes) bytes")
    }
    self.bytes = bytes
    self.limits = limits
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { at = 3 }
  }

  /// Elements that are open.
  public var depth: Int { open.count }

  /// The next step; nil after the end of the root element, once the rest of the text has been looked at.
  public mutating func next() throws(XMLError) -> XMLEvent? {
    if isSelfClosed {
      isSelfClosed = false
      return .end(open.removeLast())
    }
    while true {
      guard at < bytes.count else {
        if hasRoot, open.isEmpty { return nil }
        throw fault("the text ends inside \(open.last.map { "<\($0)>" } ?? "nothing: there is no element")")
      }
      if bytes[at] == UInt8(ascii: "<") {
        if let event = try markup() { return event }
      } else if open.isEmpty {
        guard isBlank(bytes[at]) else { throw fault("text outside the root element") }
        at += 1
      } else {
        return .text(try text())
      }
    }
  }

  private func fault(_ reason: String) -> XMLError { XMLError(offset: at, reason: reason) }

  private func isBlank(_ c: UInt8) -> Bool { c == 0x20 || c == 0x09 || c == 0x0A || c == 0x0D }

  private func stands(_ text: StaticString) -> Bool {
    text.withUTF8Buffer { bytes.count - at >= $0.count && bytes[at..<at + $0.count].elementsEqual($0) }
  }

  /// Passes over everything up to and with `end`; returns what stood before it.
  private mutating func pass(to end: StaticString) throws(XMLError) -> Range<Int> {
    let start = at
    while at < bytes.count {
      if stands(end) {
        let range = start..<at
        at += end.utf8CodeUnitCount
        return range
      }
      at += 1
    }
    throw fault("the text ends where \(end) is missing")
  }

  /// A tag, a comment, CDATA or an instruction; nil for what is passed over.
  private mutating func markup() throws(XMLError) -> XMLEvent? {
    if stands("<!--") {
      at += 4
      _ = try pass(to: "-->")
      return nil
    }
    if stands("<?") {
      at += 2
      _ = try pass(to: "?>")
      return nil
    }
    if stands("<![CDATA[") {
      guard !open.isEmpty else { throw fault("text outside the root element") }
      at += 9
      let range = try pass(to: "]]>")
      return .text(try string(bytes[range]))
    }
    guard !stands("<!") else { throw fault("a document type, which is refused") }
    at += 1
    if at < bytes.count, bytes[at] == UInt8(ascii: "/") {
      at += 1
      let name = try self.name()
      try skipBlanks()
      guard bytes[at] == UInt8(ascii: ">") else { throw fault("expected >") }
      guard let last = open.last, last == name else { throw fault("</\(name)> closes nothing") }
      at += 1
      open.removeLast()
      return .end(name)
    }
    guard !(open.isEmpty && hasRoot) else { throw fault("a second root element") }
    guard open.count < limits.depth else { throw fault("more than \(limits.depth) elements inside each other") }
    let name = try self.name()
    isSelfClosed = try attributes()
    hasRoot = true
    open.append(name)
    return .start(name)
  }

  /// Passes over attributes and the end of the tag; true where it closes itself.
  private mutating func attributes() throws(XMLError) -> Bool {
    while true {
      try skipBlanks()
      switch bytes[at] {
      case UInt8(ascii: ">"):
        at += 1
        return false
      case UInt8(ascii: "/"):
        at += 1
        guard at < bytes.count, bytes[at] == UInt8(ascii: ">") else { throw fault("expected > after /") }
        at += 1
        return true
      default:
        _ = try name()
        try skipBlanks()
        guard bytes[at] == UInt8(ascii: "=") else { throw fault("expected = after an attribute's name") }
        at += 1
        try skipBlanks()
        switch bytes[at] {
        case UInt8(ascii: "\""):
          at += 1
          _ = try pass(to: "\"")
        case UInt8(ascii: "'"):
          at += 1
          _ = try pass(to: "'")
        default: throw fault("expected a quoted value")
        }
      }
    }
  }

  /// Leaves `at` on a byte that is no blank.
  private mutating func skipBlanks() throws(XMLError) {
    while at < bytes.count, isBlank(bytes[at]) { at += 1 }
    guard at < bytes.count else { throw fault("the text ends inside a tag") }
  }

  private mutating func name() throws(XMLError) -> String {
    var start = at
    while at < bytes.count {
      let c = bytes[at]
      if isBlank(c) || c == UInt8(ascii: ">") || c == UInt8(ascii: "/") || c == UInt8(ascii: "=") { break }
      guard c != UInt8(ascii: "<"), c != UInt8(ascii: "\""), c != UInt8(ascii: "'"), c != UInt8(ascii: "&"), c >= 0x20
      else { throw fault("a character that no name has") }
      at += 1
      if c == UInt8(ascii: ":") { start = at }
      guard at - start <= limits.nameBytes else { throw fault("a name of more than \(limits.nameBytes) bytes") }
    }
    guard at > start else { throw fault("expected a name") }
    return try string(bytes[start..<at])
  }

  /// Text up to the next tag, with references replaced.
  private mutating func text() throws(XMLError) -> String {
    var out: [UInt8] = []
    while at < bytes.count, bytes[at] != UInt8(ascii: "<") {
      if bytes[at] == UInt8(ascii: "&") {
        try reference(&out)
      } else {
        out.append(bytes[at])
        at += 1
      }
      guard out.count <= limits.textBytes else { throw fault("text of more than \(limits.textBytes) bytes") }
    }
    return try string(out[...])
  }

  private mutating func reference(_ out: inout [UInt8]) throws(XMLError) {
    let rest = bytes[(at + 1)...].prefix(12)
    guard let end = rest.firstIndex(of: UInt8(ascii: ";")) else { throw fault("& begins no reference") }
    let name = String(decoding: rest[..<end], as: UTF8.self)
    switch name {
    case "amp": out.append(UInt8(ascii: "&"))
    case "lt": out.append(UInt8(ascii: "<"))
    case "gt": out.append(UInt8(ascii: ">"))
    case "quot": out.append(UInt8(ascii: "\""))
    case "apos": out.append(UInt8(ascii: "'"))
    default:
      let number =
        name.hasPrefix("#x")
        ? UInt32(name.dropFirst(2), radix: 16) : name.hasPrefix("#") ? UInt32(name.dropFirst()) : nil
      guard let scalar = number.flatMap(Unicode.Scalar.init), scalar.value != 0 else {
        throw fault("the entity &\(name); is not defined")
      }
      out += Array(String(Character(scalar)).utf8)
    }
    at = end + 1
  }

  private func string(_ bytes: ArraySlice<UInt8>) throws(XMLError) -> String {
    guard bytes.count <= limits.textBytes else { throw fault("text of more than \(limits.textBytes) bytes") }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw fault("bytes that are not UTF-8") }
    return text
  }
}
