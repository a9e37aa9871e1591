import Logging
import ModelHosting
import Settings

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Runs nginx and the workers: does what `WorkerPool` decides, and tells it what happens.
///
/// Everything happens on the thread that calls `run`, which must be the program's main thread (see `ChildProcess`); the
/// control plane's HTTP server has its own.
struct Supervisor {
  private let plan: LaunchPlan
  private let nginx: String
  private let plugs: ServerPlugs
  private let log: Logger
  private let signals: SignalPipe
  private let directory: RunDirectory
  private var port: Int32
  private let workerListeners: [Int32]
  private let status: StatusBox
  private var pool: WorkerPool
  private var channels: [Int32: Channel] = [:]
  private var frontErrors: (read: Int32, write: Int32)
  private var frontLines = LineBuffer()
  private var lastFrontLine: String?
  private var result: (status: ServeStatus, reason: String?)?
  private var hosting: HostingDriver
  /// What workers load when they start.
  private var served: ModelSource?
  private var lives: [Life]

  /// The supervisor's end of a worker's channel.
  private struct Channel {
    var process: Int32
    var index: Int
    var lines = LineBuffer(limit: 64 << 20)
    /// What the worker has not taken yet.
    var unsent: ArraySlice<UInt8> = []
    /// The worker has closed its end: its process is about to end.
    var isClosed = false
    /// False for one that was started before there was a model.
    var hasModel: Bool
    /// What it loads first.
    var source: ModelSource?
  }

  /// What the coordinator knows of a worker.
  private enum Life {
    case none, starting, ready
  }

  /// Checks what can be checked before anything is started: template, sockets, port.
  ///
  /// - Parameters:
  ///   - nginx: the path of the nginx program.
  ///   - signals: SIGTERM, SIGINT and SIGCHLD.
  ///   - directory: where sockets and nginx's files go; the caller removes it.
  init(
    _ plan: LaunchPlan, nginx: String, plugs: ServerPlugs, signals: SignalPipe, directory: RunDirectory,
    hosting: HostingDriver, log: Logger
  ) throws(StartError) {
    self.plan = plan
    self.hosting = hosting
    lives = Array(repeating: .none, count: plan.workers)
    self.nginx = nginx
    self.plugs = plugs
    self.log = log
    self.signals = signals
    self.directory = directory
    let settings = plan.settings
    port = try ListeningSocket.tcp(host: settings[.host], port: settings[.port])
    let config = NginxConfig(
      settings, workerSockets: (0..<plan.workers).map { directory.workerSocket($0) },
      controlSocket: directory.controlSocket, cores: plan.cores, openFiles: OpenFiles.raise(),
      isRoot: geteuid() == 0, isFleet: plan.isFleet)
    let text = try config.render(try Self.template(settings), name: settings[.nginxTemplate] ?? "nginx.conf")
    guard SmallFile.write(text, to: directory.nginxConfig) else {
      throw StartError(.cannotCreate, "cannot write \(directory.nginxConfig): \(Descriptor.errorText)")
    }
    var listeners: [Int32] = []
    for index in 0..<plan.workers { listeners.append(try ListeningSocket.unix(directory.workerSocket(index))) }
    workerListeners = listeners
    do throws(SpawnError) {
      frontErrors = try ListeningSocket.pipe()
    } catch {
      throw StartError(.internalFault, error.description)
    }
    pool = WorkerPool(
      WorkerPool.Configuration(
        workers: plan.workers, hasFront: true, startupTimeout: settings[.startupTimeout],
        shutdownTimeout: settings[.shutdownTimeout]))
    status = StatusBox(pool.status)
  }

  /// Serves until a signal or a fault ends it.
  mutating func run() throws(StartError) -> ServeStatus {
    tell(.begin)
    feed(.begin)
    let parameters = ExecutionParameters(workers: plan.workers, maxBodySize: plan.settings[.maxBodySize])
    let control = ServerPlugs.Control(
      status: status, executionParameters: parameters, management: hosting.mailbox)
    let controlServer: any RunningServer
    do throws(StartError) {
      let listener = try ListeningSocket.unix(directory.controlSocket)
      controlServer = try plugs.serve(listener, control, nil, 1, plan.settings, log)
    } catch {
      feed(.stop)
      feed(.stop)
      throw error
    }
    while result == nil {
      let due = [pool.deadline, hosting.deadline].compactMap { $0 }.min()
      let unsent = Set(channels.filter { !$0.value.unsent.isEmpty }.keys)
      let descriptors =
        [signals.descriptor, frontErrors.read, hosting.mailbox.descriptor]
        + channels.filter { !$0.value.isClosed }.keys
      for descriptor in Poller.wait(descriptors, writing: unsent, timeout: due.map { $0 - Poller.now }) {
        switch descriptor {
        case signals.descriptor: takeSignals()
        case frontErrors.read: takeFrontErrors()
        case hosting.mailbox.descriptor: for event in hosting.mailbox.take() { tell(event) }
        default:
          flush(descriptor)
          takeMessages(descriptor)
        }
        if result != nil { break }
      }
      if let deadline = pool.deadline, deadline <= Poller.now { feed(.tick) }
      if let deadline = hosting.deadline, deadline <= Poller.now { tell(.tick) }
    }
    _ = controlServer
    reap { _, _ in }
    guard let result else { return .internalFault }
    if let reason = result.reason {
      let detail = result.status == .unavailable ? lastFrontLine.map { ": \($0)" } ?? "" : ""
      throw StartError(result.status, reason + detail)
    }
    log.info("stopped")
    return result.status
  }

