import CAllocator

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The memory of this process.
package enum ProcessMemory {
  /// Bytes of anonymous memory that are resident; 0 where the system does not tell.
  package static var anonymousBytes: Int {
    #if os(Linux)
    let fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC)
    guard fd >= 0 else { return 0 }
    defer { close(fd) }
    var chunk = [UInt8](repeating: 0, count: 4096)
    let count = chunk.withUnsafeMutableBytes { read(fd, $0.baseAddress, $0.count) }
    guard count > 0 else { return 0 }
    let text = String(decoding: chunk[..<count], as: UTF8.self)
    for line in text.split(separator: "\n") where line.hasPrefix("RssAnon:") {
      return (Int(line.filter(\.isNumber)) ?? 0) * 1024
    }
    #endif
    return 0
  }

  /// Gives memory that was freed back to the system.
  package static func trim() { allocator_give_back() }

  /// Bytes that this process may have: the control group's limit, or the machine's memory.
  package static var available: Int {
    var bytes = sysconf(Int32(_SC_PHYS_PAGES)) &* sysconf(Int32(_SC_PAGESIZE))
    for path in ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"] {
      let fd = open(path, O_RDONLY | O_CLOEXEC)
      guard fd >= 0 else { continue }
      defer { close(fd) }
      var chunk = [UInt8](repeating: 0, count: 64)
      let count = chunk.withUnsafeMutableBytes { read(fd, $0.baseAddress, $0.count) }
      let digits = String(decoding: chunk[..<max(count, 0)].prefix { $0 != 10 }, as: UTF8.self)
      if let limit = Int(digits), limit > 0 { bytes = min(bytes, limit) }
    }
    return bytes
  }
}
