/// A JSON text as a tree, for configuration, indexes and reports. Request bodies never pass through here: they are
/// parsed straight into tensors.
public indirect enum JSONDocument: Hashable, Sendable {
  case null
  case bool(Bool)
  case number(String)
  case string(String)
  case array([JSONDocument])
  /// Members in the order of the text. No name occurs twice.
  case object([(name: String, value: JSONDocument)])

  public static func == (a: JSONDocument, b: JSONDocument) -> Bool { a.text() == b.text() }
  public func hash(into hasher: inout Hasher) { hasher.combine(text()) }

  /// The member called `name`, of an object.
  public subscript(name: String) -> JSONDocument? {
    if case .object(let members) = self { members.first { $0.name == name }?.value } else { nil }
  }
  public var string: String? { if case .string(let s) = self { s } else { nil } }
  public var double: Double? { if case .number(let n) = self { Double(n) } else { nil } }
  public var int: Int? { if case .number(let n) = self { Int(n) } else { nil } }
  public var bool: Bool? { if case .bool(let b) = self { b } else { nil } }
  public var array: [JSONDocument]? { if case .array(let a) = self { a } else { nil } }
  public var object: [(name: String, value: JSONDocument)]? { if case .object(let o) = self { o } else { nil } }

  /// A number; what is not finite becomes null, as JSON has no such numbers.
  public static func number(_ value: Double) -> JSONDocument { value.isFinite ? .number("\(value)") : .null }
  public static func number(_ value: Int) -> JSONDocument { .number(String(value)) }
}

extension JSONDocument: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int) { self = .number(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
}

extension JSONDocument: ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral {
  public init(arrayLiteral elements: JSONDocument...) { self = .array(elements) }
  public init(dictionaryLiteral elements: (String, JSONDocument)...) {
    self = .object(elements.map { (name: $0.0, value: $0.1) })
  }
}