  private static func template(_ settings: ResolvedSettings) throws(StartError) -> String {
    guard let path = settings[.nginxTemplate] else { return NginxTemplate.builtIn }
    guard let text = SmallFile.read(path) else {
      throw StartError(.configuration, "cannot read the nginx template \(path): \(Descriptor.errorText)")
    }
    return text
  }

  private mutating func feed(_ event: WorkerPool.Event) {
    for action in pool.handle(event, at: Poller.now) { perform(action) }
  }

  /// Lets the coordinator of models know, and does what it orders.
  private mutating func tell(_ event: HostingCoordinator.Event) {
    for order in hosting.feed(event) {
      switch order {
      case .send(let worker, let command): send(command, to: worker)
      case .serve(let source):
        let isFirst = served == nil
        served = source
        feed(.waitsFor(nil))
        if isFirst {
          for (descriptor, channel) in channels where !channel.hasModel {
            channels[descriptor]?.hasModel = true
            channels[descriptor]?.source = source
            send(.load(source), to: channel.index)
          }
        }
      case .waitFor(let reason):
        if reason != nil { feed(.waitsFor(reason)) }
      case .giveUp(let error): feed(.giveUp(error))
      }
    }
  }

  private mutating func send(_ command: HostCommand, to worker: Int) {
    guard let descriptor = channels.first(where: { $0.value.index == worker })?.key else { return }
    channels[descriptor]?.unsent += Array(command.line.utf8)
    flush(descriptor)
  }

  private mutating func flush(_ descriptor: Int32) {
    guard let unsent = channels[descriptor]?.unsent, !unsent.isEmpty,
      let count = Descriptor.writeAvailable(unsent, to: descriptor)
    else { return }
    channels[descriptor]?.unsent = unsent.dropFirst(count)
  }
}

// MARK: - What happens

extension Supervisor {
  private mutating func takeSignals() {
    for signal in signals.take() {
      if signal == SIGCHLD {
        var ended: [(Int32, ExitReason)] = []
        reap { ended.append(($0, $1)) }
        for (process, reason) in ended { processEnded(process, reason) }
      } else if SignalPipe.stopSignals.contains(signal) {
        feed(.stop)
      }
    }
  }

  private func reap(_ ended: (Int32, ExitReason) -> Void) {
    var waitStatus: Int32 = 0
    while true {
      let process = waitpid(-1, &waitStatus, WNOHANG)
      if process <= 0 { return }
      ended(process, ExitReason(waitStatus: waitStatus))
    }
  }

  /// What the process still said is heard before its end.
  private mutating func processEnded(_ process: Int32, _ reason: ExitReason) {
    if let (descriptor, channel) = channels.first(where: { $0.value.process == process }) {
      takeMessages(descriptor)
      if channels.removeValue(forKey: descriptor) != nil { close(descriptor) }
      if lives[channel.index] != .none {
        lives[channel.index] = .none
        tell(.workerGone(channel.index))
      }
    } else {
      takeFrontErrors()
    }
    feed(.exited(process: process, reason))
  }

  private mutating func takeMessages(_ descriptor: Int32) {
    guard var channel = channels[descriptor] else { return }
    let bytes = Descriptor.readAvailable(descriptor)
    let lines = channel.lines.append(bytes ?? [])
    channels[descriptor] = channel
    for line in lines {
      switch WorkerMessage(line: line) {
      case .ready?:
        lives[channel.index] = .ready
        tell(.workerReady(channel.index))
        feed(.workerReady(process: channel.process))
      case .host(let reply)?: tell(.reply(worker: channel.index, reply))
      case .failed(let error)?:
        if let source = hosting.fallBack(error.description, from: channel.source) {
          served = source
          feed(.workerRetries(process: channel.process, error))
        } else {
          feed(.workerFailed(process: channel.process, error))
        }
      case nil: log.warning("a worker said what is not understood", metadata: ["line": "\(line.prefix(200))"])
      }
    }
    // The entry stays until the process has ended: it says which worker that was.
    if bytes == nil, channels[descriptor]?.isClosed == false { channels[descriptor]?.isClosed = true }
  }

