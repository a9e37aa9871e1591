extension Setting where Value == Int {
  public static let maxBodySize = Setting(
    "max-body-size", .size(1...(64 << 30)), default: 100 << 20,
    "the largest request body, after and before decompression",
    aliases: [
      SettingAlias(
        "SAGEMAKER_MAX_PAYLOAD_IN_MB", expectation: "a whole number of MiB from 0 to 65536; 0 leaves the default",
        convert: { text in
          guard let count = Quantity.integer(text), (0...65536).contains(count) else { return nil }
          return count == 0 ? "" : "\(count)MiB"
        }),
      SettingAlias("SAGEMAKER_MAX_REQUEST_SIZE", expectation: "a number of bytes"),
    ])

  public static let maxHeaderSize = Setting(
    "max-header-size", .size(1024...(1 << 20)), default: 16 << 10,
    "the longest request line, and the longest header line")

  public static let maxConnections = Setting(
    "max-connections", .integer(1...1_000_000), default: 4096, "client connections that nginx keeps open at a time")

  public static let maxQueue = Setting(
    "max-queue", .integer(1...1_000_000), default: 256,
    "requests that a worker holds at a time; further ones get 503 with Retry-After")
}

extension Setting where Value == Duration {
  public static let requestTimeout = Setting(
    "request-timeout", .seconds(1...3600), default: .seconds(60),
    "the longest time that a prediction may take: nginx ends the wait, and a worker the run, between two operators",
    aliases: [
      SettingAlias(
        "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS", expectation: "a whole number of seconds from 1 to 3600"),
      SettingAlias("SAGEMAKER_MODEL_SERVER_TIMEOUT", expectation: "a whole number of seconds from 1 to 3600"),
      SettingAlias("SAGEMAKER_RESPONSE_TIMEOUT", expectation: "a whole number of seconds from 1 to 3600"),
    ])

  public static let keepAliveTimeout = Setting(
    "keep-alive-timeout", .seconds(1...3600), default: .seconds(75), "how long an idle client connection stays open")

  public static let startupTimeout = Setting(
    "startup-timeout", .seconds(1...3600), default: .seconds(600), "how long a worker may take to load the model",
    aliases: [SettingAlias("SAGEMAKER_STARTUP_TIMEOUT", expectation: "a whole number of seconds from 1 to 3600")])

  public static let shutdownTimeout = Setting(
    "shutdown-timeout", .seconds(1...3600), default: .seconds(25),
    "how long accepted requests may take after SIGTERM; SageMaker kills 30 s after it")
}
