import ModelHosting
public import Settings

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// How a server is going to run: everything that the settings leave open is decided.
public struct LaunchPlan: Sendable {
  public enum Front: Sendable, Equatable {
    /// The path of the nginx program.
    case nginx(String)
    case direct
  }

  public var settings: ResolvedSettings
  public var front: Front
  public var workers: Int
  /// Compute threads of each worker.
  public var threads: Int
  public var cores: Int
  /// What the user should know, such as that nginx was not found.
  public var notices: [String] = []

  /// - Parameters:
  ///   - budget: the cores that may be used.
  ///   - findNginx: the path of a program by the setting `nginx`; nil where it is not installed.
  /// - Throws: `StartError` for settings that contradict each other or the machine.
  public init(
    _ settings: ResolvedSettings, budget: CPUBudget, findNginx: (String) -> String? = Self.program
  ) throws(StartError) {
    self.settings = settings
    cores = budget.cores
    if settings[.models] != nil, settings[.model] != nil {
      throw StartError(.usage, "MODEL and --models are given: one model is served, or several; leave one out")
    }
    if settings[.management] == .token, settings[.managementToken] == nil {
      throw StartError(
        .configuration, "management = token needs management-token; set it as SWIFTLET_MANAGEMENT_TOKEN")
    }
    if settings[.multiModel], settings.origin(of: Setting.management) == .standard {
      // SageMaker calls the container from outside.
      self.settings.set(Setting.management, settings[.models] == nil && settings[.model] == nil ? .everyone : .loopback)
    }
    switch settings[.front] {
    case .direct: front = .direct
    case .nginx:
      guard let path = findNginx(settings[.nginx]) else {
        throw StartError(
          .unavailable, "nginx is not installed (looked for \(settings[.nginx])); install it, or use --front direct")
      }
      front = .nginx(path)
    case .auto:
      if let path = findNginx(settings[.nginx]) {
        front = .nginx(path)
      } else {
        front = .direct
        notices.append("nginx is not installed: serving directly from one process (--front direct)")
      }
    }
    switch front {
    case .nginx:
      workers = settings[.workers] ?? budget.cores
      threads = settings[.threads] ?? max(1, budget.cores / workers)
    case .direct:
      if let wanted = settings[.workers], wanted > 1 {
        throw StartError(
          settings.origin(of: Setting.workers).isUsage ? .usage : .configuration,
          "workers = \(wanted) (\(settings.origin(of: Setting.workers))) needs nginx in front; without it one process "
            + "serves on every core: leave workers out, or install nginx and use --front nginx")
      }
      for setting in [Setting<Bool>.accessLog as any AnySetting, Setting.maxConnections]
      where settings.origin(of: setting) != .standard {
        notices.append("\(setting.name) has no effect without nginx in front")
      }
      workers = 1
      threads = settings[.threads] ?? budget.cores
    }
  }

  /// Where the only model is: as named, or where SageMaker puts it.
  public var modelLocation: String { settings[.model] ?? "\(settings[.baseDir])/model" }

  /// True for a server of several models.
  public var isFleet: Bool { settings[.models] != nil || settings[.multiModel] }

  /// The folder or prefix below which a fleet's models are; nil where they come by `POST /models` alone.
  public var storeLocation: String? {
    guard isFleet else { return nil }
    if let named = settings[.models] ?? settings[.model] { return named }
    let folder = "\(settings[.baseDir])/models"
    return access(folder, R_OK | X_OK) == 0 ? folder : nil
  }

  /// Bytes that a fleet's models may take.
  public var memoryBudget: Int { settings[.memoryBudget].bytes(of: ProcessMemory.available) }

  /// What is served, for a log line.
  public var summary: String { isFleet ? storeLocation ?? "what POST /models names" : modelLocation }

  /// The path of an installed program: as given when it has a slash, else on PATH or in the usual folders of nginx.
  public static func program(_ name: String) -> String? {
    if name.contains("/") { return access(name, X_OK) == 0 ? name : nil }
    let path = getenv("PATH").map { String(cString: $0) } ?? ""
    let folders =
      path.split(separator: ":").map(String.init) + ["/usr/sbin", "/usr/local/sbin", "/usr/local/nginx/sbin"]
    return folders.lazy.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
  }
}

extension ResolvedSettings.Origin {
  /// True for what stands on the command line.
  var isUsage: Bool {
    switch self {
    case .flag, .argument: true
    case .variable, .file, .standard: false
    }
  }
}
