public import ArtifactStores
import Settings
import Supervisor

/// Artifacts for commands that fetch without serving.
public struct ArtifactPull: Sendable {
  private let settings: ResolvedSettings

  /// Works out the settings as `serve` does: flags win over `SWIFTLET_` variables and the configuration file.
  ///
  /// - Parameter flags: what the command line gives, by the settings' names.
  /// - Throws: `StoreError` with the code `invalidLocation` that names the setting at fault.
  public init(flags: [(name: String, value: String?)]) throws(StoreError) {
    let words = flags.compactMap { flag in flag.value.map { "--\(flag.name)=\($0)" } }
    do throws(SettingsError) {
      settings = try ServeProgram.resolve(words)
    } catch {
      throw StoreError(.invalidLocation, error.description)
    }
  }

  /// What archives are unpacked under.
  public var archiveLimits: ArchiveLimits { ArchiveLimits(settings) }

  /// Fetches an artifact into the cache, and waits for it.
  ///
  /// - Parameter progress: called from any thread.
  public func fetch(
    _ text: String, progress: @escaping @Sendable (ArtifactProgress) -> Void
  ) throws(StoreError) -> FetchedArtifact {
    let location = try ArtifactLocation(text)
    let library = try Once<ArtifactLibrary>.library(settings).get()
    let version = settings[.modelVersion]
    let sha256 = settings[.sha256]
    return try Blocking.wait { () async throws(StoreError) in
      try await library.fetch(
        location, policy: version == "latest" ? .latest : .pinned(version), expectedSHA256: sha256,
        usesInPlace: false, takesCached: true, progress: progress)
    }
  }
}

extension ArchiveLimits {
  /// The limits of the settings.
  init(_ settings: ResolvedSettings) {
    self.init()
    maxBytes = settings[.maxArchiveSize]
    maxEntries = settings[.maxArchiveEntries]
    maxRatio = settings[.maxArchiveRatio]
  }
}
