import ArgumentParser
import JSONDocument
import ModelTools
import TextEncodings

/// `swiftlet models`: what a running server's management API does, from a terminal.
struct ModelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "models",
    abstract: "List, load, refresh and roll back the models of a running server; fetch artifacts.",
    subcommands: [
      ListModels.self, DescribeModel.self, LoadModel.self, UnloadModel.self, RefreshModel.self, RollbackModel.self,
      PullModel.self,
    ])
}

struct ListModels: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "List models, one a line.")

  @OptionGroup var server: ServerOptions
  @Flag(help: "All that the store holds, loaded or not.")
  var registered = false

  func run() throws {
    try server.reporting { client throws in
      var token: String?
      repeat {
        var query = "limit=1000"
        if registered { query += "&registered=true" }
        if let token { query += "&next_page_token=\(PercentEncoding.encoded(token))" }
        let page = try client.call("GET", "/models?\(query)")
        if server.json { print(page.text()) }
        for model in page["models"]?.array ?? [] where !server.json {
          let more = model["state"]?.string ?? model["modelUrl"]?.string ?? ""
          print("\(model["modelName"]?.string ?? "")\t\(more)")
        }
        token = page["nextPageToken"]?.string
      } while token != nil
    }
  }
}

struct DescribeModel: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "describe", abstract: "Show a loaded model's state, versions, memory and use.")

  @OptionGroup var server: ServerOptions
  @Argument(help: "The model's name.") var name = "model"

  func run() throws {
    try server.printing { try $0.call("GET", "/models/\(PercentEncoding.encoded(name))") }
  }
}

struct LoadModel: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "load", abstract: "Load a model by hand.")

  @OptionGroup var server: ServerOptions
  @Argument(help: "What clients will call it.") var name: String
  @Argument(help: "Where it is: a path or s3:// location below the server's store.") var location: String

  func run() throws {
    try server.printing { client throws in
      let body: JSONDocument = ["model_name": .string(name), "url": .string(location)]
      return try client.call("POST", "/models", body: body.text())
    }
  }
}

struct UnloadModel: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unload", abstract: "Unload a model; a later call may load it again.")

  @OptionGroup var server: ServerOptions
  @Argument(help: "The model's name.") var name: String

  func run() throws {
    try server.printing { try $0.call("DELETE", "/models/\(PercentEncoding.encoded(name))") }
  }
}

struct RefreshModel: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "refresh", abstract: "Serve what the store has now; all workers switch, or none does.")

  @OptionGroup var server: ServerOptions
  @Argument(help: "The model's name.") var name = "model"

  func run() throws {
    try server.printing { try $0.call("POST", "/models/\(PercentEncoding.encoded(name))/refresh") }
  }
}

/// Also `swiftlet rollback`.
struct RollbackModel: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollback",
    abstract: "Go back to the generation before; polling leaves it there, a refresh by hand does not.")

  @OptionGroup var server: ServerOptions
  @Argument(help: "The model's name.") var name = "model"
  @Option(help: "The version or the digest (its first 7 digits or more) to go to.")
  var version: String?

  func run() throws {
    try server.printing { client throws in
      let query = version.map { "?version=\(PercentEncoding.encoded($0))" } ?? ""
      return try client.call("POST", "/models/\(PercentEncoding.encoded(name))/rollback\(query)")
    }
  }
}
