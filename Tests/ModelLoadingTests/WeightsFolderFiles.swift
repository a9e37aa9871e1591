import InferenceGraph
import ModelFormats
import ModelLoading
import ModelTools
import TensorCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A folder for one test's models and weights, removed with it.
final class WeightsFolderFiles: Sendable {
  let path: String
  /// A folder in it for weights.
  let weights: WeightsFolder

  init() {
    var template = Array("/tmp/swiftlet-weights-XXXXXX\0".utf8CString)
    path = String(cString: mkdtemp(&template))
    mkdir("\(path)/weights", 0o700)
    weights = WeightsFolder("\(path)/weights")
  }

  deinit {
    for folder in [weights.path, path] {
      for name in names(in: folder) { unlink("\(folder)/\(name)") }
      rmdir(folder)
    }
  }

  func names(in folder: String? = nil) -> [String] {
    guard let dir = opendir(folder ?? weights.path) else { return [] }
    defer { closedir(dir) }
    var names: [String] = []
    while let entry = readdir(dir) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  @discardableResult
  func write(_ bytes: [UInt8], as name: String) -> String {
    let file = name.hasPrefix("/") ? name : "\(path)/\(name)"
    let fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    defer { close(fd) }
    var at = 0
    while at < bytes.count {
      let n = bytes[at...].withUnsafeBytes { systemWrite(fd, $0.baseAddress!, $0.count) }
      if n <= 0 { break }
      at += n
    }
    return file
  }

  /// A fixture, with every tensor `shift` bytes further on: a field that says who made the file goes before.
  func fixture(_ name: String, shift: Int = 0) throws -> LoadedModel {
    let folder = "\(Fixtures.folder)/\(name)"
    if let beside = try? MappedFile(path: "\(folder)/weights.data") { write(beside.contents(), as: "weights.data") }
    let bytes = try MappedFile(path: "\(folder)/model.onnx").contents()
    let prefix = shift == 0 ? [] : [0x12, UInt8(shift + 2)] + [UInt8](repeating: 0x61, count: shift + 2)
    return try ModelLoader().load(write(prefix + bytes, as: "model.onnx"))
  }
}

private func systemWrite(_ fd: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int { write(fd, bytes, count) }

/// The models under Tests/Fixtures.
enum Fixtures {
  static let folder: String = {
    let parts = #filePath.split(separator: "/").dropLast(2)
    return "/" + parts.joined(separator: "/") + "/Fixtures"
  }()

  /// The models of a group, such as `torch/resnet`.
  static func names(_ group: String) -> [String] {
    guard let dir = opendir("\(folder)/\(group)") else { return [] }
    defer { closedir(dir) }
    var names: [String] = []
    while let entry = readdir(dir) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if access("\(folder)/\(group)/\(name)/model.onnx", R_OK) == 0 { names.append("\(group)/\(name)") }
    }
    return names.sorted()
  }
}

extension PreparedModel {
  /// The outputs for made-up inputs, bit by bit, or what the model says against them.
  func answer() throws -> [String] {
    let inputs = try SyntheticInputs(batch: 2, free: 8).values(for: self)
    do {
      return try session.run(inputs).map { $0.bits }
    } catch let error as GraphError {
      return ["\(error)"]
    }
  }

  var isFromFile: Bool { if case .file(_, isNew: false) = weights { true } else { false } }
}

extension Value {
  fileprivate var bits: String {
    switch self {
    case .tensor(let t): "\(t.dtype)\(t.shape) \(Array(t.strings)) \(Array(t.unsafeBytes))"
    case .sequence(let items, _): items.map(\.bits).joined(separator: ",")
    case .optional(let item, _): item?.bits ?? "none"
    case .map(let map): Value.tensor(map.keys).bits + Value.tensor(map.values).bits
    }
  }
}
