import ArtifactStores
import ModelHosting
import ServingCore

extension StoreFailure {
  /// The whole error, for the log and for whoever starts the server.
  init(_ error: StoreError) {
    let isOfAccount = error.servingCode == .forbidden
    self.init(
      ServingError(error.servingCode, error.description), isTransient: error.isTransient,
      publicReason: isOfAccount ? "The store does not let this server read the model." : nil)
  }

  /// What clients are told who called one of several models: nothing of endpoints, accounts and paths of this machine.
  init(_ error: StoreError, toldToCallersOf model: String) {
    self.init(ServingError(error.servingCode, error.told(model)), isTransient: error.isTransient)
  }
}

extension StoreError {
  fileprivate var servingCode: ServingError.Code {
    switch code {
    case .notFound: .notFound
    case .accessDenied, .noCredentials: .forbidden
    case .diskFull: .insufficientStorage
    case .invalidLocation: .badRequest
    case .unreachable, .unavailable, .deadline, .cancelled, .changed: .storeUnavailable
    case .corrupt, .badArtifact, .badAnswer, .limit, .io: .modelLoadFailed
    }
  }

  fileprivate func told(_ model: String) -> String {
    if let shown { return shown }
    let model = "\"\(model.prefix(200))\""
    return switch code {
    case .notFound: "There is no model \(model) in the store."
    case .accessDenied, .noCredentials: "The store does not let this server read the model \(model)."
    case .diskFull: "The server's disk has no room for the model \(model)."
    case .invalidLocation: "The server cannot look the model \(model) up in its store: its settings are wrong."
    case .unreachable, .unavailable, .deadline, .cancelled:
      "The store does not answer for the model \(model); try again later."
    case .changed: "The model \(model) was replaced in the store while it was read; try again."
    case .corrupt: "The model \(model) did not arrive as the store describes it; try again."
    case .badArtifact, .limit, .badAnswer, .io: "The server cannot fetch the model \(model) from its store."
    }
  }
}
