import ArgumentParser
import ArtifactStores
import Kernels
import ModelLoading
import ModelTools
import ServingCore

/// What the commands exit with (the numbers are those of BSD's sysexits.h).
enum ExitStatus: Int32 {
  case success = 0
  case failures = 1
  case usage = 64
  case data = 65
  case noInput = 66

  var meaning: String {
    switch self {
    case .success: "done"
    case .failures: "some cases failed"
    case .usage: "wrong arguments"
    case .data: "the model or the input is unsound"
    case .noInput: "a file is missing or cannot be read"
    }
  }

  /// The table for a command's help.
  static func discussion(_ codes: [ExitStatus]) -> String {
    "Exit codes: " + codes.map { "\($0.rawValue) \($0.meaning)" }.joined(separator: ", ") + "."
  }

  /// Runs a command; an error becomes one line on standard error and the exit code for its kind.
  static func reporting(_ body: () throws -> Void) throws {
    do {
      try KernelTable.useEnvironment()
      try body()
    } catch let code as ExitCode {
      throw code
    } catch {
      LocalFile.write("swiftlet: \(text(error))\n", toDescriptor: 2)
      throw ExitCode(status(error).rawValue)
    }
  }

  private static func text(_ error: any Error) -> String {
    if let error = error as? ServingError {
      return error.message + (error.field.map { " (\($0))" } ?? "")
    }
    return "\(error)"
  }

  private static func status(_ error: any Error) -> ExitStatus {
    switch error {
    case let error as LoadError where error.code == .missing || error.code == .unreadable: .noInput
    case let error as ToolError: error.isUsage ? .usage : .noInput
    case is KernelChoiceError: .usage
    default: .data
    }
  }
}
