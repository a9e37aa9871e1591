import ArgumentParser
import InferenceGraph
import JSONDocument
import ModelFormats
import ModelLoading
import ModelTools

/// `swiftlet inspect`.
struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show a model's inputs, outputs, operators, parameters and memory.",
    discussion: ExitStatus.discussion([.success, .usage, .data, .noInput]))

  @Argument(help: "An .onnx file, a folder that holds one, or a model.tar.gz.")
  var model: String

  @Flag(help: "Print one JSON object.")
  var json = false

  @Flag(help: "Print the graph as loaded and as optimised.")
  var graph = false

  func run() throws {
    try ExitStatus.reporting {
      try LocalModel.with(model) { prepared in
        let inspection = Inspection(prepared)
        if json {
          var document = inspection.json
          if graph, case .object(var members) = document {
            members.append(
              (
                "graph",
                ["loaded": .string(prepared.loaded.graph.dump()), "optimized": .string(prepared.optimized.dump())]
              ))
            document = .object(members)
          }
          print(document.text(pretty: true))
          return
        }
        print(inspection.text, terminator: "")
        if graph {
          print(
            "\n# as loaded\n\(prepared.loaded.graph.dump())\n# optimised\n\(prepared.optimized.dump())", terminator: "")
        }
      }
    }
  }
}
