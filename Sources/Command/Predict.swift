import ArgumentParser
import ModelLoading
import ModelTools
import ServingCore

/// `swiftlet predict`.
struct Predict: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run a file through a model, decoded and encoded as over HTTP.",
    discussion: ExitStatus.discussion([.success, .usage, .data, .noInput]))

  @Argument(help: "An .onnx file, a folder that holds one, or a model.tar.gz.")
  var model: String

  @Option(help: ArgumentHelp("The request body; - for standard input.", valueName: "file"))
  var input: String

  @Option(help: ArgumentHelp("The body's media type. (default: from the file's extension)", valueName: "type"))
  var contentType: String?

  @Option(
    help: ArgumentHelp(
      "The answer's media type. (default: the body's where answers have it, else JSON)", valueName: "type"))
  var accept: String?

  @Option(
    help: ArgumentHelp("Names of the outputs that are wanted, separated by commas. (default: all)", valueName: "names"))
  var outputs: String?

  @Option(help: "Compute threads.")
  var threads = 1

  func validate() throws {
    guard (1...1024).contains(threads) else {
      throw ValidationError("--threads must be from 1 to 1024, got \(threads)")
    }
  }

  func run() throws {
    try ExitStatus.reporting {
      let body = try LocalFile.read(input)
      let type = try mediaType()
      try LocalModel.with(model, threads: threads) { prepared in
        let service = try ModelService(
          GraphPredictor(prepared),
          configuration: ModelService.Configuration(
            outputs: outputs.map { $0.split(separator: ",").map(String.init) } ?? []))
        let response = try body.withUnsafeBytes {
          try service.invoke(
            InvocationRequest(contentType: type, accept: answerType(type), customAttributes: nil, body: $0))
        }
        LocalFile.writeToStandardOutput(response.body)
        if response.body.last != UInt8(ascii: "\n"), response.contentType != "application/x-npy" {
          LocalFile.writeToStandardOutput([UInt8(ascii: "\n")])
        }
      }
    }
  }

  private static let types = [
    "csv": "text/csv", "json": "application/json", "jsonl": "application/jsonlines", "ndjson": "application/jsonlines",
    "npy": "application/x-npy", "npz": "application/x-npz",
  ]

  private func mediaType() throws -> String {
    if let contentType { return contentType }
    if let at = input.lastIndex(of: "."), let type = Self.types[String(input[input.index(after: at)...])] {
      return type
    }
    throw ToolError("no media type is known for \(input): give --content-type", isUsage: true)
  }

  private func answerType(_ type: String) -> String {
    accept ?? (["text/csv", "application/jsonlines"].contains(type) ? type : "application/json")
  }
}
