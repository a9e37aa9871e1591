#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// How a process ended.
public enum ExitReason: Sendable, Equatable, CustomStringConvertible {
  case code(Int32)
  case signal(Int32)
  case notStarted(String)

  /// From the status that `waitpid` gives.
  package init(waitStatus: Int32) {
    let signal = waitStatus & 0x7F
    self = signal == 0 ? .code((waitStatus >> 8) & 0xFF) : .signal(signal)
  }

  public var isSignal: Bool {
    if case .signal = self { true } else { false }
  }

  public var description: String {
    switch self {
    case .code(let code): "exited with code \(code)"
    case .signal(let signal): "was ended by signal \(signal) (\(String(cString: strsignal(signal))))"
    case .notStarted(let reason): "could not be started: \(reason)"
    }
  }
}

/// What the pool wants in the log.
public enum WorkerPoolLog: Sendable, Equatable {
  case workerReady(index: Int, process: Int32, restarts: Int)
  case workerDied(index: Int, reason: ExitReason, wasReady: Bool, restartIn: Duration)
  case frontDied(reason: ExitReason, restartIn: Duration)
  case allReady(workers: Int)
  case draining
}
