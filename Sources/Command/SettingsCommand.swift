import ArgumentParser
import ServeCommand

/// `swiftlet settings`: what holds, and where it comes from.
struct SettingsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "settings", abstract: "List every setting of serve, its value and where it comes from.")

  @Argument(parsing: .captureForPassthrough, help: "As `swiftlet settings --help` says.")
  var arguments: [String] = []

  func run() throws { throw ExitCode(ServeProgram.settings(arguments)) }
}
