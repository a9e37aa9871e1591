import Settings
import Testing

private func resolve(
  _ arguments: [String] = [], _ environment: [String: String] = [:], file: String = ""
) throws(SettingsError) -> ResolvedSettings {
  try AllSettings.resolver.resolve(arguments: arguments, environment: environment) { _ in file }
}

private func message(
  _ arguments: [String] = [], _ environment: [String: String] = [:], file: String = ""
) -> String {
  do {
    _ = try resolve(arguments, environment, file: file)
    return "accepted"
  } catch {
    return error.description
  }
}

@Suite struct Precedence {
  @Test func `flag beats environment beats file beats default`() throws {
    let file = "port: 1003\n"
    #expect(try resolve()[.port] == 8080)
    let fromFile = try resolve(["--config", "f"], file: file)
    #expect(fromFile[.port] == 1003)
    #expect(fromFile.origin(of: Setting.port) == .file("f", line: 1))
    let fromVariable = try resolve(["--config", "f"], ["SWIFTLET_PORT": "1002"], file: file)
    #expect(fromVariable[.port] == 1002)
    #expect(fromVariable.origin(of: Setting.port) == .variable("SWIFTLET_PORT"))
    let fromFlag = try resolve(["--config", "f", "--port=1001"], ["SWIFTLET_PORT": "1002"], file: file)
    #expect(fromFlag[.port] == 1001)
    #expect(fromFlag.origin(of: Setting.port) == .flag("--port"))
  }

  @Test func `SAGEMAKER_BIND_TO_PORT beats the flag`() throws {
    let settings = try resolve(["--port", "9000"], ["SAGEMAKER_BIND_TO_PORT": "9001", "SWIFTLET_PORT": "9002"])
    #expect(settings[.port] == 9001)
    #expect(settings.origin(of: Setting.port) == .variable("SAGEMAKER_BIND_TO_PORT"))
  }

  @Test func `our variable beats SageMaker's, which beats the file`() throws {
    let file = "workers: 5"
    let environment = ["SAGEMAKER_MODEL_SERVER_WORKERS": "3"]
    #expect(try resolve(["--config=f"], environment, file: file)[.workers] == 3)
    #expect(
      try resolve(["--config=f"], environment.merging(["SWIFTLET_WORKERS": "4"]) { $1 }, file: file)[.workers] == 4)
  }

  @Test func `auto in a stronger source hides a number in a weaker one`() throws {
    #expect(try resolve(["--workers=auto"], ["SWIFTLET_WORKERS": "4"])[.workers] == nil)
  }
}

@Suite struct SageMakerAliases {
  @Test func `payload megabytes are units of 1024 times 1024 bytes`() throws {
    #expect(try resolve([], ["SAGEMAKER_MAX_PAYLOAD_IN_MB": "6"])[.maxBodySize] == 6_291_456)
    #expect(try resolve([], ["SAGEMAKER_MAX_PAYLOAD_IN_MB": "0"])[.maxBodySize] == 104_857_600)
  }

  @Test(arguments: [("10", LogThreshold.debug), ("20", .info), ("30", .warning), ("40", .error), ("50", .critical)])
  func `log levels are Python's numbers`(number: String, level: LogThreshold) throws {
    #expect(try resolve([], ["SAGEMAKER_CONTAINER_LOG_LEVEL": number])[.logLevel] == level)
  }

  @Test func `the timeout that says seconds wins`() throws {
    let both = ["SAGEMAKER_MODEL_SERVER_TIMEOUT": "10", "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS": "20"]
    #expect(try resolve([], both)[.requestTimeout] == .seconds(20))
    #expect(try resolve([], ["SAGEMAKER_MODEL_SERVER_TIMEOUT": "10"])[.requestTimeout] == .seconds(10))
  }

  @Test func `accept, outputs and base directory are read`() throws {
    let settings = try resolve(
      [],
      [
        "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/csv", "SAGEMAKER_INFERENCE_OUTPUT": "label, probabilities",
        "SAGEMAKER_BASE_DIR": "/x", "SAGEMAKER_SOMETHING_ELSE": "1",
      ])
    #expect(settings[.defaultAccept] == "text/csv")
    #expect(settings[.outputs] == ["label", "probabilities"])
    #expect(settings[.baseDir] == "/x")
  }

  @Test func `a malformed alias is named, with what was expected`() {
    let text = message([], ["SAGEMAKER_BIND_TO_PORT": "http"])
    #expect(text.contains("SAGEMAKER_BIND_TO_PORT") && text.contains("1 to 65535") && text.contains("http"))
  }
}

@Suite struct Refusals {
  @Test(arguments: [
    (["--prot", "80"], "--port"), (["--max-bodysize=1"], "--max-body-size"), (["--log-formt=json"], "--log-format"),
  ])
  func `an unknown flag is named with the near one`(arguments: [String], near: String) {
    let text = message(arguments)
    #expect(text.contains(arguments[0].split(separator: "=")[0]) && text.contains("did you mean \(near)?"))
  }

