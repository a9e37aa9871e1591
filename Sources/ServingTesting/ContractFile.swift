/// A golden file of the HTTP contract: what is sent on one connection, and what must come back.
///
///     # ping answers while the model is ready            the promise
///     # layers: router live nginx                         where it holds
///     === send
///     GET /ping HTTP/1.1
///     Host: localhost
///
///     === expect
///     200
///     content-type: application/json
///     !retry-after
///
///     {"status":"Healthy"}
///
/// In `send`, lines up to the first empty one end in CRLF, and what follows is the body, without its last line break;
/// `Content-Length: auto` is filled in. `send raw` sends its lines as they are, nothing between them. Both know the
/// escapes `\r \n \t \\ \xHH` and `\{40*a}`, which repeats `a` forty times. In `expect`, values and the body are patterns
/// in which `*` is any text and `!name` is a header that must be missing; `expect head` has no body to read, as after HEAD
/// and 100. `=== closed` wants the server to close the connection, `=== end` says that the client sends no more.
public struct ContractFile: Sendable {
  /// One thing to do or to check, in order.
  public enum Step: Sendable {
    case send([UInt8])
    case endOfInput
    case expect(ContractExpectation)
    case closed
  }

  /// A file that cannot be understood.
  public struct SyntaxError: Error, CustomStringConvertible {
    public var description: String
    public init(description: String) { self.description = description }
  }

  public var title: String
  public var layers: Set<String>
  public var steps: [Step]

  public init(_ text: String) throws {
    var title = ""
    var layers: Set<String> = ["live"]
    var sections: [(name: String, lines: [String])] = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
      if line.hasPrefix("=== ") {
        sections.append((String(line.dropFirst(4)), []))
      } else if !sections.isEmpty {
        sections[sections.count - 1].lines.append(line)
      } else if line.hasPrefix("# layers:") {
        layers = Set(line.dropFirst("# layers:".count).split(separator: " ").map(String.init))
      } else if line.hasPrefix("# "), title.isEmpty {
        title = String(line.dropFirst(2))
      }
    }
    self.title = title
    self.layers = layers
    steps = try sections.map { section in
      var lines = section.lines
      while lines.last == "" { lines.removeLast() }
      switch section.name {
      case "send": return .send(try Self.request(lines))
      case "send raw": return .send(try lines.flatMap(Self.unescape))
      case "expect": return .expect(try ContractExpectation(lines, hasBody: true))
      case "expect head": return .expect(try ContractExpectation(lines, hasBody: false))
      case "end": return .endOfInput
      case "closed": return .closed
      default: throw SyntaxError(description: "unknown section: \(section.name)")
      }
    }
  }

  private static func request(_ lines: [String]) throws -> [UInt8] {
    let blank = lines.firstIndex(of: "") ?? lines.count
    let body = try unescape(lines.dropFirst(blank + 1).joined(separator: "\n"))
    var bytes: [UInt8] = []
    for line in lines[..<blank] {
      let line = line.lowercased() == "content-length: auto" ? "Content-Length: \(body.count)" : line
      bytes += try unescape(line) + [0x0D, 0x0A]
    }
    return bytes + [0x0D, 0x0A] + body
  }

  static func unescape(_ text: String) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "\\") else {
        bytes.append(byte)
        continue
      }
      switch rest.popFirst() {
      case UInt8(ascii: "r"): bytes.append(0x0D)
      case UInt8(ascii: "n"): bytes.append(0x0A)
      case UInt8(ascii: "t"): bytes.append(0x09)
      case UInt8(ascii: "\\"): bytes.append(UInt8(ascii: "\\"))
      case UInt8(ascii: "x"):
        guard let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else { throw bad(text) }
        bytes.append(value)
        rest = rest.dropFirst(2)
      case UInt8(ascii: "{"):
        guard let star = rest.firstIndex(of: UInt8(ascii: "*")), let end = rest.firstIndex(of: UInt8(ascii: "}")),
          star < end, let count = Int(String(decoding: rest[..<star], as: UTF8.self)), count >= 0
        else { throw bad(text) }
        let repeated = try unescape(String(decoding: rest[rest.index(after: star)..<end], as: UTF8.self))
        for _ in 0..<count { bytes += repeated }
        rest = rest[rest.index(after: end)...]
      default: throw bad(text)
      }
    }
    return bytes
  }

  private static func bad(_ text: String) -> SyntaxError {
    SyntaxError(description: "bad escape in \(text.prefix(80))")
  }
}

/// A response as a contract file sees it.
public struct ContractResponse: Sendable {
  public var status: Int
  public var headers: [(name: String, value: String)]
  public var body: [UInt8]

  public init(status: Int, headers: [(name: String, value: String)], body: [UInt8]) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  public func header(_ name: String) -> String? {
    headers.first { $0.name.lowercased() == name.lowercased() }?.value
  }
}

/// What a contract file wants of one response.
public struct ContractExpectation: Sendable {
  public var status: Int
  public var headers: [(name: String, pattern: String)] = []
  public var absent: [String] = []
  /// nil when any body will do.
  public var body: String?
  public var hasBody: Bool

  init(_ lines: [String], hasBody: Bool) throws {
    guard let first = lines.first, let status = Int(first) else {
      throw ContractFile.SyntaxError(description: "expect does not begin with a status")
    }
    self.status = status
    self.hasBody = hasBody
    let blank = lines.firstIndex(of: "") ?? lines.count
    for line in lines[1..<blank] {
      if line.hasPrefix("!") {
        absent.append(String(line.dropFirst()))
      } else if let colon = line.firstIndex(of: ":") {
        headers.append((String(line[..<colon]), line[line.index(after: colon)...].drop { $0 == " " }.description))
      }
    }
    if blank < lines.count { body = lines[(blank + 1)...].joined(separator: "\n") }
  }

  /// What is not as expected, a sentence each.
  public func mismatches(_ response: ContractResponse) -> [String] {
    var found: [String] = []
    let text = String(decoding: response.body, as: UTF8.self)
    if response.status != status {
      found.append("status \(response.status), expected \(status); body: \(text.prefix(300))")
    }
    for (name, pattern) in headers {
      guard let value = response.header(name) else {
        found.append("no header \(name)")
        continue
      }
      if !Glob.matches(value, pattern) { found.append("\(name): \(value), expected \(pattern)") }
    }
    for name in absent where response.header(name) != nil { found.append("unexpected header \(name)") }
    if let body {
      let trimmed = text.hasSuffix("\n") ? String(text.dropLast()) : text
      if !Glob.matches(trimmed, body) { found.append("body \(trimmed.prefix(500)), expected \(body)") }
    }
    return found
  }
}

/// Patterns in which `*` is any text, the empty one included.
enum Glob {
  static func matches(_ text: String, _ pattern: String) -> Bool {
    let text = Array(text.utf8)
    let pattern = Array(pattern.utf8)
    var (t, p, star, mark) = (0, 0, -1, 0)
    while t < text.count {
      if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
        (star, mark) = (p, t)
        p += 1
      } else if p < pattern.count, pattern[p] == text[t] {
        t += 1
        p += 1
      } else if star >= 0 {
        p = star + 1
        mark += 1
        t = mark
      } else {
        return false
      }
    }
    return pattern[p...].allSatisfy { $0 == UInt8(ascii: "*") }
  }
}
