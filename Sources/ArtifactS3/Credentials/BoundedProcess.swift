#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Runs a short command and reads what it writes. It blocks its thread.
enum BoundedProcess {
  /// What a command wrote to its standard output before it ended with 0.
  ///
  /// The command is looked for in `PATH`, has no input, shares the standard error, and is a process group of its own, which
  /// is killed where it takes more than `seconds` or writes more than `limit` bytes.
  static func output(
    of words: [String], environment: [String: String], limit: Int, seconds: Int
  ) throws(FileFault) -> [UInt8] {
    var ends: [Int32] = [-1, -1]
    // Another thread may start a process at any time, which must not inherit the pipe.
    #if canImport(Darwin)
    guard pipe(&ends) == 0 else { throw fault("cannot make a pipe", errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    #else
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw fault("cannot make a pipe", errno) }
    #endif
    defer { close(ends[0]) }
    let end = milliseconds() + Int64(seconds) * 1000
    let child: pid_t
    do throws(FileFault) { child = try spawn(words, environment, output: ends[1]) } catch {
      close(ends[1])
      throw error
    }
    close(ends[1])
    var output: [UInt8] = []
    var problem = read(ends[0], into: &output, limit: limit, until: end, seconds: seconds)
    if problem != nil { kill(-child, SIGKILL) }
    var status: Int32 = 0
    var waited: pid_t = 0
    while true {
      waited = waitpid(child, &status, problem == nil ? WNOHANG : 0)
      if waited > 0 || (waited < 0 && errno != EINTR) { break }
      if problem == nil, milliseconds() >= end {
        problem = "not done after \(seconds) s"
        kill(-child, SIGKILL)
      } else {
        usleep(2000)
      }
    }
    if let problem { throw FileFault(reason: problem) }
    // Somebody else may have collected the child: then its output has to do.
    guard waited < 0 || status == 0 else {
      throw FileFault(
        reason: status & 0x7F == 0 ? "ended with \(status >> 8 & 0xFF)" : "killed by signal \(status & 0x7F)")
    }
    return output
  }

  private static func fault(_ what: String, _ code: Int32) -> FileFault {
    FileFault(reason: "\(what): \(String(cString: strerror(code)))")
  }

  private static func spawn(
    _ words: [String], _ environment: [String: String], output: Int32
  ) throws(FileFault) -> pid_t {
    #if canImport(Darwin)
    var actions: posix_spawn_file_actions_t?
    var attributes: posix_spawnattr_t?
    #else
    var actions = posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    #endif
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setpgroup(&attributes, 0)
    // A server ignores some signals, and what is ignored would be inherited.
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { for pointer in arguments + variables { free(pointer) } }
    var child: pid_t = 0
    let code = posix_spawnp(&child, words[0], &actions, &attributes, &arguments, &variables)
    guard code == 0 else { throw fault("cannot be run", code) }
    return child
  }

  /// Reads to the end; returns what is wrong where that is not reached.
  private static func read(_ fd: Int32, into output: inout [UInt8], limit: Int, until end: Int64, seconds: Int)
    -> String?
  {
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let left = end - milliseconds()
      guard left > 0 else { return "not done after \(seconds) s" }
      var event = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
      let ready = poll(&event, 1, Int32(left))
      if ready < 0, errno != EINTR { return String(cString: strerror(errno)) }
      guard ready > 0 else { continue }
      let n = systemRead(fd, &buffer)
      if n == 0 { return nil }
      if n < 0 {
        if errno == EINTR { continue }
        return String(cString: strerror(errno))
      }
      output += buffer[..<n]
      guard output.count <= limit else { return "writes more than \(limit) bytes" }
    }
  }

  private static func milliseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }
}

private func systemRead(_ fd: Int32, _ buffer: inout [UInt8]) -> Int { read(fd, &buffer, buffer.count) }
