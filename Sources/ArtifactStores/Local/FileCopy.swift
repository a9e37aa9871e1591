import CFileCalls

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Copies of files that the kernel makes where it can: shared blocks on file systems that have such, otherwise without
/// the bytes passing through this process.
enum FileCopy {
  /// Copies in pieces of 64 MiB, between which it can be cancelled.
  ///
  /// - Parameters:
  ///   - check: given the source's state before and after the copy; throws where it is no longer right.
  ///   - progress: told how many bytes are copied in all.
  static func copy(
    _ source: String, to path: String, _ flag: CancellationFlag,
    check: (Files.Status) throws(StoreError) -> Void, progress: (Int) -> Void
  ) throws(StoreError) {
    let from = open(source, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard from >= 0 else { throw Files.error("cannot read \(source)") }
    defer { close(from) }
    guard let before = Files.status(from) else { throw Files.error("cannot read \(source)") }
    try check(before)
    let to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o644)
    guard to >= 0 else { throw Files.error("cannot write \(path)") }
    defer { close(to) }
    var done = 0
    #if os(Linux)
    while done < before.size {
      try flag.check()
      let n = copy_file_range(from, nil, to, nil, Swift.min(before.size - done, 64 << 20), 0)
      if n < 0, errno == EINTR { continue }
      if n < 0, [EXDEV, EINVAL, ENOSYS, EOPNOTSUPP, EPERM, EBADF].contains(errno), done == 0 { break }
      guard n >= 0 else { throw Files.error("cannot copy \(source) to \(path)") }
      if n == 0 { break }
      done += n
      progress(done)
    }
    #endif
    if done < before.size {
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
      defer { buffer.deallocate() }
      while true {
        try flag.check()
        let n = systemRead(from, buffer)
        if n < 0, errno == EINTR { continue }
        guard n >= 0 else { throw Files.error("cannot read \(source)") }
        if n == 0 { break }
        var written = 0
        while written < n {
          let m = systemWrite(to, UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[written..<n]))
          if m < 0, errno == EINTR { continue }
          guard m > 0 else { throw Files.error("cannot write \(path)") }
          written += m
        }
        done += n
        progress(done)
      }
    }
    guard let after = Files.status(from) else { throw Files.error("cannot read \(source)") }
    try check(after)
    guard done == after.size else { throw StoreError(.changed, "\(source) was written while it was read") }
  }
}
