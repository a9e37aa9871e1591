import FormatONNX
import InferenceGraph
public import JSONDocument
import ModelFormats
import ModelLoading
import TensorCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Runs folders of `model.onnx` with `test_data_set_*/{input,output}_*.pb`, the layout of ONNX's backend tests.
public struct Conformance: Sendable {
  /// How one case ended.
  public struct Outcome: Sendable {
    /// The kinds: outputs agree; outputs differ; the model did not load or run.
    public enum Status: String, Sendable { case pass, fail, error }
    public var name: String
    public var status: Status
    public var message: String
  }

  /// A case: a folder, and the tolerance that the index beside it sets.
  public struct Case: Sendable {
    public var name: String
    public var path: String
    public var comparison: ValueComparison
  }

  public var cases: [Case]

  /// Finds the cases below `root`; `only` keeps those whose name contains it (`*` matches any run of characters).
  ///
  /// - Throws: `JSONError` for an unsound `index.json`.
  public init(root: String, only: String? = nil) throws {
    var found: [Case] = []
    try Conformance.find(root, tolerances: [:], into: &found, depth: 0)
    cases = found.filter { only == nil || Conformance.matches($0.name, only!) }.sorted { $0.name < $1.name }
  }

  /// Runs one case.
  public func run(_ one: Case) -> Outcome {
    do {
      let loaded = try ONNXFormat.load(path: one.path + "/model.onnx")
      let model = try PreparedModel(loaded)
      let sets = Conformance.entries(one.path).filter { $0.hasPrefix("test_data_set_") }.sorted()
      if sets.isEmpty { return Outcome(name: one.name, status: .error, message: "no test_data_set_* folder") }
      for set in sets {
        if let difference = try check(model, "\(one.path)/\(set)", one.comparison) {
          return Outcome(name: one.name, status: .fail, message: "\(set): \(difference)")
        }
      }
      return Outcome(name: one.name, status: .pass, message: "")
    } catch {
      return Outcome(name: one.name, status: .error, message: "\(error)")
    }
  }

  private func check(_ model: PreparedModel, _ folder: String, _ comparison: ValueComparison) throws -> String? {
    let graph = model.optimized
    let files = Conformance.entries(folder)
    var inputs = [Value?](repeating: nil, count: graph.inputs.count)
    for index in 0..<files.count {
      guard files.contains("input_\(index).pb") else { break }
      let reader = ModelReader(try MappedFile(path: "\(folder)/input_\(index).pb"))
      guard index < graph.inputs.count else {
        throw GraphError(.invalidInput, "the model takes \(graph.inputs.count) inputs")
      }
      // The declared type says how the file is to be read; which input it is, its name or else its number says.
      var position = index
      var type = graph.fact(graph.inputs[position]).type ?? .tensor(.float32)
      var read = try reader.value(type)
      if !read.name.isEmpty, let named = graph.inputs.firstIndex(where: { graph[$0].name == read.name }), named != index
      {
        position = named
        type = graph.fact(graph.inputs[position]).type ?? .tensor(.float32)
        read = try reader.value(type)
      }
      inputs[position] = read.value
    }
    let outputs = try model.session.run(inputs)
    var checked = 0
    for index in 0..<outputs.count {
      guard files.contains("output_\(index).pb") else { break }
      let reader = ModelReader(try MappedFile(path: "\(folder)/output_\(index).pb"))
      let declared = graph.fact(graph.outputs[index]).type
      let want = try reader.value(declared ?? outputs[index].type)
      if let difference = comparison.difference(got: outputs[index], want: want.value) {
        return "output \(index) (\(graph.outputNames[index])): \(difference)"
      }
      checked += 1
    }
    if checked == 0 { return "no output_*.pb to compare with" }
    if files.contains("output_\(outputs.count).pb") { return "\(outputs.count) outputs, expected more" }
    return nil
  }

  // MARK: Finding cases

  private static func find(
    _ path: String, tolerances: [String: ValueComparison], into found: inout [Case], depth: Int
  ) throws {
    guard depth < 8 else { return }
    let names = entries(path)
    var tolerances = tolerances
    if names.contains("index.json") {
      let index = try JSONDocument(parsing: try MappedFile(path: "\(path)/index.json").contents())
      for entry in (index["cases"] ?? index).array ?? [] {
        guard let name = entry["name"]?.string else { continue }
        tolerances[name] = ValueComparison(rtol: entry["rtol"]?.double ?? 1e-3, atol: entry["atol"]?.double ?? 1e-7)
      }
    }
    if names.contains("model.onnx") {
      let name = String(path.split(separator: "/").last ?? "")
      found.append(Case(name: name, path: path, comparison: tolerances[name] ?? ValueComparison()))
      return
    }
    for name in names where !name.hasPrefix(".") {
      var info = stat()
      if stat("\(path)/\(name)", &info) == 0, info.st_mode & S_IFMT == S_IFDIR {
        try find("\(path)/\(name)", tolerances: tolerances, into: &found, depth: depth + 1)
      }
    }
  }

  private static func entries(_ path: String) -> [String] {
    guard let dir = opendir(path) else { return [] }
    defer { closedir(dir) }
    var names: [String] = []
    while let entry = readdir(dir) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// True when `pattern` occurs in `name`; with `*`, when it matches the whole of it.
  static func matches(_ name: String, _ pattern: String) -> Bool {
    guard pattern.contains("*") else { return contains(name, pattern) }
    let n = Array(name.utf8)
    let p = Array(pattern.utf8)
    var i = 0
    var j = 0
    var star = -1
    var mark = 0
    while i < n.count {
      if j < p.count, p[j] == UInt8(ascii: "*") {
        star = j
        mark = i
        j += 1
      } else if j < p.count, p[j] == n[i] {
        i += 1
        j += 1
      } else if star >= 0 {
        mark += 1
        i = mark
        j = star + 1
      } else {
        return false
      }
    }
    while j < p.count, p[j] == UInt8(ascii: "*") { j += 1 }
    return j == p.count
  }

  private static func contains(_ name: String, _ part: String) -> Bool {
    if part.isEmpty { return true }
    let n = Array(name.utf8)
    let p = Array(part.utf8)
    guard n.count >= p.count else { return false }
    return (0...(n.count - p.count)).contains { n[$0..<($0 + p.count)].elementsEqual(p) }
  }

  /// The report that `--json` writes.
  public static func report(_ outcomes: [Outcome]) -> JSONDocument {
    [
      "passed": .number(outcomes.count { $0.status == .pass }),
      "failed": .number(outcomes.count { $0.status != .pass }),
      "cases": .array(
        outcomes.map {
          ["name": .string($0.name), "status": .string($0.status.rawValue), "message": .string($0.message)]
        }),
    ]
  }
}
