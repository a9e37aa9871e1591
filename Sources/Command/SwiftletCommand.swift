public import ArgumentParser

/// `swiftlet`: the commands. One command is one file and one line here.
public struct SwiftletCommand: ParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "swiftlet",
    abstract: "Serve machine-learning models over HTTP, and look into them.",
    subcommands: [
      Serve.self,
      SettingsCommand.self,
      Inspect.self,
      Operators.self,
      Predict.self,
      Bench.self,
      ConformanceCommand.self,
      ModelsCommand.self,
      RollbackModel.self,
    ])

  public init() {}
}
