import Settings
import Supervisor

extension ServeProgram {
  static var help: String {
    """
    Serves a machine-learning model over HTTP, as SageMaker's container contract says:
    GET /ping, POST /invocations, GET /execution-parameters.

    usage: serve [MODEL] [flags]

    Each flag is also an environment variable (--max-body-size is SWIFTLET_MAX_BODY_SIZE) and a key of the file that
    --config names (max-body-size: 6MiB). A flag beats a variable, a variable beats the file; SageMaker's own variables
    are taken too, and SAGEMAKER_BIND_TO_PORT beats --port. `swiftlet settings` shows what holds and why.

    \(SettingsHelp.flags(AllSettings.table.filter { $0.name != Setting<String?>.model.name }))
    exit codes
    \(ServeStatus.table)
    """
  }

  static var settingsHelp: String {
    """
    Lists every setting of `serve`: its value, where the value comes from, its names and its default.

    usage: swiftlet settings [--json] [flags of serve]

    With --json: an array of objects with name, value, origin, default, flag, environment, key, aliases, expected, doc.

    exit codes
      0  listed
      64  wrong arguments
      78  the environment or the configuration file is wrong

    """
  }
}
