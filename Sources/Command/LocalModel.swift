import ArtifactStores
import Kernels
import ModelLoading
import ModelTools
import ServeCommand

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A model that a command is pointed at: a file, a folder or an archive.
enum LocalModel {
  /// Loads and prepares the model at `path` and hands it to `body`; an archive is unpacked for the length of the call.
  static func with<R>(_ path: String, threads: Int = 1, _ body: (PreparedModel) throws -> R) throws -> R {
    var folder: String?
    defer { if let folder { ArchiveExtractor.remove(folder) } }
    var source = path
    if ArchiveExtractor.isArchive(path) {
      let parent = try temporaryFolder()
      folder = parent
      source = "\(parent)/model"
      try ArchiveExtractor(limits: archiveLimits()).extract(path, into: source)
    }
    let loaded = try ModelLoader().load(source)
    return try body(PreparedModel(loaded, pool: threads > 1 ? ComputePool(threads: threads) : .inline))
  }

  /// The limits that `serve` has in this environment.
  private static func archiveLimits() throws -> ArchiveLimits {
    do throws(StoreError) {
      return try ArtifactPull(flags: []).archiveLimits
    } catch {
      throw ToolError(error.description, isUsage: true)
    }
  }

  private static func temporaryFolder() throws -> String {
    let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(base)/swiftlet-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else {
      throw ToolError("cannot make a folder in \(base): \(String(cString: strerror(errno)))")
    }
    return String(cString: made)
  }
}

/// Files that commands read and write.
enum LocalFile {
  /// The bytes of the file at `path`, or of standard input for `-`.
  static func read(_ path: String) throws -> [UInt8] {
    let fd = path == "-" ? 0 : open(path, O_RDONLY | O_CLOEXEC)
    guard fd >= 0 else { throw ToolError("cannot read \(path): \(String(cString: strerror(errno)))") }
    defer { if fd != 0 { close(fd) } }
    var out: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let n = systemRead(fd, &buffer)
      if n == 0 { return out }
      guard n > 0 else { throw ToolError("cannot read \(path): \(String(cString: strerror(errno)))") }
      out += buffer[0..<n]
    }
  }

  /// Writes a file, replacing what was there.
  static func write(_ bytes: [UInt8], to path: String) throws {
    guard let file = fopen(path, "w") else {
      throw ToolError("cannot write \(path): \(String(cString: strerror(errno)))")
    }
    let written = fwrite(bytes, 1, bytes.count, file)
    guard fclose(file) == 0, written == bytes.count else {
      throw ToolError("cannot write \(path): \(String(cString: strerror(errno)))")
    }
  }

  static func writeToStandardOutput(_ bytes: [UInt8]) {
    fflush(nil)
    write(bytes, toDescriptor: 1)
  }

  static func write(_ text: String, toDescriptor fd: Int32) { write(Array(text.utf8), toDescriptor: fd) }

  private static func write(_ bytes: [UInt8], toDescriptor fd: Int32) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let n = rest.withUnsafeBytes { systemWrite(fd, $0) }
      if n <= 0 { return }
      rest = rest.dropFirst(n)
    }
  }
}

private func systemRead(_ fd: Int32, _ buffer: inout [UInt8]) -> Int { read(fd, &buffer, buffer.count) }
private func systemWrite(_ fd: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
  write(fd, bytes.baseAddress, bytes.count)
}
