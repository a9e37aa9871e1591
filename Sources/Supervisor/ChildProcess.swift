import CProcess

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A program to start, with all that it inherits.
///
/// A started process gets descriptors 0 to 2 and those in `descriptors`, an empty signal mask and default signal handlers.
/// The kernel ties a parent-death signal to the *thread* that started the process, so `spawn` is called from one thread
/// that lives as long as the supervisor: its main thread.
struct ChildProcess {
  var program: String
  /// All words, the program's name first.
  var arguments: [String]
  /// Added to this process's environment.
  var environment: [String: String] = [:]
  /// Descriptors of this process, and the numbers that they get in the other, counted from 3 without gaps.
  var descriptors: [Int32] = []
  /// What standard error becomes; nil for this process's own.
  var standardError: Int32?
  var hasOwnGroup = false

  /// The program that this process runs.
  static var ownProgram: String {
    #if os(Linux)
    return "/proc/self/exe"
    #else
    return CommandLine.arguments.first ?? "serve"
    #endif
  }

  /// Starts the process.
  ///
  /// - Returns: its id.
  func spawn() throws(SpawnError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    if let standardError { posix_spawn_file_actions_adddup2(&actions, standardError, 2) }
    for (offset, descriptor) in descriptors.enumerated() {
      posix_spawn_file_actions_adddup2(&actions, descriptor, 3 + Int32(offset))
    }
    _ = swiftlet_spawn_close_from(&actions, 3 + Int32(descriptors.count))

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    var handled = sigset_t()
    sigemptyset(&handled)
    for signal in [SIGPIPE, SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGCHLD] { sigaddset(&handled, signal) }
    posix_spawnattr_setsigdefault(&attributes, &handled)
    var flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
    if hasOwnGroup {
      posix_spawnattr_setpgroup(&attributes, 0)
      flags |= POSIX_SPAWN_SETPGROUP
    }
    posix_spawnattr_setflags(&attributes, Int16(truncatingIfNeeded: Int(flags)))

    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] = environmentLines().map { strdup($0) } + [nil]
    defer {
      for word in words + variables { free(word) }
    }
    var process: pid_t = 0
    let failure = posix_spawn(&process, program, &actions, &attributes, &words, &variables)
    guard failure == 0 else { throw SpawnError("\(program): \(String(cString: strerror(failure)))") }
    return process
  }

  private func environmentLines() -> [String] {
    ProcessEnvironment.all.merging(environment) { $1 }.map { "\($0.key)=\($0.value)" }
  }
}

/// Why a process could not be started.
struct SpawnError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// The environment of this process.
public enum ProcessEnvironment {
  /// All variables.
  public static var all: [String: String] {
    var found: [String: String] = [:]
    guard var entry = swiftlet_environment() else { return found }
    while let line = entry.pointee {
      let text = String(cString: line)
      if let equals = text.firstIndex(of: "=") {
        found[String(text[..<equals])] = String(text[text.index(after: equals)...])
      }
      entry += 1
    }
    return found
  }
}

/// What a process does first to end when the supervisor does.
package enum ParentDeath {
  /// Asks for `signal` at the death of the supervisor.
  ///
  /// - Returns: false when the supervisor, process `parent`, is already gone.
  package static func follow(parent: Int32, signal: Int32) -> Bool {
    _ = swiftlet_signal_on_parent_death(signal)
    return getppid() == parent
  }
}
