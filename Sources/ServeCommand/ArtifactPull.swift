public import ArtifactStores
import Settings

/// Artifacts for commands that fetch without serving.
public enum ArtifactPull {
  /// Fetches an artifact into the cache, and waits for it.
  ///
  /// - Parameters:
  ///   - version: `latest`, or the name of a numeric folder.
  ///   - cacheFolder: nil for the one that `serve` uses by default.
  ///   - progress: called from any thread.
  public static func fetch(
    _ text: String, version: String, sha256: String?, cacheFolder: String?, cacheSize: Int,
    progress: @escaping @Sendable (ArtifactProgress) -> Void
  ) throws(StoreError) -> FetchedArtifact {
    var settings = ResolvedSettings()
    settings.set(Setting.cacheDir, cacheFolder)
    settings.set(Setting.cacheSize, cacheSize)
    let location = try ArtifactLocation(text)
    let library = try Once<ArtifactLibrary>.library(settings).get()
    return try Blocking.wait { () async throws(StoreError) in
      try await library.fetch(
        location, policy: version == "latest" ? .latest : .pinned(version), expectedSHA256: sha256,
        usesInPlace: false, progress: progress)
    }
  }
}
