import ModelHosting
import ServingCore
import Settings

extension WorkerHost.Configuration {
  /// What the settings say of a worker's models.
  init(_ settings: ResolvedSettings, workers: Int) {
    let isFleet = settings[.models] != nil || settings[.multiModel]
    self.init(
      defaultName: isFleet ? nil : HostingCoordinator.onlyName, loadsOnUse: isFleet,
      pinned: isFleet ? Set(settings[.pinnedModels].map(ModelName.canonical)) : [HostingCoordinator.onlyName],
      mostModelBytes: isFleet ? settings[.maxModelMemory] : .max, mostCalls: isFleet ? settings[.maxModelCalls] : .max,
      allowsSignatureChange: settings[.allowSignatureChange], workers: workers)
  }
}

extension WorkerHost {
  /// Loads the model that a worker starts with.
  ///
  /// - Returns: a line for the log.
  func loadFirst(_ source: ModelSource, _ load: Load) throws(StartError) -> String {
    let began = Poller.now
    do throws(ServingError) {
      let service = try load(source)
      adopt(source, service, microseconds: Int((Poller.now - began) / .microseconds(1)))
      return service.summary
    } catch {
      throw StartError(error)
    }
  }
}

extension StartError {
  /// What a model that cannot be loaded means for the start.
  init(_ error: ServingError) {
    let status: ServeStatus =
      switch error.code {
      case .notFound: .noModel
      case .forbidden: .noPermission
      case .badRequest: .configuration
      default: .model
      }
    self.init(status, error.message)
  }
}