  @Test func `an unknown variable of ours is named, those of others are passed over`() {
    #expect(message([], ["SWIFTLET_PROT": "1"]).contains("SWIFTLET_PROT"))
    #expect(message([], ["SWIFTLET_PROT": "1"]).contains("did you mean SWIFTLET_PORT?"))
    #expect(message([], ["PATH": "x", "SAGEMAKER_X": "y"]) == "accepted")
  }

  @Test(arguments: [
    ["--port=0"], ["--port=65536"], ["--port=8 0"], ["--port="], ["--port", "0x50"], ["--port=99999999999999999999"],
    ["--workers=0"], ["--workers=-1"], ["--workers=many"], ["--front=apache"], ["--log-format=xml"],
    ["--log-level=loud"], ["--max-body-size=10XB"], ["--max-body-size=-1"], ["--max-body-size=9999999999GiB"],
    ["--request-timeout=0"], ["--request-timeout=soon"], ["--access-log=maybe"], ["--outputs=a,,b"], ["--port"],
    ["--port=1", "--port=1"], ["a", "b"],
  ])
  func `a malformed value is refused`(arguments: [String]) {
    let text = message(arguments)
    #expect(text != "accepted")
    #expect(!text.contains("\n"))
  }

  @Test(arguments: [
    ("prot: 1", "f:1: prot"), ("# c\n\nport: x", "f:3: port"), ("port", "f:1"), ("port: 1\nport: 2", "f:2: port"),
    ("a:\n  b: 1", "f:1"), ("  port: 1", "f:1"), ("port: [1]", "f:1"), ("port: \"1", "f:1"),
    ("config: x", "f:1: config"),
    ("port:1", "f:1"),
  ])
  func `a fault in the file names its line`(file: String, culprit: String) {
    #expect(message(["--config=f"], file: file).contains(culprit))
  }
}

@Suite struct Values {
  @Test(arguments: [
    ("1048576", 1_048_576), ("1MiB", 1_048_576), ("1MB", 1_000_000), ("100 MB", 100_000_000), ("2KiB", 2048), ("7B", 7),
  ])
  func `sizes take units`(text: String, bytes: Int) throws {
    #expect(try resolve(["--max-body-size", text])[.maxBodySize] == bytes)
  }

  @Test(arguments: [("60", 60_000), ("2m", 120_000), ("1500ms", 1500), ("1h", 3_600_000), ("5s", 5000)])
  func `durations take units`(text: String, milliseconds: Int) throws {
    #expect(try resolve(["--request-timeout", text])[.requestTimeout] == .milliseconds(milliseconds))
  }

  @Test func `the file takes comments and quotes`() throws {
    let file = "---\n# comment\nhost: \"127.0.0.1\"  # local\nlog-format: json # here too\r\noutputs: 'a,b'\n"
    let settings = try resolve(["--config=f"], file: file)
    #expect(settings[.host] == "127.0.0.1")
    #expect(settings[.logFormat] == .json)
    #expect(settings[.outputs] == ["a", "b"])
  }

  @Test func `a bare word is the model, also after two dashes`() throws {
    #expect(try resolve(["m.onnx", "--port", "1"])[.model] == "m.onnx")
    #expect(try resolve(["--", "--odd"])[.model] == "--odd")
    #expect(try resolve(["--access-log", "m"])[.accessLog])
  }

  @Test func `flags carry the values to another process`() throws {
    let settings = try resolve(
      ["m.onnx", "--workers=auto", "--max-body-size=6MiB", "--outputs=a,b", "--request-timeout=1500ms"],
      ["SWIFTLET_ACCESS_LOG": "true"])
    let copy = try resolve(settings.flags(of: AllSettings.table))
    for setting in AllSettings.table { #expect(copy.text(of: setting) == settings.text(of: setting)) }
    #expect(copy[.model] == "m.onnx")
  }
}

@Suite struct Declarations {
  @Test func `every name is once in the table, and its default is a value of its type`() {
    let names = AllSettings.table.map(\.name)
    #expect(Set(names).count == names.count)
    for setting in AllSettings.table where !setting.defaultText.isEmpty {
      #expect(setting.value(of: setting.defaultText)?.1 == setting.defaultText, "\(setting.name)")
    }
  }

  @Test func `flag and variable come from the name`() {
    #expect(Setting.maxBodySize.flag == "--max-body-size")
    #expect(Setting.maxBodySize.variable == "SWIFTLET_MAX_BODY_SIZE")
  }

  @Test func `the listing tells value and origin`() throws {
    let settings = try resolve(["--port=9"])
    #expect(SettingsHelp.listing(settings, AllSettings.table).contains("port = 9  [flag --port]"))
    #expect(SettingsHelp.json(settings, AllSettings.table).contains("\"name\": \"port\", \"value\": \"9\""))
  }
}
