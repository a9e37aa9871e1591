import ArtifactStores
import ModelHosting
import ServingCore

extension StoreFailure {
  init(_ error: StoreError) {
    let code: ServingError.Code =
      switch error.code {
      case .notFound: .notFound
      case .accessDenied, .noCredentials: .forbidden
      case .diskFull: .insufficientStorage
      case .invalidLocation: .badRequest
      case .unreachable, .unavailable, .deadline, .cancelled, .changed: .storeUnavailable
      case .corrupt, .badArtifact, .badAnswer, .limit, .io: .modelLoadFailed
      }
    self.init(ServingError(code, "\(error)"), isTransient: error.isTransient)
  }
}