  private mutating func takeFrontErrors() {
    for line in frontLines.append(Descriptor.readAvailable(frontErrors.read) ?? []) {
      let parsed = NginxLogLine(line)
      if parsed.message.hasPrefix("using inherited sockets from") { continue }
      var metadata: Logger.Metadata = ["source": "nginx"]
      for (key, value) in parsed.fields { metadata[key] = "\(value)" }
      if parsed.fields.isEmpty { lastFrontLine = parsed.message }
      log.log(level: Logger.Level(rawValue: parsed.level) ?? .warning, "\(parsed.message)", metadata: metadata)
    }
  }
}

// MARK: - What is done

extension Supervisor {
  private mutating func perform(_ action: WorkerPool.Action) {
    switch action {
    case .spawnWorker(let index): spawnWorker(index)
    case .spawnFront: spawnFront()
    case .signalWorker(let process, let signal), .signalFront(let process, let signal):
      kill(process, signal.number)
    case .signalFrontGroup(let process, let signal): kill(-process, signal.number)
    case .closePort:
      if port >= 0 { close(port) }
      port = -1
    case .publish(let value): status.value = value
    case .log(let entry): write(entry)
    case .finish(let status, let reason): result = (status, reason)
    }
  }

  private mutating func spawnWorker(_ index: Int) {
    do throws(SpawnError) {
      let ends = try ListeningSocket.pair()
      defer { close(ends.other) }
      // The command line of a process is no secret to others.
      let hidden = [Setting.config.name, Setting.managementToken.name, Setting.model.name]
      let table = AllSettings.table.filter { !hidden.contains($0.name) }
      let worker = ChildProcess(
        program: ChildProcess.ownProgram,
        arguments: [
          WorkerProcess.programName, "--index=\(index)", "--of=\(plan.workers)", "--parent=\(getpid())",
          "--lease=\(plan.isFleet ? HostingCoordinator.firstLease(budget: plan.memoryBudget, workers: plan.workers) : .max)",
          "--load=\(served?.word ?? "")",
        ] + plan.settings.flags(of: table),
        // Many threads load models one after another: memory that one of them freed is to serve the next.
        environment: ["MALLOC_ARENA_MAX": "2"], descriptors: [workerListeners[index], ends.other], hasOwnGroup: true)
      do throws(SpawnError) {
        let process = try worker.spawn()
        channels[ends.own] = Channel(process: process, index: index, hasModel: served != nil, source: served)
        lives[index] = .starting
        tell(.workerStarting(index))
        feed(.workerSpawned(index: index, process: process))
      } catch {
        close(ends.own)
        throw error
      }
    } catch {
      feed(.workerNotSpawned(index: index, reason: error.description))
    }
  }

  private mutating func spawnFront() {
    let front = ChildProcess(
      program: ChildProcess.ownProgram,
      arguments: [
        FrontProcess.programName, "\(getpid())", nginx, "-p", "\(directory.path)/", "-c", directory.nginxConfig, "-e",
        "stderr",
      ],
      environment: ["NGINX": "3;"], descriptors: [port], standardError: frontErrors.write, hasOwnGroup: true)
    do throws(SpawnError) {
      feed(.frontSpawned(process: try front.spawn()))
    } catch {
      feed(.frontNotSpawned(reason: error.description))
    }
  }

  private func write(_ entry: WorkerPoolLog) {
    switch entry {
    case .workerReady(let index, let process, let restarts):
      log.debug("worker is ready", metadata: ["worker": "\(index)", "pid": "\(process)", "restarts": "\(restarts)"])
    case .workerDied(let index, let reason, let wasReady, let delay):
      log.error(
        "worker \(reason); it is restarted",
        metadata: [
          "worker": "\(index)", "was_ready": "\(wasReady)", "restart_in": "\(Quantity.format(duration: delay))",
        ])
    case .frontDied(let reason, let delay):
      log.error(
        "nginx \(reason); it is restarted", metadata: ["restart_in": "\(Quantity.format(duration: delay))"])
    case .allReady(let workers):
      log.info(
        "serving",
        metadata: [
          "model": "\(plan.summary)", "address": "\(plan.settings[.host]):\(plan.settings[.port])",
          "front": "nginx", "workers": "\(workers)", "threads": "\(plan.threads)",
        ])
    case .draining: log.info("stopping: accepted requests are finished")
    }
  }
}

extension WorkerPool.ProcessSignal {
  var number: Int32 {
    switch self {
    case .terminate: SIGTERM
    case .quit: SIGQUIT
    case .kill: SIGKILL
    }
  }
}
