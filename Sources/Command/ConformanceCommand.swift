import ArgumentParser
import JSONDocument
import ModelTools

/// `swiftlet conformance`.
struct ConformanceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "conformance",
    abstract: "Run folders of model.onnx with test_data_set_*/{input,output}_*.pb, the layout of ONNX's backend tests.",
    discussion: """
      A case passes when every output has the expected count, kind, shape and element type, and numbers are within atol \
      + rtol * |expected| (1e-7 and 1e-3, or what an index.json beside the folders sets for the case). Failures are \
      printed, and last "N passed, M failed".

      """ + ExitStatus.discussion([.success, .failures, .usage, .noInput]))

  @Argument(help: "A folder that holds cases, at any depth.")
  var folder: String

  @Option(
    help: ArgumentHelp("Only cases whose name contains this; * matches any run of characters.", valueName: "pattern"))
  var only: String?

  @Option(help: ArgumentHelp("Write a JSON report.", valueName: "file"))
  var json: String?

  @Flag(name: .shortAndLong, help: "Print the cases that pass, too.")
  var verbose = false

  func run() throws {
    try ExitStatus.reporting {
      let conformance = try Conformance(root: folder, only: only)
      guard !conformance.cases.isEmpty else {
        throw ToolError("no case below \(folder)\(only.map { " matches \($0)" } ?? "")")
      }
      var outcomes: [Conformance.Outcome] = []
      for one in conformance.cases {
        let outcome = conformance.run(one)
        outcomes.append(outcome)
        if outcome.status != .pass {
          print("\(outcome.status.rawValue) \(outcome.name): \(outcome.message)")
        } else if verbose {
          print("pass \(outcome.name)")
        }
      }
      if let json { try LocalFile.write(Array(Conformance.report(outcomes).text(pretty: true).utf8), to: json) }
      let passed = outcomes.count { $0.status == .pass }
      print("\(passed) passed, \(outcomes.count - passed) failed")
      if passed < outcomes.count { throw ExitCode(ExitStatus.failures.rawValue) }
    }
  }
}
