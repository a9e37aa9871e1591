public import Logging
public import ModelHosting
public import Settings

/// A running HTTP server, as the processes see it.
public protocol RunningServer: Sendable {
  /// Stops listening, closes idle connections, finishes the requests that have begun, and calls `done` once, on any thread.
  func drain(_ done: @escaping @Sendable () -> Void)
}

/// What the processes are made of but do not know: HTTP, stores and models. The command line plugs them in.
public struct ServerPlugs: Sendable {
  /// What a control plane answers from.
  public struct Control: Sendable {
    public let status: StatusBox
    public let executionParameters: ExecutionParameters
    public let management: any ModelManagement

    public init(status: StatusBox, executionParameters: ExecutionParameters, management: any ModelManagement) {
      self.status = status
      self.executionParameters = executionParameters
      self.management = management
    }
  }

  /// The store of a server, and the model that is there without asking it: a local one that is used where it is. Throws
  /// `StartError` for what cannot be served.
  public var openStore:
    @Sendable (_ plan: LaunchPlan) throws(StartError) -> (store: any ModelStore, first: ModelArtifact?)
  /// What loads a model and warms it up, for a worker with so many compute threads.
  public var loader: @Sendable (_ settings: ResolvedSettings, _ threads: Int) throws(StartError) -> WorkerHost.Load
  /// Serves on a socket that already listens. A nil control or host leaves that plane out.
  public var serve:
    @Sendable (
      _ listener: Int32, _ control: Control?, _ host: WorkerHost?, _ eventLoops: Int, _ settings: ResolvedSettings,
      _ log: Logger
    ) throws(StartError) -> any RunningServer

  public init(
    openStore:
      @escaping @Sendable (_ plan: LaunchPlan) throws(StartError) -> (store: any ModelStore, first: ModelArtifact?),
    loader:
      @escaping @Sendable (_ settings: ResolvedSettings, _ threads: Int) throws(StartError) -> WorkerHost.Load,
    serve:
      @escaping @Sendable (
        _ listener: Int32, _ control: Control?, _ host: WorkerHost?, _ eventLoops: Int, _ settings: ResolvedSettings,
        _ log: Logger
      ) throws(StartError) -> any RunningServer
  ) {
    self.openStore = openStore
    self.loader = loader
    self.serve = serve
  }
}
