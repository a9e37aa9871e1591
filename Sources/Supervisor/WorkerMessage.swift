import Settings

/// What a worker tells the supervisor over its channel: one line of JSON each.
public enum WorkerMessage: Sendable, Equatable {
  /// The model has answered a warm-up.
  case ready
  /// The model cannot be served; the worker exits.
  case failed(StartError)

  package var line: String {
    switch self {
    case .ready: "{\"event\":\"ready\"}\n"
    case .failed(let error):
      "{\"event\":\"failed\",\"status\":\(error.status.rawValue),\"reason\":\(JSONText.quoted(error.description))}\n"
    }
  }

  /// The message in a line that `line` wrote; nil for anything else.
  package init?(line: String) {
    if line == "{\"event\":\"ready\"}" {
      self = .ready
      return
    }
    let head = "{\"event\":\"failed\",\"status\":"
    guard line.hasPrefix(head), line.hasSuffix("}") else { return nil }
    let rest = line.dropFirst(head.count)
    let digits = rest.prefix { $0.isASCII && $0.isNumber }
    let middle = ",\"reason\":"
    guard let status = Int32(digits).flatMap(ServeStatus.init(rawValue:)),
      rest.dropFirst(digits.count).hasPrefix(middle),
      let reason = JSONText.unquoted(rest.dropFirst(digits.count + middle.count).dropLast())
    else { return nil }
    self = .failed(StartError(status, reason))
  }
}
