import ArgumentParser
import InferenceGraph
import JSONDocument
import ModelLoading
import ModelTools

/// `swiftlet bench`.
struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure the engine on a model, in this process, with made-up inputs.",
    discussion: """
      Free extents other than the batch are 128 unless --shape says otherwise. JSON keys: median_s, p99_s, min_s (seconds \
      a run), rows_per_s, runs.

      """ + ExitStatus.discussion([.success, .usage, .data, .noInput]))

  @Argument(help: "An .onnx file, a folder that holds one, or a model.tar.gz.")
  var model: String

  @Option(help: "The first extent of inputs where it is free.")
  var batch = 1

  @Option(help: ArgumentHelp("An input's shape. May be repeated.", valueName: "name=1x3x224x224"))
  var shape: [String] = []

  @Option(help: "Compute threads.")
  var threads = 1

  @Option(help: "How long to measure.")
  var seconds = 5.0

  @Flag(help: "Print one JSON object.")
  var json = false

  @Flag(help: "Print the time of each step of the plan.")
  var profile = false

  func validate() throws {
    guard batch >= 1 else { throw ValidationError("--batch must be 1 or more, got \(batch)") }
    guard (1...1024).contains(threads) else {
      throw ValidationError("--threads must be from 1 to 1024, got \(threads)")
    }
    guard seconds > 0, seconds <= 3600 else { throw ValidationError("--seconds must be above 0 and at most 3600") }
  }

  func run() throws {
    try ExitStatus.reporting {
      let shapes = try shape.map(Self.parse)
      try LocalModel.with(model, threads: threads) { prepared in
        let inputs = try SyntheticInputs(batch: batch, shapes: Dictionary(shapes, uniquingKeysWith: { $1 })).values(
          for: prepared)
        let steps = profile ? Profile(prepared.session.plan) : nil
        let result = try ModelBench(seconds: seconds).run(prepared, inputs, rows: batch, profile: steps)
        if json {
          print(result.json.text())
        } else {
          print(
            "median \(Self.time(result.median)), p99 \(Self.time(result.p99)), fastest \(Self.time(result.minimum))")
          print("\(Int(result.rowsPerSecond)) rows/s over \(result.runs) runs, \(threads) thread(s), batch \(batch)")
        }
        if let steps { printProfile(steps, prepared, runs: result.runs) }
      }
    }
  }

  private func printProfile(_ profile: Profile, _ prepared: PreparedModel, runs: Int) {
    let total = Double(profile.nanoseconds.reduce(0, +))
    var byOperator: [String: (UInt64, Int)] = [:]
    for (name, time) in zip(prepared.session.plan.operatorNames, profile.nanoseconds) {
      byOperator[name, default: (0, 0)].0 += time
      byOperator[name, default: (0, 0)].1 += 1
    }
    for (name, (time, count)) in byOperator.sorted(by: { $0.value.0 > $1.value.0 }) {
      let share = Int(Double(time) / Swift.max(total, 1) * 1000)
      print("\(share / 10).\(share % 10) %  \(name) x\(count)  \(Self.time(Double(time) * 1e-9 / Double(runs)))")
    }
  }

  private static func parse(_ text: String) throws -> (String, [Int]) {
    let parts = text.split(separator: "=", maxSplits: 1)
    let dims = parts.count == 2 ? parts[1].split(separator: "x").map { Int($0) } : []
    guard parts.count == 2, !dims.isEmpty, dims.allSatisfy({ ($0 ?? -1) >= 0 && ($0 ?? 0) <= 1 << 31 }) else {
      throw ToolError("--shape \(text): expected name=1x3x224x224", isUsage: true)
    }
    return (String(parts[0]), dims.compactMap { $0 })
  }

  private static func time(_ seconds: Double) -> String {
    func rounded(_ value: Double, _ unit: String) -> String { "\((value * 100).rounded() / 100) \(unit)" }
    if seconds < 1e-3 { return rounded(seconds * 1e6, "us") }
    if seconds < 1 { return rounded(seconds * 1e3, "ms") }
    return rounded(seconds, "s")
  }
}
