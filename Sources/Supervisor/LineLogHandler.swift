public import Logging
public import Settings

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Writes log lines to standard error, for people or as one JSON object a line. A line is one `write`, so lines of several
/// processes do not mix.
///
/// The JSON keys are `timestamp` (RFC 3339, UTC), `level`, `process`, `message`, then the metadata.
public struct LineLogHandler: LogHandler {
  public var logLevel: Logger.Level
  public var metadata: Logger.Metadata = [:]
  private let label: String
  private let format: LogFormat
  private let fd: Int32

  public init(label: String, format: LogFormat, level: LogThreshold, descriptor: Int32 = 2) {
    self.label = label
    self.format = format
    logLevel = Logger.Level(rawValue: level.rawValue) ?? .info
    fd = descriptor
  }

  /// A logger as the settings say. `label` names the process: `supervisor`, `worker 0`, ...
  public static func logger(_ label: String, _ settings: ResolvedSettings) -> Logger {
    Logger(label: label) { label in
      LineLogHandler(label: label, format: settings[.logFormat], level: settings[.logLevel])
    }
  }

  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  public func log(event: LogEvent) {
    var all = event.metadata.map { metadata.merging($0) { $1 } } ?? metadata
    if let error = event.error { all["error"] = "\(error)" }
    let fields = all.map { ($0.key, "\($0.value)") }.sorted { $0.0 < $1.0 }
    let text = LogLine(
      time: UTCTime.now, level: event.level.rawValue, process: label, message: "\(event.message)", fields: fields)
    _ = Descriptor.write(Array((format == .json ? text.json : text.plain).utf8), to: fd)
  }
}

/// One line of the log.
package struct LogLine {
  package var time: UTCTime
  package var level: String
  package var process: String
  package var message: String
  package var fields: [(String, String)]

  package init(time: UTCTime, level: String, process: String, message: String, fields: [(String, String)]) {
    self.time = time
    self.level = level
    self.process = process
    self.message = message
    self.fields = fields
  }

  package var plain: String {
    var out = "\(time) \(level.uppercased()) [\(process)] \(LogLine.oneLine(message))"
    for (key, value) in fields { out += " \(key)=\(LogLine.bare(value))" }
    return out + "\n"
  }

  package var json: String {
    let head = [("timestamp", time.description), ("level", level), ("process", process), ("message", message)]
    let reserved = head.map(\.0)
    let all = head + fields.map { (reserved.contains($0.0) ? "field_\($0.0)" : $0.0, $0.1) }
    return "{" + all.map { "\(JSONText.quoted($0.0)):\(JSONText.quoted($0.1))" }.joined(separator: ",") + "}\n"
  }

  /// Control characters escaped, so that no text from outside can fake a line.
  private static func oneLine(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else { return text }
    return String(JSONText.quoted(text).dropFirst().dropLast())
  }

  private static func bare(_ value: String) -> String {
    let isPlain = !value.isEmpty && value.unicodeScalars.allSatisfy { $0.value > 0x20 && $0 != "\"" && $0 != "=" }
    return isPlain ? value : JSONText.quoted(value)
  }
}

/// A moment in UTC, written as RFC 3339 with milliseconds.
package struct UTCTime: CustomStringConvertible {
  package var seconds: Int
  package var milliseconds: Int

  package init(seconds: Int, milliseconds: Int = 0) {
    self.seconds = seconds
    self.milliseconds = milliseconds
  }

  package static var now: UTCTime {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return UTCTime(seconds: Int(time.tv_sec), milliseconds: Int(time.tv_nsec) / 1_000_000)
  }

  package var description: String {
    var moment = time_t(seconds)
    var parts = tm()
    gmtime_r(&moment, &parts)
    func padded(_ number: Int, _ width: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    let date =
      "\(padded(Int(parts.tm_year) + 1900, 4))-\(padded(Int(parts.tm_mon) + 1, 2))-\(padded(Int(parts.tm_mday), 2))"
    let clock = "\(padded(Int(parts.tm_hour), 2)):\(padded(Int(parts.tm_min), 2)):\(padded(Int(parts.tm_sec), 2))"
    return "\(date)T\(clock).\(padded(milliseconds, 3))Z"
  }
}
