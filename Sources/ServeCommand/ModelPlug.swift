import InferenceGraph
import Kernels
import ModelFormats
import ModelHosting
import ModelLoading
import ServingCore
import Settings
import Supervisor

/// How a worker loads models.
enum ModelPlug {
  /// Fixes the kernels that this process computes with.
  static func useKernels(_ settings: ResolvedSettings) throws(StartError) {
    do throws(KernelChoiceError) {
      try KernelTable.use(named: settings[.kernels].rawValue)
    } catch {
      throw StartError(.configuration, "kernels: \(error)")
    }
  }

  /// What loads, optimises and warms up models. All of them share one compute pool of `threads` threads.
  static func loader(_ settings: ResolvedSettings, _ threads: Int) throws(StartError) -> WorkerHost.Load {
    try useKernels(settings)
    let pool = threads > 1 ? ComputePool(threads: threads) : .inline
    let isFleet = settings[.models] != nil || settings[.multiModel]
    return { source throws(ServingError) in
      do throws(ServingError) {
        return try load(source, settings, pool)
      } catch {
        // Clients of a fleet are told what they called, others what the server was started with: not where a cache has it.
        var error = error
        error.message = told(error.message, source, as: isFleet ? source.name : settings[.model])
        throw error
      }
    }
  }

  /// A message about a model without the place where it lies.
  ///
  /// - Parameter name: what the model is called; nil leaves the place of one that is in no cache.
  private static func told(_ message: String, _ source: ModelSource, as name: String?) -> String {
    // Of an entry of the cache: `<cache>/artifacts/<digest>/content/...`.
    let entry = source.digest.utf8.count == 64 ? source.path.firstRange(of: "/artifacts/\(source.digest)") : nil
    guard let name, entry != nil || name == source.name else { return message }
    var message = message.replacing(source.path, with: name)
    if let entry, let content = source.path[entry.upperBound...].firstRange(of: "/content") {
      message = message.replacing("\(source.path[..<content.upperBound])/", with: "")
    }
    return message
  }

  private static func load(
    _ source: ModelSource, _ settings: ResolvedSettings, _ pool: ComputePool
  ) throws(ServingError) -> LoadedService {
    let prepared: PreparedModel
    do {
      prepared = try PreparedModel(
        try ModelLoader().load(source.path), pool: pool, weights: PreparedFolder.folder(for: source, settings))
    } catch let error as LoadError {
      let code: ServingError.Code =
        switch error.code {
        case .unreadable: .forbidden
        case .missing, .unknownFormat, .ambiguous, .malformed, .unsupported: .modelLoadFailed
        }
      throw ServingError(code, "\(error)")
    } catch {
      throw ServingError(.modelLoadFailed, "cannot prepare \(source.path): \(error)")
    }
    let predictor = GraphPredictor(prepared, timeLimit: settings[.requestTimeout])
    let service: ModelService
    do throws(ServingError) {
      service = try ModelService(
        predictor,
        configuration: ModelService.Configuration(
          defaultAccept: settings[.defaultAccept], outputs: settings[.outputs],
          limits: CodecLimits(inflatedBytes: settings[.maxBodySize])))
    } catch {
      throw ServingError(
        .badRequest, "the settings default-accept and outputs do not suit the model: \(error.message)")
    }
    let refusal: String?
    do throws(ServingError) {
      // Of several models each is loaded while clients wait.
      refusal = try warmUp(service, runs: settings[.models] != nil || settings[.multiModel] ? 3 : 8)
    } catch {
      throw ServingError(.modelLoadFailed, "\(source.path) does not answer a warm-up: \(error.message)")
    }
    let speed =
      refusal.map { "not measured, for it refuses made-up inputs (\($0))" }
      ?? "answers in \(service.expectedNanoseconds / 1000) us"
    return LoadedService(
      handler: service, signature: predictor.signature, memory: memory(of: prepared),
      summary: "\(prepared.loaded.format), \(speed), \(prepared.weights)")
  }

  /// What the model takes after its warm-up. A model has a part that is not counted: its graph's names, its plan, the
  /// allocator's own.
  private static func memory(of model: PreparedModel) -> HostedMemory {
    let memory = model.memory
    return HostedMemory(
      privateBytes: memory.privateBytes + model.session.plan.operatorNames.count * bytesOfStep + bytesOfModel,
      mappedBytes: memory.mappedBytes)
  }

  private static let bytesOfStep = 2048
  private static let bytesOfModel = 32 << 10

  /// Warms up with inputs that are made up from the signature. A model may refuse those (an encoder that knows no zero, a
  /// window larger than the extents tried) and be sound all the same.
  ///
  /// - Returns: nil, or why the model refused them.
  private static func warmUp(_ service: ModelService, runs: Int) throws(ServingError) -> String? {
    var refusal: String?
    for free in [8, 64, 256] {
      do throws(ServingError) {
        try service.warmUp(runs: runs, free: free)
        return nil
      } catch {
        guard error.code.status < 500 else { throw error }
        refusal = error.message
      }
    }
    return refusal
  }

  static func startError(_ error: LoadError) -> StartError {
    switch error.code {
    case .missing: StartError(.noModel, "\(error); name one: serve MODEL")
    case .unreadable: StartError(.noPermission, "\(error)")
    case .unknownFormat, .ambiguous, .malformed, .unsupported: StartError(.model, "\(error)")
    }
  }
}
