import ArtifactStores
import Settings
import Supervisor

/// The commands that serve, apart from those that look into models: a program that only serves links no argument parser and
/// starts faster for it.
public enum ServeProgram {
  /// When this program was started by a supervisor as one of its parts, does that part.
  ///
  /// - Parameter words: the command line, the program's name first.
  /// - Returns: the exit code; nil when it was started by somebody else.
  public static func part(_ words: [String]) -> Int32? {
    switch words.first {
    case WorkerProcess.programName: WorkerProcess.run(Array(words.dropFirst()), plugs: plugs)
    case FrontProcess.programName: FrontProcess.run(Array(words.dropFirst()))
    default: nil
    }
  }

  /// `serve`.
  ///
  /// - Parameter arguments: the words after the command's name.
  /// - Returns: the exit code.
  public static func serve(_ arguments: [String]) -> Int32 {
    if asksForHelp(arguments) {
      print(help, terminator: "")
      return ServeStatus.stopped.rawValue
    }
    return withSettings(arguments) { settings in
      do throws(StartError) {
        try ModelPlug.useKernels(settings)
      } catch {
        FinalWord.write(error.description)
        return ServeStatus.configuration.rawValue
      }
      StaleFolders.sweep(prefix: "swiftlet-", in: ProcessEnvironment.all["TMPDIR"] ?? "/tmp")
      return ServeProcess.run(settings, plugs: plugs).rawValue
    }
  }

  /// `settings`.
  public static func settings(_ arguments: [String]) -> Int32 {
    if asksForHelp(arguments) {
      print(settingsHelp, terminator: "")
      return ServeStatus.stopped.rawValue
    }
    let isJSON = arguments.contains("--json")
    return withSettings(arguments.filter { $0 != "--json" }) { settings in
      let table = AllSettings.table
      print(isJSON ? SettingsHelp.json(settings, table) : SettingsHelp.listing(settings, table), terminator: "")
      return ServeStatus.stopped.rawValue
    }
  }

  static let plugs = ServerPlugs(
    openStore: StorePlug.open, loader: ModelPlug.loader, serve: HTTPPlug.serve)

  private static func asksForHelp(_ arguments: [String]) -> Bool {
    arguments.prefix { $0 != "--" }.contains { $0 == "--help" || $0 == "-h" }
  }

  /// The settings of a command line, the environment and the configuration file.
  static func resolve(_ arguments: [String]) throws(SettingsError) -> ResolvedSettings {
    try AllSettings.resolver.resolve(arguments: arguments, environment: ProcessEnvironment.all) {
      path throws(SettingsError) in
      guard let text = SmallFile.read(path, limit: SettingsFile.byteLimit) else {
        throw SettingsError(.file, "cannot read the configuration file \(path); check the path after --config")
      }
      return text
    }
  }

  private static func withSettings(_ arguments: [String], _ body: (ResolvedSettings) -> Int32) -> Int32 {
    do throws(SettingsError) {
      return body(try resolve(arguments))
    } catch {
      FinalWord.write(error.description)
      return (error.code == .usage ? ServeStatus.usage : .configuration).rawValue
    }
  }
}
