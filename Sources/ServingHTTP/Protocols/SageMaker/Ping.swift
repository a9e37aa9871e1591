public import JSONDocument
import ServingCore

/// Whether the server can answer predictions.
public enum Readiness: Sendable, Equatable {
  case ready
  /// With the reason, a sentence for a person.
  case notReady(String)
  case draining
}

extension Route {
  /// `GET /ping`: 200 when ready, else 503 with the reason.
  ///
  /// - Parameter details: more for the answer, such as what is served; nil for nothing.
  public static func ping(
    details: @escaping @Sendable () -> JSONDocument? = { nil }, _ readiness: @escaping @Sendable () -> Readiness
  ) -> Route {
    Route(.GET, "/ping", doc: "200 when predictions can be made, else 503 with the reason.") {
      _ throws(ServingError) in
      switch readiness() {
      case .ready:
        guard let more = details() else { return .json("{\"status\":\"Healthy\"}\n") }
        let document: JSONDocument = ["status": "Healthy", "model": more]
        return .json(document.text() + "\n")
      case .notReady(let reason): throw ServingError(.notReady, reason)
      case .draining: throw ServingError(.draining, "The server is shutting down.")
      }
    }
  }
}
