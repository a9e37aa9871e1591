#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// How much memory this process may use: the least of the machine's, its control groups' and its own limits (`ulimit -m` and
/// `-v`).
public enum MemoryBudget {
  /// The budget in bytes, as it was when it was first asked for; at least 64 MB.
  public static let bytes = Swift.max(
    1 << 26, Swift.min(machine, Swift.min(controlGroupLimit { smallFile($0) } ?? .max, processLimit)))

  private static let machine = Swift.max(1 << 28, sysconf(Int32(_SC_PHYS_PAGES)) &* sysconf(Int32(_SC_PAGESIZE)))

  /// The least of the limits on resident and on virtual memory. The system does not enforce the first; this is what does.
  private static var processLimit: Int {
    #if os(Linux)
    let resources = [__rlimit_resource_t(__RLIMIT_RSS.rawValue), __rlimit_resource_t(RLIMIT_AS.rawValue)]
    #else
    let resources = [RLIMIT_RSS, RLIMIT_AS]
    #endif
    return resources.map { resource in
      var limit = rlimit()
      return getrlimit(resource, &limit) == 0 ? Int(clamping: limit.rlim_cur) : .max
    }.min() ?? .max
  }

  /// The least limit on the way from this process's control group to the root: `memory.max` of version 2,
  /// `memory.limit_in_bytes` of version 1. nil where nothing limits it.
  ///
  /// - Parameter read: the text of a file, nil where there is none.
  public static func controlGroupLimit(_ read: (String) -> String?) -> Int? {
    var limits: [Int] = []
    for line in (read("/proc/self/cgroup") ?? "").split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let isUnified = fields[0] == "0" && fields[1].isEmpty
      guard isUnified || fields[1].split(separator: ",").contains("memory") else { continue }
      let (root, file) =
        isUnified ? ("/sys/fs/cgroup", "memory.max") : ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
      var names = fields[2].split(separator: "/").prefix(64)
      while true {
        let path = names.isEmpty ? "\(root)/\(file)" : "\(root)/\(names.joined(separator: "/"))/\(file)"
        let text = read(path)?.split { $0 == " " || $0 == "\n" }.first
        if let limit = text.flatMap({ Int($0) }), limit > 0 { limits.append(limit) }
        if names.popLast() == nil { break }
      }
    }
    return limits.min()
  }

  /// The text of a file of the kernel's, of which 64 kB are read.
  private static func smallFile(_ path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes.prefix(count), as: UTF8.self)
  }
}
