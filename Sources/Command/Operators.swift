import ArgumentParser
import FormatONNX
import JSONDocument

/// `swiftlet operators`: what ONNX models may use.
struct Operators: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the ONNX operators that models may use, with the opset versions of their definitions.",
    discussion: ExitStatus.discussion([.success, .usage]))

  @Flag(help: "Print JSON: domain, name, versions and the source file of every operator.")
  var json = false

  func run() throws {
    let operators = OperatorTable.operators.sorted { ($0.domain, $0.name) < ($1.domain, $1.name) }
    if json {
      let entries: [JSONDocument] = operators.map { op in
        [
          "domain": .string(op.domain.isEmpty ? "ai.onnx" : op.domain), "name": .string(op.name),
          "versions": .array(op.versions.map { .number($0) }), "file": .string("\(op.file)"),
        ]
      }
      print(JSONDocument.array(entries).text(pretty: true))
      return
    }
    for op in operators {
      let domain = op.domain.isEmpty ? "ai.onnx" : op.domain
      print("\(domain).\(op.name)  \(op.versions.map { "\($0)" }.joined(separator: ", "))")
    }
  }
}
