import JSONDocument
public import ModelHosting

/// What a worker tells the supervisor over its channel: one line of JSON each.
public enum WorkerMessage: Sendable, Equatable {
  /// The worker serves.
  case ready
  /// The model cannot be served; the worker exits.
  case failed(StartError)
  /// About its models.
  case host(HostReply)

  package var line: String {
    switch self {
    case .ready: WorkerMessage.line(["event": "ready"])
    case .failed(let error):
      WorkerMessage.line([
        "event": "failed", "status": .number(Int(error.status.rawValue)), "reason": .string(error.description),
      ])
    case .host(let reply): WorkerMessage.line(reply.document)
    }
  }

  /// The message in a line that `line` wrote; nil for anything else.
  package init?(line: String) {
    guard let document = try? JSONDocument(parsing: Array(line.utf8)) else { return nil }
    switch document["event"]?.string {
    case "ready": self = .ready
    case "failed":
      guard let status = document["status"]?.int.flatMap({ ServeStatus(rawValue: Int32(clamping: $0)) }),
        let reason = document["reason"]?.string
      else { return nil }
      self = .failed(StartError(status, reason))
    default:
      guard let reply = HostReply(document) else { return nil }
      self = .host(reply)
    }
  }

  static func line(_ document: JSONDocument) -> String { document.text() + "\n" }
}

extension HostCommand {
  /// The command as a line for a worker's channel.
  package var line: String { WorkerMessage.line(document) }

  /// The command in a line that `line` wrote; nil for anything else.
  package init?(line: String) {
    guard let document = try? JSONDocument(parsing: Array(line.utf8)) else { return nil }
    self.init(document)
  }
}

extension ModelSource {
  /// The model as a word for a worker's command line.
  package var word: String { HostCommand.load(self).line.filter { $0 != "\n" } }

  /// The model in a word that `word` wrote; nil for anything else.
  package init?(word: String) {
    guard case .load(let source)? = HostCommand(line: word) else { return nil }
    self = source
  }
}
