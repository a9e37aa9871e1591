public import JSONDocument
public import ServingCore

/// What the management API asks of the supervisor.
public enum ManagementCommand: Sendable, Equatable {
  case list(limit: Int, token: String?)
  /// All that the store holds, loaded or not.
  case listRegistered(limit: Int, token: String?)
  case describe(name: String)
  case load(name: String, url: String)
  case unload(name: String)
  case refresh(name: String)
  /// To the version or digest named, or to the generation before.
  case rollback(name: String, version: String?)
  /// Metrics as Prometheus reads them.
  case metrics
}

/// What it gets.
public enum ManagementAnswer: Sendable {
  case json(JSONDocument)
  case text(String)
  case failed(ServingError)
}

/// What the HTTP threads see of the supervisor.
public protocol ModelManagement: Sendable {
  /// Takes a command; `completion` is called once, on any thread.
  func submit(_ command: ManagementCommand, completion: @escaping @Sendable (ManagementAnswer) -> Void)
  /// What `/ping` tells of the models; nil where there is nothing to tell.
  var details: JSONDocument? { get }
}
