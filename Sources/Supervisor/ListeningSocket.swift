#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Sockets that the supervisor listens on and hands to others, so that no connection is refused while they restart.
package enum ListeningSocket {
  /// Connections that wait to be accepted; the kernel caps it at net.core.somaxconn.
  package static let backlog: Int32 = 4096

  /// Listens on a TCP port.
  ///
  /// - Parameter host: an IPv4 or IPv6 address, or `localhost`.
  /// - Parameter isOpen: false to take the port but refuse connections until `open`.
  /// - Returns: the descriptor, closed on exec. It does not block: nginx leaves the mode of a socket that it inherits as it is,
  ///   and one of its processes would sleep in `accept` when another took the connection that woke both.
  package static func tcp(host: String, port: Int, isOpen: Bool = true) throws(StartError) -> Int32 {
    var hints = addrinfo()
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
    hints.ai_family = AF_UNSPEC
    #if os(Linux)
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    #else
    hints.ai_socktype = SOCK_STREAM
    #endif
    var list: UnsafeMutablePointer<addrinfo>?
    let numeric = host == "localhost" ? "127.0.0.1" : host
    guard getaddrinfo(numeric, "\(port)", &hints, &list) == 0, let info = list else {
      throw StartError(.usage, "host \(host) is not an IP address; give one such as 0.0.0.0 with --host")
    }
    defer { freeaddrinfo(list) }
    let fd = socket(info.pointee.ai_family, info.pointee.ai_socktype, info.pointee.ai_protocol)
    guard fd >= 0 else { throw StartError(.unavailable, "cannot make a socket: \(Descriptor.errorText)") }
    let raised = Descriptor.raised(fd)
    Descriptor.setNonBlocking(raised)
    var yes: Int32 = 1
    var no: Int32 = 0
    let size = socklen_t(MemoryLayout<Int32>.size)
    setsockopt(raised, SOL_SOCKET, SO_REUSEADDR, &yes, size)
    if info.pointee.ai_family == AF_INET6 { setsockopt(raised, ipv6Level, IPV6_V6ONLY, &no, size) }
    guard bind(raised, info.pointee.ai_addr, info.pointee.ai_addrlen) == 0 else {
      let failure = errno
      close(raised)
      throw bindError(failure, host: host, port: port)
    }
    if isOpen { try open(raised, host: host, port: port) }
    return raised
  }

  /// Takes connections on a socket that `tcp` made.
  package static func open(_ fd: Int32, host: String, port: Int) throws(StartError) {
    guard listen(fd, backlog) == 0 else {
      let failure = errno
      close(fd)
      throw bindError(failure, host: host, port: port)
    }
  }

  private static var ipv6Level: Int32 {
    #if os(Linux)
    return Int32(IPPROTO_IPV6)
    #else
    return IPPROTO_IPV6
    #endif
  }

  private static func bindError(_ failure: Int32, host: String, port: Int) -> StartError {
    let text = String(cString: strerror(failure))
    return switch failure {
    case EADDRINUSE:
      StartError(
        .unavailable, "port \(port) on \(host) is in use; stop what listens there or choose another with --port")
    case EACCES:
      StartError(
        .noPermission, "port \(port) needs more rights than this user has; choose one above 1023 with --port")
    case EADDRNOTAVAIL:
      StartError(.unavailable, "no interface of this machine has the address \(host); choose another with --host")
    default: StartError(.unavailable, "cannot listen on \(host) port \(port): \(text)")
    }
  }

  /// Listens on a Unix socket at a path that must be free.
  package static func unix(_ path: String) throws(StartError) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let capacity = MemoryLayout.size(ofValue: address.sun_path)
    guard path.utf8.count < capacity else {
      throw StartError(
        .cannotCreate, "the socket path \(path) is longer than \(capacity - 1) bytes; choose a shorter --run-dir")
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    #if os(Linux)
    let fd = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    #else
    let fd = socket(AF_UNIX, SOCK_STREAM, 0)
    #endif
    guard fd >= 0 else { throw StartError(.cannotCreate, "cannot make a socket: \(Descriptor.errorText)") }
    let raised = Descriptor.raised(fd)
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(raised, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard bound == 0, listen(raised, backlog) == 0 else {
      let text = Descriptor.errorText
      close(raised)
      throw StartError(.cannotCreate, "cannot listen on \(path): \(text); choose another --run-dir")
    }
    return raised
  }

  /// Two connected sockets: the supervisor's end, which does not block, and the worker's.
  static func pair() throws(SpawnError) -> (own: Int32, other: Int32) {
    var fds: [Int32] = [-1, -1]
    #if os(Linux)
    let made = socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &fds)
    #else
    let made = socketpair(AF_UNIX, SOCK_STREAM, 0, &fds)
    #endif
    guard made == 0 else { throw SpawnError("socketpair: \(Descriptor.errorText)") }
    let ends = (own: Descriptor.raised(fds[0]), other: Descriptor.raised(fds[1]))
    Descriptor.setNonBlocking(ends.own)
    return ends
  }

  /// A pipe: the end to read from, which does not block, and the end to write to.
  static func pipe() throws(SpawnError) -> (read: Int32, write: Int32) {
    var fds: [Int32] = [-1, -1]
    guard makePipe(&fds) == 0 else { throw SpawnError("pipe: \(Descriptor.errorText)") }
    let ends = (read: Descriptor.raised(fds[0]), write: Descriptor.raised(fds[1]))
    Descriptor.setNonBlocking(ends.read)
    return ends
  }
}

private func makePipe(_ fds: inout [Int32]) -> Int32 { pipe(&fds) }
