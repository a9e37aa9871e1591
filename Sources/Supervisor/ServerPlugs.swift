public import Logging
public import Settings

/// A running HTTP server, as the processes see it.
public protocol RunningServer: Sendable {
  /// Stops listening, closes idle connections, finishes the requests that have begun, and calls `done` once, on any thread.
  func drain(_ done: @escaping @Sendable () -> Void)
}

/// What the processes are made of but do not know: HTTP and the model. The command line plugs them in.
public struct ServerPlugs: Sendable {
  /// A model that has answered a warm-up: what the data plane needs, seen by nothing in between.
  public struct Model: Sendable {
    public let handler: any Sendable
    /// One line for the log: name, format, inputs.
    public let summary: String

    public init(handler: any Sendable, summary: String) {
      self.handler = handler
      self.summary = summary
    }
  }

  /// What a control plane answers from.
  public struct Control: Sendable {
    public let status: StatusBox
    public let executionParameters: ExecutionParameters

    public init(status: StatusBox, executionParameters: ExecutionParameters) {
      self.status = status
      self.executionParameters = executionParameters
    }
  }

  /// Makes sure that there is a model, and gives the path that workers load: an archive is unpacked into a folder that does
  /// not exist yet. Throws `StartError`.
  public var prepareModel: @Sendable (_ path: String, _ folder: String) throws(StartError) -> String
  /// Loads the model at a prepared path and warms it up. Throws `StartError`.
  public var loadModel:
    @Sendable (_ path: String, _ settings: ResolvedSettings, _ threads: Int) throws(StartError) -> Model
  /// Serves on a socket that already listens. A nil control or model leaves that plane out.
  public var serve:
    @Sendable (
      _ listener: Int32, _ control: Control?, _ model: Model?, _ eventLoops: Int, _ settings: ResolvedSettings,
      _ log: Logger
    ) throws(StartError) -> any RunningServer

  public init(
    prepareModel: @escaping @Sendable (_ path: String, _ folder: String) throws(StartError) -> String,
    loadModel:
      @escaping @Sendable (_ path: String, _ settings: ResolvedSettings, _ threads: Int) throws(StartError) ->
      Model,
    serve:
      @escaping @Sendable (
        _ listener: Int32, _ control: Control?, _ model: Model?, _ eventLoops: Int, _ settings: ResolvedSettings,
        _ log: Logger
      ) throws(StartError) -> any RunningServer
  ) {
    self.prepareModel = prepareModel
    self.loadModel = loadModel
    self.serve = serve
  }
}
