#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A file in memory (where the system has such) for readers that take a path.
enum ScratchFile {
  static let folder: String = {
    var template = Array("\(access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp")/swiftlet-fuzz-XXXXXX\0".utf8CString)
    return mkdtemp(&template).map { String(cString: $0) } ?? "/tmp"
  }()

  static func write(_ bytes: UnsafeRawBufferPointer, as name: String) -> String {
    let path = "\(folder)/\(name)"
    let fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    if let base = bytes.baseAddress { _ = systemWrite(fd, base, bytes.count) }
    close(fd)
    return path
  }
}

/// `write(2)`, under a name that no method hides.
private func systemWrite(_ fd: Int32, _ base: UnsafeRawPointer, _ count: Int) -> Int { write(fd, base, count) }
