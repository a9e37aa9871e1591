/// The values of all settings, and where each came from.
public struct ResolvedSettings: Sendable {
  /// Where a value came from.
  public enum Origin: Sendable, Equatable, CustomStringConvertible {
    case flag(String)
    case argument
    case variable(String)
    case file(String, line: Int)
    case standard

    public var description: String {
      switch self {
      case .flag(let flag): "flag \(flag)"
      case .argument: "argument"
      case .variable(let name): "environment \(name)"
      case .file(let name, let line): "file \(name):\(line)"
      case .standard: "default"
      }
    }
  }

  struct Entry: Sendable {
    var value: any Sendable
    var text: String
    var origin: Origin
  }

  var entries: [String: Entry] = [:]

  public init() {}

  /// The value of a setting.
  public subscript<Value>(_ setting: Setting<Value>) -> Value {
    guard let entry = entries[setting.name], let value = entry.value as? Value else { return setting.defaultValue }
    return value
  }

  /// The value as its canonical text.
  public func text(of setting: any AnySetting) -> String { entries[setting.name]?.text ?? setting.defaultText }

  public func origin(of setting: any AnySetting) -> Origin { entries[setting.name]?.origin ?? .standard }

  /// Replaces a value that the program works out by itself (such as `auto`), keeping its origin.
  public mutating func set<Value>(_ setting: Setting<Value>, _ value: Value) {
    entries[setting.name] = Entry(value: value, text: setting.type.format(value), origin: origin(of: setting))
  }

  /// The flags that give another process these values, whatever its environment says.
  public func flags(of table: [any AnySetting]) -> [String] {
    table.compactMap { setting in entries[setting.name].map { "\(setting.flag)=\($0.text)" } }
  }
}
