/// Why the server cannot start, as one line for a person and an exit code.
public struct StartError: Error, Sendable, Equatable, CustomStringConvertible {
  public let status: ServeStatus
  /// The culprit, what was expected, the remedy.
  public let description: String

  public init(_ status: ServeStatus, _ description: String) {
    self.status = status
    self.description = description
  }
}

/// What `serve` exits with. The numbers from 64 on are those of BSD's sysexits.h.
public enum ServeStatus: Int32, Sendable, CaseIterable {
  case stopped = 0
  case usage = 64
  case model = 65
  case noModel = 66
  case unavailable = 69
  case internalFault = 70
  case cannotCreate = 73
  case noPermission = 77
  case configuration = 78
  case stoppedAtOnce = 143

  public var meaning: String {
    switch self {
    case .stopped: "stopped by SIGTERM or SIGINT, accepted requests answered"
    case .usage: "wrong arguments"
    case .model: "the model cannot be loaded"
    case .noModel: "there is no model, or it cannot be read"
    case .unavailable: "the port is taken, nginx is missing or does not start, or the model store does not answer"
    case .internalFault: "the server failed in a way that is not the caller's fault"
    case .cannotCreate: "the run directory or a socket cannot be made, or the disk is full"
    case .noPermission: "the system or the model store does not allow it (port, file, object)"
    case .configuration: "the environment or the configuration file is wrong"
    case .stoppedAtOnce: "a second SIGTERM or SIGINT stopped it at once"
    }
  }

  /// The table for help.
  public static var table: String { allCases.map { "  \($0.rawValue)  \($0.meaning)\n" }.joined() }
}
