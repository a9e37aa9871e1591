#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A lock on a file (`flock(2)`), which ends with the object or with the process, however that ends.
///
/// A lock is between open files, so two objects of one process exclude each other as two processes do.
final class FileLock: Sendable {
  enum Kind: Sendable { case shared, exclusive }

  let path: String
  private let fd: Int32

  private init(path: String, fd: Int32) {
    self.path = path
    self.fd = fd
  }

  deinit { close(fd) }

  /// Takes the lock, waiting for it.
  static func waiting(_ path: String, _ kind: Kind) throws(StoreError) -> FileLock {
    let fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o644)
    guard fd >= 0 else { throw Files.error("cannot open the lock \(path)") }
    let lock = FileLock(path: path, fd: fd)
    while flock(fd, kind == .shared ? LOCK_SH : LOCK_EX) != 0 {
      guard errno == EINTR else { throw Files.error("cannot take the lock \(path)") }
    }
    return lock
  }

  /// What came of an attempt.
  enum Attempt: Sendable {
    case taken(FileLock)
    /// Another open file has it.
    case held
    /// There is no such file, or it was removed or replaced meanwhile.
    case absent
  }

  /// Takes the lock on the file that is at `path` now, or says why not, without waiting.
  static func attempt(_ path: String, _ kind: Kind, makes: Bool = false) -> Attempt {
    let fd = open(path, (makes ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW, 0o644)
    guard fd >= 0 else { return .absent }
    let lock = FileLock(path: path, fd: fd)
    while flock(fd, (kind == .shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0 {
      if errno != EINTR { return errno == EWOULDBLOCK ? .held : .absent }
    }
    guard let own = Files.status(fd), let there = Files.status(path, followsLink: false), own.identity == there.identity
    else { return .absent }
    return .taken(lock)
  }

  /// Lets other holders of shared locks in. Another process may take the lock between.
  func share() { while flock(fd, LOCK_SH) != 0 && errno == EINTR {} }

  /// Writes a text into the file, which was opened to be made.
  func write(_ text: String) {
    let bytes = Array(text.utf8)
    _ = bytes.withUnsafeBytes { systemWrite(fd, $0) }
  }

  /// Sets the file's time to now.
  func touch() { futimens(fd, nil) }

  var status: Files.Status? { Files.status(fd) }
}
