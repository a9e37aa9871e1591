import ArtifactStores
import Settings
import Supervisor

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Where artifacts are kept.
enum CacheFolder {
  /// The setting, or `swiftlet` in `XDG_CACHE_HOME`, in `~/.cache`, or in the folder for temporary files.
  static func path(_ settings: ResolvedSettings) -> String {
    if let path = settings[.cacheDir] { return path }
    let environment = ProcessEnvironment.all
    if let base = environment["XDG_CACHE_HOME"], base.hasPrefix("/") { return "\(base)/swiftlet" }
    if let home = environment["HOME"], home.hasPrefix("/"), access(home, W_OK) == 0 { return "\(home)/.cache/swiftlet" }
    return "\(environment["TMPDIR"] ?? "/tmp")/.swiftlet-cache-\(getuid())"
  }

  /// Makes the folder for this user alone. One in a place that others can write to, which they may have made, is refused.
  static func claim(_ path: String) throws(StoreError) {
    if mkdir(path, 0o700) == 0 || errno != EEXIST { return }
    var status = stat()
    guard stat(path, &status) == 0 else { return }
    let isSafe = status.st_uid == getuid() || status.st_uid == 0 || getuid() == 0 && status.st_mode & 0o022 == 0
    guard isSafe, status.st_mode & 0o002 == 0 || status.st_uid == getuid() && status.st_mode & S_ISVTX != 0 else {
      throw StoreError(
        .accessDenied,
        "the cache folder \(path) belongs to somebody else or can be written by everybody; choose another "
          + "cache-dir")
    }
  }
}
