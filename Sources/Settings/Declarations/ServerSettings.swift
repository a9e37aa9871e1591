/// What stands in front of the workers.
public enum FrontKind: String, CaseIterable, Sendable {
  case auto, nginx, direct
}

extension Setting where Value == FrontKind {
  public static let front = Setting(
    "front", .choice, default: .auto,
    "nginx with worker processes, direct (this process alone), or auto: nginx where it is installed")
}

/// The instruction set that the kernels use.
public enum KernelSet: String, CaseIterable, Sendable {
  case auto, baseline, haswell
  case skylakeAVX512 = "skylake-avx512"
  case cascadeLake = "cascadelake"
}

extension Setting where Value == KernelSet {
  public static let kernels = Setting(
    "kernels", .choice, default: .auto,
    "the instruction set of the kernels; auto is the widest that this processor runs")
}

extension Setting where Value == Int {
  public static let port = Setting(
    "port", .integer(1...65535), default: 8080, "the TCP port",
    aliases: [
      SettingAlias(
        "SAGEMAKER_BIND_TO_PORT", expectation: "a whole number from 1 to 65535", overridesFlag: true)
    ])
}

extension Setting where Value == String {
  public static let host = Setting(
    "host", .text("an IP address", placeholder: "ADDRESS"), default: "0.0.0.0",
    "the address to listen on; 127.0.0.1 keeps the server to this machine, :: means IPv6 and IPv4")

  public static let nginx = Setting(
    "nginx", .text("a path or a name on PATH", placeholder: "PATH"), default: "nginx", "the nginx program")
}

extension Setting where Value == Int? {
  public static let workers = Setting(
    "workers", .automatic(1...512), default: nil,
    "worker processes behind nginx; auto is one for each core that this process may use",
    aliases: [
      SettingAlias("SAGEMAKER_MODEL_SERVER_WORKERS", expectation: "a whole number from 1 to 512"),
      SettingAlias("SAGEMAKER_NUM_MODEL_WORKERS", expectation: "a whole number from 1 to 512"),
    ])

  public static let threads = Setting(
    "threads", .automatic(1...1024), default: nil,
    "compute threads of each worker; auto shares the cores among the workers")
}

extension Setting where Value == String? {
  public static let config = Setting(
    "config", .text("a path", placeholder: "FILE"), default: nil,
    "a file of settings, one `name: value` a line", isFileKey: false)

  public static let runDir = Setting(
    "run-dir", .text("a path", placeholder: "DIR"), default: nil,
    "the folder for sockets and nginx's files; without it a new one in TMPDIR or /tmp, removed at the end")

  public static let nginxTemplate = Setting(
    "nginx-template", .text("a path", placeholder: "FILE"), default: nil,
    "a template of nginx.conf in place of the built-in one")
}
