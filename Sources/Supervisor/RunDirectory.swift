#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The folder of one running server: sockets, nginx's files. Only its owner can enter it.
package struct RunDirectory: Sendable {
  package let path: String
  /// True when this process made it and removes it.
  private let isOwn: Bool

  /// Makes the folder, or takes an existing one and removes what an earlier server left there.
  ///
  /// - Parameters:
  ///   - wanted: the setting `run-dir`; nil means a new folder in `base`.
  ///   - base: where new folders are made.
  package init(_ wanted: String?, base: String) throws(StartError) {
    if let wanted {
      guard mkdir(wanted, 0o700) == 0 || errno == EEXIST else {
        throw StartError(
          .cannotCreate, "cannot make the run directory \(wanted): \(Descriptor.errorText); choose another --run-dir")
      }
      guard let resolved = realpath(wanted, nil) else {
        throw StartError(.cannotCreate, "cannot use the run directory \(wanted): \(Descriptor.errorText)")
      }
      path = String(cString: resolved)
      free(resolved)
      guard access(path, W_OK | X_OK) == 0 else {
        throw StartError(.noPermission, "cannot write in the run directory \(path); choose another --run-dir")
      }
      isOwn = false
      let lock = lockFile("\(path)/lock")
      guard lock >= 0 else {
        throw StartError(
          .cannotCreate, "the run directory \(path) is in use by another server; choose another --run-dir")
      }
      removeContents()
    } else {
      var template = Array("\(base)/swiftlet-XXXXXX".utf8CString)
      guard let made = mkdtemp(&template) else {
        throw StartError(
          .cannotCreate, "cannot make a run directory in \(base): \(Descriptor.errorText); set TMPDIR or --run-dir")
      }
      path = String(cString: made)
      isOwn = true
      // Held until the process ends: a folder whose lock is free was left by one that was killed.
      _ = lockFile("\(path)/lock")
    }
  }

  package var controlSocket: String { "\(path)/control.sock" }
  package func workerSocket(_ index: Int) -> String { "\(path)/worker-\(index).sock" }
  package var nginxConfig: String { "\(path)/nginx.conf" }

  /// Removes what the server made, and the folder when it was made for this server.
  package func remove() {
    removeContents()
    if isOwn {
      unlink("\(path)/lock")
      rmdir(path)
    }
  }

  private func removeContents() {
    for name in Self.names(path) where Self.isOurs(name) { Self.removeTree("\(path)/\(name)", depth: 0) }
  }

  private static let known = [
    "nginx.conf", "nginx.pid", "client_body", "proxy", "fastcgi", "uwsgi", "scgi", "control.sock",
  ]

  private static func isOurs(_ name: String) -> Bool {
    known.contains(name) || (name.hasPrefix("worker-") && name.hasSuffix(".sock"))
  }

  private static func removeTree(_ path: String, depth: Int) {
    if unlink(path) == 0 || depth > 64 { return }
    for name in names(path) { removeTree("\(path)/\(name)", depth: depth + 1) }
    rmdir(path)
  }

  private static func names(_ folder: String) -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var found: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { found.append(name) }
    }
    return found
  }
}

/// Takes the lock that another server on the same folder would hold; it ends with the process.
private func lockFile(_ path: String) -> Int32 {
  let fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
  guard fd >= 0, flock(fd, LOCK_EX | LOCK_NB) == 0 else { return -1 }
  return fd
}
