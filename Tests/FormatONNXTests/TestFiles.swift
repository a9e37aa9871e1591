import FormatONNX
import InferenceGraph
import ModelFormats
import TensorCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A folder of files for one test, removed with it.
final class TestFiles {
  let folder: String

  init() {
    var template = Array("/tmp/swiftlet-onnx-XXXXXX\0".utf8CString)
    folder = String(cString: mkdtemp(&template))
  }

  deinit {
    guard let dir = opendir(folder) else { return }
    while let entry = readdir(dir) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      unlink("\(folder)/\(name)")
      rmdir("\(folder)/\(name)")
    }
    closedir(dir)
    rmdir(folder)
  }

  @discardableResult
  func write(_ bytes: [UInt8], as name: String = "model.onnx") -> String {
    let path = "\(folder)/\(name)"
    let fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    defer { close(fd) }
    var at = 0
    while at < bytes.count {
      let n = bytes.withUnsafeBytes { posixWrite(fd, $0.baseAddress! + at, bytes.count - at) }
      if n <= 0 { break }
      at += n
    }
    return path
  }

  /// Loads `bytes` as a model.
  func load(_ bytes: [UInt8]) throws -> LoadedModel { try ONNXFormat.load(path: write(bytes)) }

  /// The tensor that `bytes` are.
  func tensor(_ proto: ProtoWriter) throws -> Tensor? {
    try ModelReader(MappedFile(path: write(proto.bytes, as: "t.pb"))).value(.tensor(.float32)).value.tensor
  }
}

/// The message of what `body` throws; "no error" where it throws nothing.
func message(_ body: () throws -> Void) -> String {
  do {
    try body()
    return "no error"
  } catch {
    return "\(error)"
  }
}

/// The small model files that the repository holds.
enum SmallModels {
  static let root = #filePath.split(separator: "/").dropLast(2).reduce("") { "\($0)/\($1)" } + "/Fixtures"

  /// Up to `count` models of at most `bytes` bytes, the same ones each time.
  static func load(atMost bytes: Int, count: Int) -> [(name: String, bytes: [UInt8])] {
    var found: [(name: String, bytes: [UInt8])] = []
    for family in entries(root) {
      var taken = 0
      for name in entries("\(root)/\(family)") {
        guard let file = try? MappedFile(path: "\(root)/\(family)/\(name)/model.onnx"), file.bytes.count <= bytes,
          taken < count
        else { continue }
        taken += 1
        found.append(("\(family)/\(name)", file.contents()))
      }
    }
    return found
  }

  private static func entries(_ path: String) -> [String] {
    guard let dir = opendir(path) else { return [] }
    defer { closedir(dir) }
    var names: [String] = []
    while let entry = readdir(dir) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted()
  }
}

/// `write(2)`, under a name that no method hides.
private func posixWrite(_ fd: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int { write(fd, bytes, count) }
