/// Who may call the management API.
public enum ManagementAccess: String, CaseIterable, Sendable {
  case off, loopback, token
  case everyone = "public"
}

/// Memory as a number of bytes or a part of what there is.
public enum MemoryAmount: Sendable, Equatable {
  case bytes(Int)
  case percent(Int)

  /// - Parameter available: bytes that this process may have.
  public func bytes(of available: Int) -> Int {
    switch self {
    case .bytes(let bytes): bytes
    case .percent(let percent): available / 100 * percent
    }
  }
}

extension SettingType where Value == MemoryAmount {
  /// `10GB`, `512MiB`, `50%`.
  public static let memory = SettingType(
    "a size such as 10GB or 512MiB, or a part from 1% to 100% of the memory that the container may have",
    placeholder: "SIZE|N%",
    parse: { text in
      if text.hasSuffix("%") {
        return Quantity.integer(String(text.dropLast())).flatMap { (1...100).contains($0) ? .percent($0) : nil }
      }
      return Quantity.bytes(text).flatMap { $0 > 0 ? .bytes($0) : nil }
    },
    format: { amount in
      switch amount {
      case .bytes(let bytes): Quantity.format(bytes: bytes)
      case .percent(let percent): "\(percent)%"
      }
    })
}

extension SettingType where Value == String? {
  /// A text that is not shown.
  public static func secret(_ what: String) -> Self {
    SettingType(
      what, placeholder: "SECRET", parse: { $0.isEmpty ? nil : .some($0) }, format: { $0 == nil ? "" : "(set)" })
  }

  /// 64 hexadecimal digits.
  public static let sha256 = SettingType(
    "64 hexadecimal digits", placeholder: "HEX",
    parse: { text in
      text.utf8.count == 64 && text.allSatisfy { $0.isASCII && $0.isHexDigit } ? .some(text.lowercased()) : nil
    }, format: { $0 ?? "" })
}

extension Setting where Value == String? {
  public static let models = Setting(
    "models", .text("a folder or an s3:// prefix", placeholder: "DIR|S3"), default: nil,
    "serve every model below this folder or s3:// prefix, each loaded when it is first called")

  public static let cacheDir = Setting(
    "cache-dir", .text("a path", placeholder: "DIR"), default: nil,
    "where artifacts are kept; without it swiftlet in XDG_CACHE_HOME or ~/.cache")

  public static let managementToken = Setting(
    "management-token", .secret("any text"), default: nil,
    "what Authorization: Bearer must hold with management=token; better given as SWIFTLET_MANAGEMENT_TOKEN")

  public static let sha256 = Setting(
    "sha256", .sha256, default: nil, "the only artifact that is served: the SHA-256 of its bytes")
}

extension Setting where Value == String {
  public static let modelVersion = Setting(
    "model-version", .text("latest or the name of a numeric folder", placeholder: "latest|N"), default: "latest",
    "which of the numeric folders below the model's location is served")
}

extension Setting where Value == Bool {
  public static let multiModel = Setting(
    "multi-model", .boolean, default: false,
    "serve several models: those below BASE-DIR/models, and what POST /models names there",
    aliases: [SettingAlias("SAGEMAKER_MULTI_MODEL", expectation: "true or false", convert: { $0.lowercased() })])

  public static let s3Anonymous = Setting(
    "s3-anonymous", .boolean, default: false, "read public buckets without credentials")

  public static let allowSignatureChange = Setting(
    "allow-signature-change", .boolean, default: false,
    "let a refresh drop or retype inputs and outputs")
}

extension Setting where Value == Int {
  public static let cacheSize = Setting(
    "cache-size", .size(1...(1 << 50)), default: 10_000_000_000,
    "bytes that kept artifacts may take on disk; those in use are never dropped")

  public static let maxArchiveSize = Setting(
    "max-archive-size", .size(1...(1 << 50)), default: 64 << 30, "bytes that an archive may unpack to")

  public static let maxArchiveEntries = Setting(
    "max-archive-entries", .integer(1...10_000_000), default: 100_000, "files and folders that an archive may hold")

  public static let maxArchiveRatio = Setting(
    "max-archive-ratio", .integer(1...1_000_000), default: 1000,
    "unpacked bytes for each packed byte, once 16 MiB are unpacked")

  public static let maxModelMemory = Setting(
    "max-model-memory", .size(1...(1 << 50)), default: 1 << 50, "bytes that one of several models may take")

  public static let maxModelCalls = Setting(
    "max-model-calls", .integer(1...1_000_000), default: 256,
    "calls of one of several models that a worker has under way; further ones get 503")
}

extension Setting where Value == Duration {
  public static let refreshInterval = Setting(
    "refresh-interval", .seconds(0...31_536_000), default: .zero,
    "how often the store is asked for a newer model, give or take a tenth; 0 is never")

  public static let fetchDeadline = Setting(
    "fetch-deadline", .seconds(1...86_400), default: .seconds(600),
    "how long a store that does not answer is asked for the first model")
}

extension Setting where Value == MemoryAmount {
  public static let memoryBudget = Setting(
    "memory-budget", .memory, default: .percent(50),
    "memory that models may take in all workers together, with several models")
}

extension Setting where Value == ManagementAccess {
  public static let management = Setting(
    "management", .choice, default: .loopback,
    "who may call /models and /metrics: nobody, this machine, who has the token, everyone (SageMaker's multi-model "
      + "endpoints need that: there it is the default)")
}

extension Setting where Value == [String] {
  public static let pinnedModels = Setting(
    "pinned-models", .names, default: [], "of several models those that are loaded at start and never dropped")
}
