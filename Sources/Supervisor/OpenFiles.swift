#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The number of descriptors that a process may have.
enum OpenFiles {
  /// Raises this process's limit, which others inherit, as far as the system lets it.
  ///
  /// - Returns: the limit that then holds.
  static func raise() -> Int {
    #if os(Linux)
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
    let resource = RLIMIT_NOFILE
    #endif
    var limit = rlimit()
    guard getrlimit(resource, &limit) == 0 else { return 1024 }
    var wanted = limit
    wanted.rlim_cur = min(limit.rlim_max, 1 << 20)
    if wanted.rlim_cur > limit.rlim_cur, setrlimit(resource, &wanted) == 0 { limit = wanted }
    return Int(clamping: limit.rlim_cur)
  }
}
