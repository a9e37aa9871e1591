/// Which model answers a request: the one that a server has, or the one that the request names.
public protocol InvocationTargets: Sendable {
  /// The model for a request. Never waits: a model that is not there yet is told to `completion`.
  ///
  /// - Parameters:
  ///   - name: what the request names; nil when it names nothing.
  ///   - mayMove: true when another process of the server may be asked to answer instead.
  ///   - completion: called once, on any thread, when the answer is `waiting`, and not otherwise.
  func target(
    _ name: String?, mayMove: Bool,
    completion: @escaping @Sendable (Result<any InvocationHandler, ServingError>) -> Void
  ) -> TargetLookup
}

/// What is known of the model for a request.
public enum TargetLookup: Sendable {
  case found(any InvocationHandler)
  case failed(ServingError)
  /// Another process of the server should answer: this one has its hands full with the model.
  case elsewhere
  /// The model is on its way.
  case waiting
}

/// The same model whatever a request names: what a server of one model has.
public struct SingleTarget: InvocationTargets {
  private let handler: any InvocationHandler

  public init(_ handler: any InvocationHandler) { self.handler = handler }

  public func target(
    _ name: String?, mayMove: Bool,
    completion: @escaping @Sendable (Result<any InvocationHandler, ServingError>) -> Void
  ) -> TargetLookup { .found(handler) }
}
