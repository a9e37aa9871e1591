#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Waits for descriptors and a deadline.
enum Poller {
  /// Those of `descriptors` that can be read or written, have ended or have failed; none when `timeout` passed first.
  ///
  /// - Parameter writing: those of them that are waited for until they can be written, too.
  static func wait(_ descriptors: [Int32], writing: Set<Int32> = [], timeout: Duration?) -> [Int32] {
    var entries = descriptors.map {
      pollfd(fd: $0, events: Int16(POLLIN) | (writing.contains($0) ? Int16(POLLOUT) : 0), revents: 0)
    }
    var milliseconds: Int32 = -1
    if let timeout {
      let exact = timeout / .milliseconds(1)
      milliseconds = Int32(min(max(exact.rounded(.up), 0), 1e9))
    }
    let count = poll(&entries, nfds_t(entries.count), milliseconds)
    guard count > 0 else { return [] }
    return entries.filter { $0.revents != 0 }.map(\.fd)
  }

  /// Time since some moment in the past; never goes back.
  static var now: Duration {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
  }
}

/// Cuts bytes into lines.
struct LineBuffer {
  private var pending: [UInt8] = []
  private let limit: Int

  /// - Parameter limit: bytes of the longest line; a longer one is cut there.
  init(limit: Int = 64 << 10) { self.limit = limit }

  /// The lines that `bytes` complete.
  mutating func append(_ bytes: [UInt8]) -> [String] {
    pending += bytes
    var lines: [String] = []
    while let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
      lines.append(String(decoding: pending[..<end], as: UTF8.self))
      pending.removeSubrange(...end)
    }
    if pending.count > limit {
      lines.append(String(decoding: pending, as: UTF8.self))
      pending = []
    }
    return lines
  }
}
