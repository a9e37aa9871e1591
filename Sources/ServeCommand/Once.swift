import ArtifactS3
import ArtifactStores
import Settings
import Supervisor
import Synchronization

/// A value that is made when it is first asked for; one that could not be made is tried again.
final class Once<Value: Sendable>: Sendable {
  private let made = Mutex<Value?>(nil)
  private let make: @Sendable () throws(StoreError) -> Value

  init(_ make: @escaping @Sendable () throws(StoreError) -> Value) { self.make = make }

  var exists: Bool { made.withLock { $0 != nil } }

  func get() throws(StoreError) -> Value {
    let result: Result<Value, StoreError> = made.withLock { made in
      if let made { return .success(made) }
      do throws(StoreError) {
        let value = try make()
        made = value
        return .success(value)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }
}

extension Once where Value == ArtifactLibrary {
  /// The library that the settings describe. A server of a local model makes no folder and no connection for it.
  static func library(_ settings: ResolvedSettings) -> Once {
    Once { () throws(StoreError) in
      let path = CacheFolder.path(settings)
      try CacheFolder.claim(path)
      let cache = try ArtifactCache(path: path, maxBytes: settings[.cacheSize])
      _ = try cache.sweep()
      let client = Once<S3Client> { () throws(StoreError) in
        var configuration = try S3Configuration(environment: ProcessEnvironment.all)
        configuration.isAnonymous = settings[.s3Anonymous]
        return try S3Client(configuration)
      }
      // A fleet finds near names by itself.
      let isFleet = settings[.models] != nil || settings[.multiModel]
      return ArtifactLibrary(cache: cache, limits: ArchiveLimits(settings), suggestsNames: !isFleet) {
        bucket throws(StoreError) in
        try client.get().store(bucket: bucket)
      }
    }
  }
}
