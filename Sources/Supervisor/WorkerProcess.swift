import Logging
import Settings

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A worker: the data plane and nothing else, on a socket that the supervisor listens on for it.
public enum WorkerProcess {
  /// The name that the program is started by.
  public static let programName = "swiftlet-worker"
  /// The Unix socket that requests come from.
  static let listener: Int32 = 3
  /// To the supervisor; it ends when the supervisor does.
  static let channel: Int32 = 4

  /// Loads the model, serves, and ends on SIGTERM when accepted requests are answered, or at once with the supervisor.
  ///
  /// - Parameter arguments: `--index=N --parent=PID` and then the settings as flags.
  /// - Returns: the exit code.
  public static func run(_ arguments: [String], plugs: ServerPlugs) -> Int32 {
    guard arguments.count >= 2, let index = number(arguments[0], "--index="),
      let parent = number(arguments[1], "--parent=")
    else {
      FinalWord.write("this command is started by `serve`, not by hand")
      return ServeStatus.usage.rawValue
    }
    guard ParentDeath.follow(parent: parent, signal: SIGKILL) else { return ServeStatus.internalFault.rawValue }
    do throws(StartError) {
      let settings: ResolvedSettings
      do throws(SettingsError) {
        settings = try AllSettings.resolver.resolve(arguments: Array(arguments.dropFirst(2)), environment: [:]) { _ in
          ""
        }
      } catch {
        throw StartError(.usage, error.description)
      }
      let log = LineLogHandler.logger("worker \(index)", settings)
      let signals = try SignalPipe(SignalPipe.stopSignals)
      let model = try plugs.loadModel(settings[.model] ?? "", settings, settings[.threads] ?? 1)
      let server = try plugs.serve(listener, nil, model, 1, settings, log)
      log.debug("ready", metadata: ["model": "\(model.summary)"])
      tell(.ready)
      return waitForTheEnd(server, signals, settings[.shutdownTimeout])
    } catch {
      tell(.failed(error))
      return error.status.rawValue
    }
  }

  private static func waitForTheEnd(_ server: any RunningServer, _ signals: SignalPipe, _ timeout: Duration) -> Int32 {
    var deadline: Duration?
    let drained = try? ListeningSocket.pipe()
    while true {
      let ready = Poller.wait(
        [signals.descriptor, channel] + (drained.map { [$0.read] } ?? []), timeout: deadline.map { $0 - Poller.now })
      if ready.contains(channel) { return 0 }
      if let drained, ready.contains(drained.read) { return 0 }
      if let deadline, deadline <= Poller.now { return 0 }
      if ready.contains(signals.descriptor), signals.take().contains(SIGTERM), deadline == nil {
        deadline = Poller.now + timeout
        server.drain { if let drained { _ = Descriptor.write([1], to: drained.write) } }
      }
    }
  }

  private static func tell(_ message: WorkerMessage) { _ = Descriptor.write(Array(message.line.utf8), to: channel) }

  private static func number(_ argument: String, _ name: String) -> Int32? {
    argument.hasPrefix(name) ? Int32(argument.dropFirst(name.count)) : nil
  }
}

/// nginx, started through this program so that it ends when the supervisor does.
public enum FrontProcess {
  /// The name that the program is started by.
  public static let programName = "swiftlet-front"

  /// Becomes nginx.
  ///
  /// - Parameter arguments: the supervisor's process id, nginx's path, nginx's arguments.
  /// - Returns: an exit code, only where nginx could not be started.
  public static func run(_ arguments: [String]) -> Int32 {
    guard arguments.count >= 2, let parent = Int32(arguments[0]),
      ParentDeath.follow(parent: parent, signal: SIGTERM)
    else { return ServeStatus.usage.rawValue }
    var words: [UnsafeMutablePointer<CChar>?] = arguments.dropFirst().map { strdup($0) } + [nil]
    execv(arguments[1], &words)
    FinalWord.write("cannot start \(arguments[1]): \(Descriptor.errorText)")
    return ServeStatus.unavailable.rawValue
  }
}

/// The one line that a program leaves when it ends by a fault.
public enum FinalWord {
  /// Writes the line to standard error.
  public static func write(_ text: String) { _ = Descriptor.write(Array("swiftlet: \(text)\n".utf8), to: 2) }
}
