import ArtifactStores
import ModelHosting
import ModelLoading
import Settings

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Weights that are prepared once and mapped by all processes: files beside the artifacts in the cache.
enum PreparedFolder {
  /// Models whose files are smaller are prepared faster than a file is written.
  private static let leastBytes = 1 << 20

  /// The folder for a model's weights; nil where they stay in memory.
  static func folder(for source: ModelSource, _ settings: ResolvedSettings) -> WeightsFolder? {
    var status = stat()
    let bytes = source.bytes > 0 ? source.bytes : stat(source.path, &status) == 0 ? Int(status.st_size) : 0
    let isFolder = status.st_mode & S_IFMT == S_IFDIR
    guard bytes >= leastBytes || (isFolder && source.bytes == 0) else { return nil }
    guard let path = try? ArtifactCache.preparedFolder(in: CacheFolder.path(settings)) else { return nil }
    return WeightsFolder(path, modelDigest: source.digest.utf8.count == 64 ? source.digest : nil)
  }
}
