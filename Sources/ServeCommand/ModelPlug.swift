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
    let refusal: String?
    do throws(ServingError) {
      refusal = try warmUp(service)
    } catch {
      throw StartError(.model, "\(path) does not answer a warm-up: \(error.message)")
    }
    let speed =
      refusal.map { "not measured, for it refuses made-up inputs (\($0))" }
      ?? "answers in \(service.expectedNanoseconds / 1000) us"
    return ServerPlugs.Model(handler: service, summary: "\(prepared.loaded.format), \(speed)")
  }

  /// Warms up with inputs that are made up from the signature. A model may refuse those (an encoder that knows no zero, a
  /// window larger than the extents tried) and be sound all the same.
  ///
  /// - Returns: nil, or why the model refused them.
  private static func warmUp(_ service: ModelService) throws(ServingError) -> String? {
    var refusal: String?
    for free in [8, 64, 256] {
      do throws(ServingError) {
        try service.warmUp(free: free)
        return nil
      } catch {
        guard error.code.status < 500 else { throw error }
        refusal = error.message
      }
    }
    return refusal
  }

  private static func startError(_ error: LoadError) -> StartError {
    switch error.code {
    case .missing: StartError(.noModel, "\(error); name one: serve MODEL")
    case .unreadable: StartError(.noPermission, "\(error)")
    case .unknownFormat, .ambiguous, .malformed, .unsupported: StartError(.model, "\(error)")
    }
  }
}
