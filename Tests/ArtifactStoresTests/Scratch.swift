import ArtifactStores
import Glibc

/// A fresh folder, removed with the object.
final class Scratch: Sendable {
  let path: String

  /// - Parameter isInMemory: true for tests that make many files, where the system has such folders.
  init(isInMemory: Bool = false) {
    let base = isInMemory && access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
    var template = Array("\(base)/swiftlet-stores-XXXXXX\0".utf8CString)
    path = String(cString: mkdtemp(&template))
  }

  deinit { ArchiveExtractor.remove(path) }

  /// Writes a file and the folders above it.
  @discardableResult
  func write(_ name: String, _ bytes: [UInt8]) -> String {
    let full = "\(path)/\(name)"
    var at = path.utf8.count + 1
    for part in name.split(separator: "/").dropLast() {
      at += part.utf8.count
      mkdir(String(decoding: Array(full.utf8.prefix(at)), as: UTF8.self), 0o755)
      at += 1
    }
    let file = fopen(full, "w")!
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
    return full
  }

  @discardableResult
  func write(_ name: String, _ text: String) -> String { write(name, Array(text.utf8)) }
}

/// The text of a file; nil where there is none.
func contents(_ path: String) -> String? { bytes(of: path).map { String(decoding: $0, as: UTF8.self) } }

/// The bytes of a file; nil where there is none.
func bytes(of path: String) -> [UInt8]? {
  guard let file = fopen(path, "r") else { return nil }
  defer { fclose(file) }
  var out: [UInt8] = []
  var bytes = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let n = fread(&bytes, 1, bytes.count, file)
    if n <= 0 { return out }
    out += bytes[0..<n]
  }
}

/// Paths of all that is below a folder but folders, in order.
func tree(_ folder: String) -> [String] {
  var found: [String] = []
  var open = [""]
  while let below = open.popLast() {
    guard let stream = opendir("\(folder)/\(below)") else { continue }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name == "." || name == ".." { continue }
      if entry.pointee.d_type == DT_DIR { open.append("\(below)\(name)/") } else { found.append(below + name) }
    }
  }
  return found.sorted()
}
