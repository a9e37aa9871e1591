import Logging
import ModelHosting
import Settings
import Synchronization

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

  /// Loads the model that there is, serves, and ends on SIGTERM when accepted requests are answered, or at once with the
  /// supervisor.
  ///
  /// - Parameter arguments: `--index=N --of=N --parent=PID --lease=BYTES --load=MODEL` and then the settings as flags. MODEL
  ///   is empty where models are loaded on first use.
  /// - Returns: the exit code.
  public static func run(_ arguments: [String], plugs: ServerPlugs) -> Int32 {
    guard arguments.count >= 5, let index = number(arguments[0], "--index="), let count = number(arguments[1], "--of="),
      let parent = number(arguments[2], "--parent=").flatMap({ Int32(exactly: $0) }),
      let lease = number(arguments[3], "--lease="),
      arguments[4].hasPrefix("--load=")
    else {
      FinalWord.write("this command is started by `serve`, not by hand")
      return ServeStatus.usage.rawValue
    }
    guard ParentDeath.follow(parent: parent, signal: SIGKILL) else { return ServeStatus.internalFault.rawValue }
    do throws(StartError) {
      let settings: ResolvedSettings
      do throws(SettingsError) {
        settings = try AllSettings.resolver.resolve(arguments: Array(arguments.dropFirst(5)), environment: [:]) { _ in
          ""
        }
      } catch {
        throw StartError(.usage, error.description)
      }
      let log = LineLogHandler.logger("worker \(index)", settings)
      let signals = try SignalPipe(SignalPipe.stopSignals)
      let load = try plugs.loader(settings, settings[.threads] ?? 1)
      let voice = Voice()
      let word = String(arguments[4].dropFirst("--load=".count))
      let configuration = WorkerHost.Configuration(settings, workers: count)
      // Without a model it says so to clients, and is ready when one has come.
      let waits = word.isEmpty && !configuration.loadsOnUse
      let host = WorkerHost(configuration, lease: lease, load: load, trim: ProcessMemory.trim) { reply in
        voice.tell(.host(reply))
        guard waits else { return }
        switch reply {
        case .resident: voice.tellOnce(.ready)
        case .loadFailed(_, let error) where !voice.hasTold:
          let failure = StartError(error)
          voice.tell(.failed(failure))
          exit(failure.status.rawValue)
        default: break
        }
      }
      if !word.isEmpty {
        guard let source = ModelSource(word: word) else { throw StartError(.usage, "--load is no model") }
        let summary = try host.loadFirst(source, load)
        log.debug("loaded", metadata: ["model": "\(summary)"])
      }
      let server = try plugs.serve(listener, nil, host, 1, settings, log)
      if !waits { voice.tell(.ready) }
      return waitForTheEnd(server, host, signals, settings[.shutdownTimeout])
    } catch {
      Voice().tell(.failed(error))
      return error.status.rawValue
    }
  }

  private static func waitForTheEnd(
    _ server: any RunningServer, _ host: WorkerHost, _ signals: SignalPipe, _ timeout: Duration
  ) -> Int32 {
    var deadline: Duration?
    var lines = LineBuffer()
    let drained = try? ListeningSocket.pipe()
    while true {
      let ready = Poller.wait(
        [signals.descriptor, channel] + (drained.map { [$0.read] } ?? []), timeout: deadline.map { $0 - Poller.now })
      if ready.contains(channel) {
        guard let bytes = Descriptor.readAvailable(channel) else { return 0 }
        for line in lines.append(bytes) { if let command = HostCommand(line: line) { host.handle(command) } }
      }
      if let drained, ready.contains(drained.read) { return 0 }
      if let deadline, deadline <= Poller.now { return 0 }
      if ready.contains(signals.descriptor), signals.take().contains(SIGTERM), deadline == nil {
        deadline = Poller.now + timeout
        server.drain { if let drained { _ = Descriptor.write([1], to: drained.write) } }
      }
    }
  }

  /// Writes lines to the supervisor, each in one piece.
  private final class Voice: Sendable {
    private let state = Mutex(false)

    /// Whether `tellOnce` was called.
    var hasTold: Bool { state.withLock { $0 } }

    func tell(_ message: WorkerMessage) {
      let bytes = Array(message.line.utf8)
      state.withLock { _ in _ = Descriptor.write(bytes, to: channel) }
    }

    func tellOnce(_ message: WorkerMessage) {
      let bytes = Array(message.line.utf8)
      state.withLock { hasTold in
        if !hasTold { _ = Descriptor.write(bytes, to: channel) }
        hasTold = true
      }
    }
  }

  private static func number(_ argument: String, _ name: String) -> Int? {
    argument.hasPrefix(name) ? Int(argument.dropFirst(name.count)) : nil
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
