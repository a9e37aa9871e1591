#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A blocking client that sends any bytes and reads HTTP responses: a client that is as rude as the test wants.
public final class SocketClient {
  /// What went wrong, for a test's message.
  public struct Failure: Error, CustomStringConvertible {
    public var description: String
  }

  private var descriptor: Int32
  private var buffer: [UInt8] = []

  /// - Parameter timeout: seconds after which a read or write fails.
  public init(host: String = "127.0.0.1", port: Int, timeout: Int = 10) throws {
    #if canImport(Glibc)
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #else
    descriptor = socket(AF_INET, SOCK_STREAM, 0)
    #endif
    guard descriptor >= 0 else { throw Failure(description: "socket: \(errno)") }
    var limit = timeval(tv_sec: timeout, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
    inet_pton(AF_INET, host, &address.sin_addr)
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    if result != 0 {
      let code = errno
      _ = close(descriptor)
      throw Failure(description: "connect to \(host):\(port): error \(code)")
    }
  }

  deinit { disconnect() }

  /// Closes the connection.
  public func disconnect() {
    if descriptor >= 0 { _ = close(descriptor) }
    descriptor = -1
  }

  /// Sends everything; false when the server would not take it.
  @discardableResult
  public func send(_ bytes: [UInt8]) -> Bool {
    var sent = 0
    while sent < bytes.count {
      #if canImport(Darwin)
      let flags: Int32 = 0
      #else
      let flags = Int32(MSG_NOSIGNAL)
      #endif
      let count = bytes[sent...].withUnsafeBytes { sendBytes(descriptor, $0, flags) }
      if count <= 0 { return false }
      sent += count
    }
    return true
  }

  @discardableResult
  public func send(_ text: String) -> Bool { send(Array(text.utf8)) }

  /// Says that no more is sent.
  public func endOutput() {
    #if canImport(Glibc)
    _ = shutdown(descriptor, Int32(SHUT_WR))
    #else
    _ = shutdown(descriptor, SHUT_WR)
    #endif
  }

  /// Reads more; false at the end of the stream, on an error or a timeout.
  private func fill() -> Bool {
    var chunk = [UInt8](repeating: 0, count: 65536)
    let count = recv(descriptor, &chunk, chunk.count, 0)
    guard count > 0 else { return false }
    buffer += chunk[..<count]
    return true
  }

  /// Whether the server closes the connection without sending more.
  public func isClosed() -> Bool { buffer.isEmpty && !fill() && errno != EAGAIN }

  /// The next response. `hasBody` is false for answers to HEAD and for interim ones.
  public func response(hasBody: Bool = true) throws -> ContractResponse {
    var end = headEnd()
    while end == nil {
      guard fill() else { throw Failure(description: "no response, \(buffer.count) bytes of a head") }
      end = headEnd()
    }
    let headLength = end ?? 0
    let lines = String(decoding: buffer[..<headLength], as: UTF8.self).split(separator: "\r\n").map(String.init)
    let parts = (lines.first ?? "").split(separator: " ")
    guard parts.count >= 2, parts[0] == "HTTP/1.1", let status = Int(parts[1]) else {
      throw Failure(description: "no status line: \(lines.first ?? "")")
    }
    let headers = lines.dropFirst().compactMap { line in
      line.firstIndex(of: ":").map {
        (name: String(line[..<$0]).lowercased(), value: String(line[line.index(after: $0)...].drop { $0 == " " }))
      }
    }
    var response = ContractResponse(status: status, headers: headers, body: [])
    buffer.removeFirst(headLength)
    guard hasBody else { return response }
    let length = response.header("content-length").flatMap { Int($0) } ?? 0
    while buffer.count < length {
      guard fill() else { throw Failure(description: "body of \(length) bytes ends after \(buffer.count)") }
    }
    response.body = Array(buffer[..<length])
    buffer.removeFirst(length)
    return response
  }

  private func headEnd() -> Int? {
    var index = 3
    while index < buffer.count {
      if buffer[index] == 10, buffer[index - 1] == 13, buffer[index - 2] == 10, buffer[index - 3] == 13 {
        return index + 1
      }
      index += 1
    }
    return nil
  }
}

private func sendBytes(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, _ flags: Int32) -> Int {
  send(descriptor, bytes.baseAddress, bytes.count, flags)
}
