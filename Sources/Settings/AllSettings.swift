/// Every setting of `serve`. One setting is one declaration in `Declarations/` and one line here; help and `swiftlet settings`
/// keep this order.
public enum AllSettings {
  public static let table: [any AnySetting] = [
    Setting<String?>.model,
    Setting<String?>.models,
    Setting<Bool>.multiModel,
    Setting<String>.modelVersion,
    Setting<Duration>.refreshInterval,
    Setting<Bool>.allowSignatureChange,
    Setting<String?>.sha256,
    Setting<String?>.cacheDir,
    Setting<Int>.cacheSize,
    Setting<Duration>.fetchDeadline,
    Setting<Bool>.s3Anonymous,
    Setting<MemoryAmount>.memoryBudget,
    Setting<[String]>.pinnedModels,
    Setting<Int>.maxModelMemory,
    Setting<Int>.maxModelCalls,
    Setting<ManagementAccess>.management,
    Setting<String?>.managementToken,
    Setting<Int>.port,
    Setting<String>.host,
    Setting<Int?>.workers,
    Setting<Int?>.threads,
    Setting<KernelSet>.kernels,
    Setting<FrontKind>.front,
    Setting<String?>.config,
    Setting<String>.defaultAccept,
    Setting<[String]>.outputs,
    Setting<Int>.maxBodySize,
    Setting<Int>.maxHeaderSize,
    Setting<Int>.maxConnections,
    Setting<Int>.maxQueue,
    Setting<Int>.maxArchiveSize,
    Setting<Int>.maxArchiveEntries,
    Setting<Int>.maxArchiveRatio,
    Setting<Duration>.requestTimeout,
    Setting<Duration>.keepAliveTimeout,
    Setting<Duration>.startupTimeout,
    Setting<Duration>.shutdownTimeout,
    Setting<LogFormat>.logFormat,
    Setting<LogThreshold>.logLevel,
    Setting<Bool>.accessLog,
    Setting<String>.baseDir,
    Setting<String?>.runDir,
    Setting<String>.nginx,
    Setting<String?>.nginxTemplate,
  ]

  /// The resolver of `serve`: a bare argument is the model, `--config` names the file.
  public static let resolver = SettingsResolver(
    table: table, positional: Setting<String?>.model, fileSetting: Setting<String?>.config)
}
