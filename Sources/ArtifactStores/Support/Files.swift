import CFileCalls

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The system calls that this target makes, with its own errors.
package enum Files {
  /// What the last failed call said.
  static var errorText: String { String(cString: strerror(errno)) }

  /// The error of the last failed call, `what` having been tried.
  static func error(_ what: String) -> StoreError {
    let code: StoreError.Code =
      switch errno {
      case ENOSPC, EDQUOT: .diskFull
      case ENOENT, ENOTDIR: .notFound
      case EACCES, EPERM: .accessDenied
      default: .io
      }
    return StoreError(code, "\(what): \(errorText)")
  }

  /// What tells a file from all others of this machine.
  struct Identity: Sendable, Hashable {
    var device: UInt64
    var inode: UInt64
  }

  /// What the file system says of a path.
  struct Status: Sendable, Hashable {
    enum Kind: Sendable { case file, folder, link, other }
    var kind: Kind
    var size: Int
    /// Bytes of it that take room on the disk: fewer where it has holes.
    var allocated: Int
    /// Nanoseconds since 1970.
    var modified: Int64
    /// The later of the last reading and the last change, as the file system keeps the former: nanoseconds since 1970.
    var used: Int64
    var identity: Identity
    /// Whether it belongs to the user that this process runs as.
    var isOwn: Bool

    init(_ info: stat) {
      kind =
        switch info.st_mode & S_IFMT {
        case S_IFREG: .file
        case S_IFDIR: .folder
        case S_IFLNK: .link
        default: .other
        }
      size = Int(info.st_size)
      allocated = Swift.min(size, Int(info.st_blocks).multipliedReportingOverflow(by: 512).partialValue)
      #if canImport(Darwin)
      let (time, read) = (info.st_mtimespec, info.st_atimespec)
      #else
      let (time, read) = (info.st_mtim, info.st_atim)
      #endif
      modified = Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
      used = max(modified, Int64(read.tv_sec) &* 1_000_000_000 &+ Int64(read.tv_nsec))
      isOwn = info.st_uid == geteuid()
      identity = Identity(
        device: UInt64(truncatingIfNeeded: info.st_dev), inode: UInt64(truncatingIfNeeded: info.st_ino))
    }
  }

  /// Of what `path` leads to, or of a link itself; nil where there is nothing.
  static func status(_ path: String, followsLink: Bool = true) -> Status? {
    var info = stat()
    guard (followsLink ? stat(path, &info) : lstat(path, &info)) == 0 else { return nil }
    return Status(info)
  }

  static func status(_ fd: Int32) -> Status? {
    var info = stat()
    return fstat(fd, &info) == 0 ? Status(info) : nil
  }

  /// The names in a folder, in no order; nil where it cannot be read.
  static func names(_ folder: String) -> [String]? {
    guard let stream = opendir(folder) else { return nil }
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

  /// Makes a folder and those above it.
  static func makeFolders(_ path: String, mode: mode_t = 0o755) throws(StoreError) {
    if mkdir(path, mode) == 0 || errno == EEXIST { return }
    if errno == ENOENT, let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")), slash > path.utf8.startIndex {
      try makeFolders(String(path[..<slash]), mode: mode)
      if mkdir(path, mode) == 0 || errno == EEXIST { return }
    }
    throw error("cannot make the folder \(path)")
  }

  /// Bytes that an unprivileged process can still write on the file system of `path`.
  static func freeBytes(_ path: String) -> Int? {
    var info = statvfs()
    guard statvfs(path, &info) == 0 else { return nil }
    let (bytes, overflow) = UInt64(info.f_bavail).multipliedReportingOverflow(by: UInt64(info.f_frsize))
    return overflow || bytes > UInt64(Int.max) ? Int.max : Int(bytes)
  }

  /// The bytes of a small file; nil where it cannot be read or has more than `limit`.
  static func read(_ path: String, limit: Int) -> [UInt8]? {
    let fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard fd >= 0 else { return nil }
    defer { close(fd) }
    guard let size = status(fd)?.size, size <= limit else { return nil }
    var bytes = [UInt8](repeating: 0, count: size)
    var have = 0
    while have < size {
      let n = bytes.withUnsafeMutableBytes { systemRead(fd, UnsafeMutableRawBufferPointer(rebasing: $0[have...])) }
      if n < 0, errno == EINTR { continue }
      guard n > 0 else { return nil }
      have += n
    }
    return bytes
  }

  /// Writes a file that did not exist before, through to the disk.
  static func write(_ bytes: [UInt8], to path: String, isPrivate: Bool = false) throws(StoreError) {
    let fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, isPrivate ? 0o600 : 0o644)
    guard fd >= 0 else { throw error("cannot write \(path)") }
    defer { close(fd) }
    var have = 0
    while have < bytes.count {
      let n = bytes.withUnsafeBytes { systemWrite(fd, UnsafeRawBufferPointer(rebasing: $0[have...])) }
      if n < 0, errno == EINTR { continue }
      guard n > 0 else { throw error("cannot write \(path)") }
      have += n
    }
    guard fsync(fd) == 0 else { throw error("cannot write \(path)") }
  }

  /// Replaces a file at once: a reader sees the old bytes or the new ones. A private one is its owner's alone.
  package static func replace(_ path: String, with bytes: [UInt8], isPrivate: Bool = false) throws(StoreError) {
    let temporary = "\(path).\(randomName())"
    do {
      try write(bytes, to: temporary, isPrivate: isPrivate)
    } catch {
      unlink(temporary)
      throw error
    }
    guard rename(temporary, path) == 0 else {
      let failure = error("cannot write \(path)")
      unlink(temporary)
      throw failure
    }
  }

  /// Makes all that is below a folder last a loss of power: file by file, or, where there are many, by flushing the
  /// whole file system.
  static func flush(_ folder: String, files: [String]) throws(StoreError) {
    #if os(Linux)
    if files.count > 64 {
      let fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      guard fd >= 0 else { throw error("cannot open \(folder)") }
      defer { close(fd) }
      guard syncfs(fd) == 0 else { throw error("cannot write \(folder) through") }
      return
    }
    #endif
    var folders: Set<String> = [""]
    for file in files {
      let fd = open("\(folder)/\(file)", O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
      guard fd >= 0 else { throw error("cannot open \(folder)/\(file)") }
      defer { close(fd) }
      guard fsync(fd) == 0 else { throw error("cannot write \(folder)/\(file) through") }
      var path = file
      while let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) {
        path = String(path[..<slash])
        guard folders.insert(path).inserted else { break }
      }
    }
    for path in folders { try flushNames("\(folder)/\(path)") }
  }

  /// Makes the names in a folder last a loss of power.
  static func flushNames(_ folder: String) throws(StoreError) {
    let fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard fd >= 0 else { throw error("cannot open \(folder)") }
    defer { close(fd) }
    guard fsync(fd) == 0 else { throw error("cannot write \(folder) through") }
  }

  /// 24 characters that no other process picks.
  static func randomName() -> String {
    let (a, b) = (UInt64.random(in: 0...UInt64.max), UInt32.random(in: 0...UInt32.max))
    return hex(a, 16) + hex(UInt64(b), 8)
  }

  /// `path` from the root on; links in it stay.
  static func absolute(_ path: String) -> String {
    if path.utf8.first == UInt8(ascii: "/") { return path }
    guard let folder = getcwd(nil, 0) else { return path }
    defer { free(folder) }
    return "\(String(cString: folder))/\(path)"
  }

  /// The path without links; nil where there is nothing.
  static func real(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  static func hex(_ value: UInt64, _ digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: Swift.max(0, digits - text.count)) + text
  }

  static func hex(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var out: [UInt8] = []
    for byte in bytes {
      out.append(digits[Int(byte >> 4)])
      out.append(digits[Int(byte & 15)])
    }
    return String(decoding: out, as: UTF8.self)
  }

  /// Milliseconds since 1970.
  static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }
}

/// `read(2)`, under a name that no method hides.
func systemRead(_ fd: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
  read(fd, buffer.baseAddress, buffer.count)
}

/// `write(2)`, under a name that no method hides.
func systemWrite(_ fd: Int32, _ bytes: UnsafeRawBufferPointer) -> Int { write(fd, bytes.baseAddress, bytes.count) }
