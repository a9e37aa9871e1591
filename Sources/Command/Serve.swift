import ArgumentParser
import ServeCommand

/// `swiftlet serve`: the same as the program `serve`. Its flags come from the table of settings.
struct Serve: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Serve a model over HTTP.")

  @Argument(parsing: .captureForPassthrough, help: "As `swiftlet serve --help` says.")
  var arguments: [String] = []

  func run() throws { throw ExitCode(ServeProgram.serve(arguments)) }
}
