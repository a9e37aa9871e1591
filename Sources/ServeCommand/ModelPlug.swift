import ArtifactStores
import Kernels
import ModelFormats
import ModelLoading
import ServingCore
import Settings
import Supervisor

/// How the processes come by a model.
enum ModelPlug {
  /// A model file or folder as it is; an archive unpacked into `folder`.
  static func prepare(_ path: String, _ folder: String) throws(StartError) -> String {
    if ArchiveExtractor.isArchive(path) {
      do {
        try ArchiveExtractor().extract(path, into: folder)
      } catch {
        throw StartError(.model, "cannot unpack \(path): \(error)")
      }
      _ = try file(in: folder)
      return folder
    }
    _ = try file(in: path)
    return path
  }

  private static func file(in path: String) throws(StartError) -> String {
    do throws(LoadError) {
      return try ModelLoader().modelFile(path)
    } catch {
      throw startError(error)
    }
  }

  /// Fixes the kernels that this process computes with.
  static func useKernels(_ settings: ResolvedSettings) throws(StartError) {
    do throws(KernelChoiceError) {
      try KernelTable.use(named: settings[.kernels].rawValue)
    } catch {
      throw StartError(.configuration, "kernels: \(error)")
    }
  }

  /// Loads, optimises and warms up.
  static func load(
    _ path: String, _ settings: ResolvedSettings, _ threads: Int
  ) throws(StartError) -> ServerPlugs.Model {
    try useKernels(settings)
    let prepared: PreparedModel
    do {
      let loaded = try ModelLoader().load(path)
      prepared = try PreparedModel(loaded, pool: threads > 1 ? ComputePool(threads: threads) : .inline)
    } catch let error as LoadError {
      throw startError(error)
    } catch {
      throw StartError(.model, "cannot prepare \(path): \(error)")
    }
    let service: ModelService
    do throws(ServingError) {
      service = try ModelService(
        GraphPredictor(prepared),
        configuration: ModelService.Configuration(
          defaultAccept: settings[.defaultAccept], outputs: settings[.outputs],
          limits: CodecLimits(inflatedBytes: settings[.maxBodySize])))
    } catch {
      throw StartError(
        .configuration, "the settings default-accept and outputs do not suit the model: \(error.message)")
    }
    do throws(ServingError) {
      try service.warmUp()
    } catch {
      throw StartError(.model, "\(path) does not answer a warm-up: \(error.message)")
    }
    return ServerPlugs.Model(
      handler: service, summary: "\(prepared.loaded.format), answers in \(service.expectedNanoseconds / 1000) us")
  }

  private static func startError(_ error: LoadError) -> StartError {
    switch error.code {
    case .missing: StartError(.noModel, "\(error); name one: serve MODEL")
    case .unreadable: StartError(.noPermission, "\(error)")
    case .unknownFormat, .ambiguous, .malformed, .unsupported: StartError(.model, "\(error)")
    }
  }
}
