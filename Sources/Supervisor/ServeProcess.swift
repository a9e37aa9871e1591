import Logging
import ModelHosting
public import Settings

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// `serve` from its settings to its exit code.
public enum ServeProcess {
  /// Serves until a signal or a fault ends it. Called on the program's main thread, before any other thread is started.
  public static func run(_ settings: ResolvedSettings, plugs: ServerPlugs) -> ServeStatus {
    let log = LineLogHandler.logger("supervisor", settings)
    do throws(StartError) {
      let signals = try SignalPipe(SignalPipe.stopSignals + [SIGCHLD])
      var plan = try LaunchPlan(settings, budget: .current())
      for notice in plan.notices { log.notice("\(notice)") }
      let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
      let directory = try RunDirectory(settings[.runDir], base: base)
      defer { directory.remove() }
      let (store, first) = try plugs.openStore(plan)
      var coordinator = HostingCoordinator(plan)
      if let first { coordinator.adopt(first, at: Poller.now) }
      let hosting = try HostingDriver(coordinator, store: store, log: log)
      switch plan.front {
      case .direct:
        var server = DirectServer(plan: plan, plugs: plugs, signals: signals, hosting: hosting, log: log)
        return try server.run(first)
      case .nginx(let program):
        plan.settings.set(Setting.threads, plan.threads)
        var supervisor = try Supervisor(
          plan, nginx: program, plugs: plugs, signals: signals, directory: directory, hosting: hosting, log: log)
        return try supervisor.run()
      }
    } catch {
      report(error, settings)
      return error.status
    }
  }

  private static func report(_ error: StartError, _ settings: ResolvedSettings) {
    switch settings[.logFormat] {
    case .text: FinalWord.write(error.description)
    case .json: LineLogHandler.logger("supervisor", settings).critical("\(error.description)")
    }
  }
}
